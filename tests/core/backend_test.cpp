#include "diffarch/core/backend.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::random_matrix;

struct NameOnly {
  [[nodiscard]] static std::string name() { return "name only"; }
};

struct CountVisits {
  int* visits;
  Index rows;
  void operator()(Index row, Index column) const { ++visits[column * rows + row]; }
};

TEST_CASE("Cpu is a Backend, a type without storage is not", "[core]") {
  STATIC_REQUIRE(Backend<Cpu>);
  STATIC_REQUIRE_FALSE(Backend<NameOnly>);
  STATIC_REQUIRE_FALSE(Backend<int>);
  REQUIRE(Cpu::name() == "cpu");
}

TEST_CASE("for_each visits every element of an array exactly once whatever its shape", "[core]") {
  // One row, one column, tall columns cut into several tasks (more than 2^15 rows), many columns in one task, empty.
  const std::vector<std::pair<Index, Index>> shapes = {{1, 1},     {1, 100000}, {7, 9000}, {3, 5},
                                                       {40000, 3}, {65536, 2},  {0, 4},    {4, 0}};
  for (const auto& [rows, columns] : shapes)
    for (const int threads : {1, 2}) {
      const test::ThreadCount guard(threads);
      std::vector<int> visits(static_cast<std::size_t>(rows * columns), 0);
      Cpu::for_each(rows, columns, CountVisits{visits.data(), rows});
      INFO(rows << " x " << columns << ", " << threads << " threads");
      REQUIRE(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
    }
}

TEST_CASE("Uploading to the host and downloading again moves the memory and keeps every bit", "[core]") {
  Batch<float> batch = random_matrix<float>(5, 4, 1);
  const Batch<float> copy = batch;
  const float* const memory = batch.data();
  Batch<float> storage = Cpu::upload(std::move(batch));
  REQUIRE(storage.data() == memory);
  const Batch<float> back = Cpu::download(std::move(storage));
  REQUIRE(back.data() == memory);
  REQUIRE(bitwise_equal(back, copy));
}

TEST_CASE("all_finite finds one NaN or infinity anywhere", "[core]") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    Batch<double> batch = random_matrix(3, 3, 2);
    REQUIRE(Cpu::all_finite(batch));
    batch(2, 1) = bad;
    REQUIRE_FALSE(Cpu::all_finite(batch));
  }
}

TEST_CASE("The noise of the host backend is normal_batch", "[core]") {
  REQUIRE(bitwise_equal(Cpu::normal<double>(5, 3, Seed{4}, Stream{9}, 2),
                        normal_batch<double>(5, 3, Seed{4}, Stream{9}, 2)));
}

}  // namespace
}  // namespace diffarch
