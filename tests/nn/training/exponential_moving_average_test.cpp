#include "diffarch/nn/training/exponential_moving_average.hpp"

#include <array>
#include <cmath>
#include <cstring>

#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using diffarch::test::message_of;
using diffarch::test::random_matrix;
using diffarch::test::ThreadCount;

namespace {

using WeightAverage = nn::ExponentialMovingAverage<double, test::TestedKernels>;
using AverageMemory = test::KernelMemory<double>;

std::vector<double> average_of(const WeightAverage& average) { return test::values_of(average.average()); }

std::vector<double> averaged_weights(Index size, Index cut) {
  const AverageMemory weights(random_matrix(size, 6, 9));
  const auto at = [&](Index n) {
    return weights.span().subspan(static_cast<std::size_t>(n * size), static_cast<std::size_t>(size));
  };
  WeightAverage average(at(0));
  for (Index n = 1; n < 6; ++n) {
    const auto first = static_cast<std::size_t>(cut);
    const std::array<std::span<const double>, 2> pieces{at(n).first(first), at(n).subspan(first)};
    average.update(pieces);
  }
  return average_of(average);
}

bool same_average_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

TEST_CASE("The exponential moving average is the weighted sum of all weights", "[nn]") {
  const std::vector<double> numbers{1.0, -2.0, 0.5, 8.0};
  const AverageMemory weights(numbers);
  const double d = 0.7;
  WeightAverage average{weights.span().first(1), {.decay = d, .warm_up = false}};
  for (std::size_t n = 1; n < 4; ++n) average.update(weights.span().subspan(n, 1));
  const double expected = d * d * d * 1.0 + (1 - d) * (d * d * -2.0 + d * 0.5 + 8.0);
  CHECK(average_of(average)[0] == Approx(expected).epsilon(1e-14));
  CHECK(average.state().updates == 3);
}

TEST_CASE("The warm-up of the moving average forgets the first weights sooner", "[nn]") {
  const AverageMemory start(Vector<double>::Constant(1, 1.0).eval());
  const AverageMemory later(Vector<double>::Zero(1).eval());
  WeightAverage average(start.span(), {.decay = 0.5});
  CHECK(average.decay_at(1) == 2.0 / 11.0);
  CHECK(average.decay_at(7) == 8.0 / 17.0);
  CHECK(average.decay_at(8) == 0.5);
  CHECK(average.decay_at(1000000) == 0.5);
  average.update(later.span());
  average.update(later.span());
  CHECK(average_of(average)[0] == Approx(2.0 / 11.0 * 3.0 / 12.0).epsilon(1e-14));
}

TEST_CASE("The moving average has the same bits for any threads and any cut into pieces", "[nn]") {
  constexpr Index size = 5 * 8192 + 3;
  const std::vector<double> whole = averaged_weights(size, 0);
  CHECK(same_average_bits(averaged_weights(size, 8191), whole));
  for (const int threads : {1, 3}) {
    const ThreadCount limit(threads);
    CHECK(same_average_bits(averaged_weights(size, 0), whole));
  }
}

TEST_CASE("The moving average continues from its state bitwise", "[nn]") {
  const AverageMemory weights(random_matrix(20, 6, 4));
  const auto at = [&](Index n) { return weights.span().subspan(static_cast<std::size_t>(20 * n), 20); };
  WeightAverage uninterrupted(at(0));
  uninterrupted.update(at(1));
  uninterrupted.update(at(2));
  WeightAverage resumed(at(5));
  resumed.restore(uninterrupted.state());
  for (Index n = 3; n < 6; ++n) {
    uninterrupted.update(at(n));
    resumed.update(at(n));
  }
  CHECK(same_average_bits(average_of(resumed), average_of(uninterrupted)));
  CHECK(resumed.state().updates == 5);
}

TEST_CASE("The moving average refuses what does not fit", "[nn]") {
  const std::vector<double> weights(3, 1.0);
  const AverageMemory memory(weights);
  CHECK(message_of<InvalidArgument>([&] { WeightAverage(memory.span(), {.decay = 1}); }) ==
        "ExponentialMovingAverage: decay is 1; expected 0 <= decay < 1");
  CHECK_THAT(message_of<InvalidArgument>([&] { WeightAverage(memory.span(), {.decay = std::nan("")}); }),
             ContainsSubstring("decay is nan"));
  WeightAverage average(memory.span());
  CHECK(message_of<DimensionMismatch>([&] { average.update(memory.span().first(2)); }) ==
        "ExponentialMovingAverage: 2 weights; expected 3, as it was made for");
  CHECK_THAT(message_of<DimensionMismatch>([&] {
               average.restore({1, {1.0}});
             }),
             ContainsSubstring("a state of 1 weights; expected 3"));
  CHECK_THAT(message_of<InvalidArgument>([&] { average.restore({-1, weights}); }), ContainsSubstring("-1 updates"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               average.restore({1, {1.0, std::nan(""), 1.0}});
             }),
             ContainsSubstring("the state of weight 1 is nan"));
  CHECK(average.state().updates == 0);
  CHECK(average_of(average) == weights);
}
