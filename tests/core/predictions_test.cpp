#include "diffarch/core/predictions.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("epsilon_hat recovers the noise when the prediction is the clean sample", "[core]") {
  const Batch<double> x0 = test::random_matrix(5, 4, 1);
  const Batch<double> epsilon = test::random_matrix(5, 4, 2);
  for (const NoiseLevel level : {NoiseLevel::from_alpha_bar(0.3), NoiseLevel::from_sigma(2.0)}) {
    const Batch<double> y = level.signal * x0 + level.noise * epsilon;
    // A few roundings of numbers of the size of y, divided by a noise of about one.
    REQUIRE(test::relative_difference(epsilon_hat(y, x0, level), epsilon) < 1e-15 * 8);
  }
}

TEST_CASE("epsilon_hat and score take every expression of Eigen", "[core]") {
  const Batch<double> y = test::random_matrix(5, 4, 1);
  const Batch<double> x0_hat = test::random_matrix(5, 4, 2);
  const NoiseLevel level = NoiseLevel::from_sigma(2.0);
  const Batch<double> epsilon = epsilon_hat(y, x0_hat, level);
  REQUIRE(
      test::bitwise_equal(epsilon_hat(y.leftCols(2), x0_hat.leftCols(2), level), Batch<double>(epsilon.leftCols(2))));
  REQUIRE(test::bitwise_equal(epsilon_hat(y, 1.0 * x0_hat, level), epsilon));
  REQUIRE(test::bitwise_equal(score(y.col(0), x0_hat.col(0), level), Batch<double>(score(y, x0_hat, level).col(0))));
}

TEST_CASE("score is the gradient of the log density, by finite differences of a Gaussian", "[core]") {
  // x0 ~ N(0, lambda) in one dimension: y ~ N(0, v), v = lambda signal^2 + noise^2, and E[x0 | y] = lambda signal y /
  // v.
  const double lambda = 0.7;
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.4);
  const double v = lambda * level.signal * level.signal + level.noise * level.noise;
  const auto log_density = [v](double y) { return -0.5 * y * y / v; };
  const double y = 1.3;
  const double h = 1e-5;
  const double gradient = (log_density(y + h) - log_density(y - h)) / (2 * h);
  const Batch<double> value = score<double>(Batch<double>::Constant(1, 1, y),
                                            Batch<double>::Constant(1, 1, lambda * level.signal * y / v), level);
  // The central difference of a parabola has no truncation error, only rounding: eps / h = 2e-11.
  REQUIRE(value(0, 0) == Approx(gradient).epsilon(1e-9));
}

TEST_CASE("The clean level and unequal shapes have no epsilon_hat", "[core]") {
  const Batch<double> y = Batch<double>::Zero(3, 2);
  REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return epsilon_hat(y, y, NoiseLevel{}); }),
               ContainsSubstring("the clean level has no noise to predict"));
  const Batch<double> other = Batch<double>::Zero(3, 1);
  REQUIRE(test::message_of<DimensionMismatch>([&] {
            return score(y, other, NoiseLevel{1.0, 1.0});
          }) == "epsilon_hat: y is (3, 2) but x0_hat is (3, 1)");
}

}  // namespace
}  // namespace diffarch
