#include "diffarch/cuda/runtime/random.hpp"

#include <cstdint>

#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using test::message_of;

struct PhiloxWords {
  std::uint32_t* words;
  CounterRandom random;
  constexpr void operator()(Index block, Index sample) const {
    const PhiloxCounter four = random.words(sample + 5, block);
    for (std::size_t i = 0; i < 4; ++i) words[4 * (sample * 13 + block) + static_cast<Index>(i)] = four[i];
  }
};

TEST_CASE("The integers of the device are those of the host, bit by bit", "[cuda]") {
  const CounterRandom random(Seed{0x123456789ABCDEFU}, Stream{77});
  DeviceArray<std::uint32_t> words(4 * 13, 9);
  cuda::for_each(13, 9, PhiloxWords{words.data(), random});
  const auto found = words.download();
  for (Index sample = 0; sample < 9; ++sample)
    for (Index block = 0; block < 13; ++block) {
      const PhiloxCounter expected = random.words(sample + 5, block);
      for (Index i = 0; i < 4; ++i) REQUIRE(found(4 * block + i, sample) == expected[static_cast<std::size_t>(i)]);
    }
}

TEMPLATE_TEST_CASE("The normal numbers of the device are those of the host to rounding", "[cuda]", float, double) {
  for (const Index d : {1, 2, 3, 4, 5, 7, 8, 1001})
    for (const Index n : {0, 1, 6}) {
      const Matrix<TestType> noise =
          cuda::normal_batch<TestType>(d, n, Seed{3}, streams::step_noise(4), 1000000).download();
      const Batch<TestType> expected = normal_batch<TestType>(d, n, Seed{3}, streams::step_noise(4), 1000000);
      REQUIRE(noise.rows() == d);
      REQUIRE(noise.cols() == n);
      // Every number by itself: relative to its size, one unit of a float where the double was near the middle of two.
      const double tolerance = std::is_same_v<TestType, double> ? 1e-15 : 1.2e-7;
      for (Index i = 0; i < noise.size(); ++i)
        REQUIRE(std::abs(static_cast<double>(noise(i)) - static_cast<double>(expected(i))) <=
                tolerance * std::abs(static_cast<double>(expected(i))));
    }
}

TEST_CASE("Sample i is the same whichever samples are drawn with it", "[cuda]") {
  const Matrix<double> all = cuda::normal_batch<double>(6, 20, Seed{1}, Stream{2}, 0).download();
  REQUIRE(test::bitwise_equal(cuda::normal_batch<double>(6, 1, Seed{1}, Stream{2}, 11).download(),
                              Matrix<double>(all.col(11))));
}

TEST_CASE("Noise of no dimension is refused as on the host", "[cuda]") {
  REQUIRE(message_of<InvalidArgument>([] { return cuda::normal_batch<float>(0, 2, Seed{}, Stream{}, 0); }) ==
          message_of<InvalidArgument>([] { return normal_batch<float>(0, 2, Seed{}, Stream{}, 0); }));
}

}  // namespace
}  // namespace diffarch
