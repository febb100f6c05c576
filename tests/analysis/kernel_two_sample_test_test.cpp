#include "diffarch/analysis/kernel_two_sample_test.hpp"

#include <cmath>
#include <limits>
#include <set>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::real;

double gaussian_kernel(const Vector<double>& a, const Vector<double>& b, double bandwidth) {
  return std::exp(-(a - b).squaredNorm() / (2.0 * bandwidth * bandwidth));
}

TEST_CASE("MMD^2 is its definition", "[analysis]") {
  const Batch<double> x = random_matrix(3, 7, 1).array() + 5.0;
  const Batch<double> y = random_matrix(3, 5, 2).array() + 5.5;
  constexpr double h = 1.3;
  double within_x = 0.0;
  double within_y = 0.0;
  double between = 0.0;
  for (Index i = 0; i < 7; ++i)
    for (Index j = 0; j < 7; ++j)
      if (i != j) within_x += gaussian_kernel(x.col(i), x.col(j), h) / 42.0;
  for (Index i = 0; i < 5; ++i)
    for (Index j = 0; j < 5; ++j)
      if (i != j) within_y += gaussian_kernel(y.col(i), y.col(j), h) / 20.0;
  for (Index i = 0; i < 7; ++i)
    for (Index j = 0; j < 5; ++j) between += gaussian_kernel(x.col(i), y.col(j), h) / 35.0;
  const auto test = kernel_two_sample_test(x, y, {.bandwidth = h, .permutations = 10});
  REQUIRE(test.mmd_squared == Approx(within_x + within_y - 2.0 * between).epsilon(1e-12));
  REQUIRE(test.bandwidth == h);
}

TEST_CASE("MMD^2 of Gaussians is unbiased for its closed form", "[analysis]") {
  // E k(a, b) of a - b ~ N(mu, v I): (h^2 / (h^2 + v))^(d/2) exp(-|mu|^2 / (2 (h^2 + v))).
  constexpr Index d = 2;
  constexpr double h = 0.8;
  constexpr double deviation_y = 1.4;
  const Vector<double> shift{{0.5, -0.3}};
  const auto expected_kernel = [&](double variance, double distance_squared) {
    return std::pow(h * h / (h * h + variance), 0.5 * d) * std::exp(-distance_squared / (2.0 * (h * h + variance)));
  };
  const double expected = expected_kernel(2.0, 0.0) + expected_kernel(2.0 * deviation_y * deviation_y, 0.0) -
                          2.0 * expected_kernel(1.0 + deviation_y * deviation_y, shift.squaredNorm());
  constexpr Index repetitions = 300;
  Vector<double> values(repetitions);
  for (Index r = 0; r < repetitions; ++r) {
    const Batch<double> x = random_matrix(d, 30, 1000 + static_cast<unsigned>(r));
    const Batch<double> y = (deviation_y * random_matrix(d, 40, 5000 + static_cast<unsigned>(r))).colwise() + shift;
    values(r) = kernel_two_sample_test(x, y, {.bandwidth = h, .permutations = 1}).mmd_squared;
  }
  const double error =
      std::sqrt((values.array() - values.mean()).square().sum() / real(repetitions - 1) / real(repetitions));
  REQUIRE(error < 0.1 * expected);
  REQUIRE(std::abs(values.mean() - expected) < 4.9 * error);  // false alarm 1e-6
}

TEST_CASE("Without a difference p-values are uniform", "[analysis]") {
  constexpr Index repetitions = 200;
  std::vector<double> p_values;
  for (Index r = 0; r < repetitions; ++r) {
    const Batch<double> both = random_matrix(2, 35, 100 + static_cast<unsigned>(r));
    p_values.push_back(kernel_two_sample_test(both.leftCols(15), both.rightCols(20), {.permutations = 99}).p_value);
  }
  std::sort(p_values.begin(), p_values.end());
  double largest = 0.0;
  for (std::size_t i = 0; i < p_values.size(); ++i)
    largest = std::max({largest, std::abs(p_values[i] - real(static_cast<Index>(i)) / repetitions),
                        std::abs(p_values[i] - real(static_cast<Index>(i) + 1) / repetitions)});
  // Dvoretzky-Kiefer-Wolfowitz: beyond 0.19 with probability 2 exp(-2 200 0.19^2) = 1e-6; p-values are steps of 0.01.
  REQUIRE(largest < 0.19 + 0.01);
}

TEST_CASE("A difference is found where moments agree", "[analysis]") {
  // Both have mean 0 and variance 1: two points, and a Gaussian.
  Batch<double> x = random_matrix(1, 300, 7).cwiseSign();
  const Batch<double> y = random_matrix(1, 300, 8);
  const auto test = kernel_two_sample_test(x, y);
  REQUIRE(test.p_value == Approx(0.001));
  REQUIRE(test.bandwidth > 0.0);
  // The same samples as f32 to their rounding.
  REQUIRE(kernel_two_sample_test(x.cast<float>(), y.cast<float>()).mmd_squared ==
          Approx(test.mmd_squared).margin(1e-6));
}

TEST_CASE("Permutations are permutations, all different", "[analysis]") {
  const CounterRandom random(Seed{1}, streams::permutations);
  std::set<std::vector<Index>> seen;
  for (Index b = 0; b < 50; ++b) {
    std::vector<Index> order = detail::shuffled(12, random, b);
    REQUIRE(seen.insert(order).second);
    std::sort(order.begin(), order.end());
    for (Index i = 0; i < 12; ++i) REQUIRE(order[std::size_t(i)] == i);
  }
}

TEST_CASE("The two-sample test says what is wrong", "[analysis]") {
  const Batch<double> x = random_matrix(2, 4, 1);
  REQUIRE(message_of<DimensionMismatch>([&] { return kernel_two_sample_test(x, random_matrix(3, 4, 1)); }) ==
          "kernel_two_sample_test: samples (2, 4) and (3, 4)");
  REQUIRE(message_of<InvalidArgument>([&] { return kernel_two_sample_test(x, random_matrix(2, 1, 1)); }) ==
          "kernel_two_sample_test: 4 and 1 samples; expected at least two of each");
  Batch<double> broken = x;
  broken(1, 2) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] { return kernel_two_sample_test(x, broken); }) ==
          "kernel_two_sample_test: sample of y 2 has a value that is NaN, infinite or too large to square");
  REQUIRE(message_of<InvalidArgument>([&] { return kernel_two_sample_test(x, x, {.permutations = 0}); }) ==
          "kernel_two_sample_test: permutations = 0, expected at least 1");
  const Batch<double> same = Batch<double>::Constant(2, 5, 1.0);
  REQUIRE(message_of<InvalidArgument>([&] { return kernel_two_sample_test(same, same); }) ==
          "kernel_two_sample_test: more than half of the pairs of samples coincide; give a bandwidth");
  REQUIRE(kernel_two_sample_test(same, same, {.bandwidth = 1.0, .permutations = 9}).p_value == 1.0);
}

}  // namespace
}  // namespace diffarch
