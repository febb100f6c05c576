#include "diffarch/cuda/runtime/launch.hpp"

#include <utility>
#include <vector>

#include "diffarch/cuda/runtime/device_array.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;

struct CountAndPlace {
  int* visits;
  Index* places;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    ++visits[column * rows + row];
    places[column * rows + row] = 1000000 * row + column;
  }
};

TEST_CASE("A launch visits every element once and tells it its row and column", "[cuda]") {
  for (const auto& [rows, columns] : std::vector<std::pair<Index, Index>>{
           {1, 1}, {1, 1000}, {1000, 1}, {255, 3}, {256, 3}, {257, 5}, {40000, 3}, {0, 3}, {3, 0}}) {
    DeviceArray<int> visits(rows, columns);
    visits.set_zero();
    DeviceArray<Index> places(rows, columns);
    cuda::for_each(rows, columns, CountAndPlace{visits.data(), places.data(), rows});
    REQUIRE((visits.download().array() == 1).all());
    const Matrix<Index> found = places.download();
    bool right = true;
    for (Index column = 0; column < columns; ++column)
      for (Index row = 0; row < rows; ++row) right = right && found(row, column) == 1000000 * row + column;
    REQUIRE(right);
  }
}

/// Block kernel: threads hand a number around the block, phase by phase.
template <int Threads>
struct HandAround {
  static constexpr int threads = Threads;
  struct Shared {
    Index held[2][Threads];
  };
  Index* result;  ///< (threads, blocks)
  int turns;
  [[nodiscard]] constexpr int phases() const { return turns + 2; }
  constexpr void operator()(int phase, Index block, int thread, Shared& shared) const {
    if (phase == 0)
      shared.held[0][thread] = 1000 * block + thread;
    else if (phase <= turns)
      shared.held[phase % 2][thread] = shared.held[(phase - 1) % 2][(thread + 1) % threads];
    else
      result[block * threads + thread] = shared.held[turns % 2][thread];
  }
};

TEMPLATE_TEST_CASE_SIG("Threads of a block see in a phase what others wrote in the one before", "[cuda]",
                       ((int Threads), Threads), 1, 32, 256) {
  for (const Index blocks : {0, 1, 7, 300})
    for (const int turns : {0, 1, 5}) {
      DeviceArray<Index> result(Threads, blocks);
      cuda::for_each_block(blocks, HandAround<Threads>{result.data(), turns});
      const Matrix<Index> held = result.download();
      bool right = true;
      for (Index block = 0; block < blocks; ++block)
        for (Index thread = 0; thread < Threads; ++thread)
          right = right && held(thread, block) == 1000 * block + (thread + turns) % Threads;
      REQUIRE(right);
    }
}

#ifdef DIFFARCH_EMULATED_DEVICE
TEST_CASE("Without waits between phases the same kernel is wrong", "[cuda]") {
  DeviceArray<Index> result(32, 1);
  emulated_device::set_fault(emulated_device::Fault::no_block_wait);
  cuda::for_each_block(1, HandAround<32>{result.data(), 5});
  emulated_device::set_fault(emulated_device::Fault::none);
  REQUIRE(result.download()(0, 0) != 5);
}
#endif

}  // namespace
}  // namespace diffarch
