#include "diffarch/denoiser/posterior/posterior_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;
using test::random_matrix;

/// The definition, in long double, by loops.
template <class Scalar>
Matrix<double> weights_by_definition(const Batch<Scalar>& data, const Batch<Scalar>& y, NoiseLevel level) {
  Matrix<double> weights(data.cols(), y.cols());
  for (Index j = 0; j < y.cols(); ++j) {
    std::vector<long double> exponents;
    for (Index i = 0; i < data.cols(); ++i) {
      long double squared = 0.0L;
      for (Index row = 0; row < data.rows(); ++row) {
        const long double difference = static_cast<long double>(y(row, j)) -
                                       static_cast<long double>(level.signal) * static_cast<long double>(data(row, i));
        squared += difference * difference;
      }
      exponents.push_back(-squared /
                          (2.0L * static_cast<long double>(level.noise) * static_cast<long double>(level.noise)));
    }
    const long double largest = *std::max_element(exponents.begin(), exponents.end());
    long double sum = 0.0L;
    for (const long double exponent : exponents) sum += std::exp(exponent - largest);
    for (Index i = 0; i < data.cols(); ++i)
      weights(i, j) = static_cast<double>(std::exp(exponents[static_cast<std::size_t>(i)] - largest) / sum);
  }
  return weights;
}

TEST_CASE("Posterior weights are those of the definition, at every level", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(12, 1300, 1);
  for (const double sigma : {1e-3, 0.1, 0.5, 1.0, 3.0, 80.0, 1e4})
    for (const NoiseLevel level :
         {NoiseLevel::from_sigma(sigma), NoiseLevel::from_sigma(sigma).variance_preserving()}) {
      const Batch<double> y = level.signal * data.leftCols(9) + level.noise * random_matrix(12, 9, 2);
      const Matrix<double> weights = posterior_weights(data, y, level);
      REQUIRE(weights.rows() == 1300);
      REQUIRE(weights.cols() == 9);
      REQUIRE((weights - weights_by_definition(data, y, level)).cwiseAbs().maxCoeff() < 1e-12);
      REQUIRE((weights.colwise().sum().array() - 1.0).abs().maxCoeff() < 1e-13);
    }
}

TEST_CASE("Posterior weights in single precision", "[denoiser][ideal]") {
  const Batch<float> data = (random_matrix<float>(20, 500, 3) * 0.3F).array() + 20.0F;
  for (const double sigma : {0.05, 0.3, 1.0, 4.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const Batch<float> y = data.leftCols(6) + static_cast<float>(sigma) * random_matrix<float>(20, 6, 4);
    const Matrix<double> exact = weights_by_definition(data, y, level);
    // An exponent may be wrong by 2e-3, where the products decide it.
    REQUIRE((posterior_weights(data, y, level).cast<double>() - exact).cwiseAbs().maxCoeff() < 2e-3);
  }
}

TEST_CASE("Posterior weights at the ends of a schedule", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(4, 64, 5);
  SECTION("Pure noise tells nothing") {
    const Matrix<double> weights = posterior_weights(data, random_matrix(4, 3, 6), NoiseLevel::from_alpha_bar(0.0));
    REQUIRE((weights.array() == 1.0 / 64.0).all());
  }
  SECTION("Without noise the nearest sample has all, equal ones share") {
    const NoiseLevel clean = NoiseLevel::from_sigma(0.0);
    const Batch<double> y = data.middleCols(7, 2) + 1e-3 * random_matrix(4, 2, 7);
    const Matrix<double> weights = posterior_weights(data, y, clean);
    for (Index j = 0; j < 2; ++j)
      for (Index i = 0; i < 64; ++i) REQUIRE(weights(i, j) == (i == 7 + j ? 1.0 : 0.0));
    const Batch<double> pair{{-1.0, 1.0, 5.0}};
    REQUIRE(posterior_weights(pair, Batch<double>{{0.0}}, clean) == Matrix<double>{{0.5}, {0.5}, {0.0}});
  }
  SECTION("Not a number stays in its column") {
    Batch<double> y = random_matrix(4, 3, 8);
    y(1, 1) = std::numeric_limits<double>::quiet_NaN();
    const Matrix<double> weights = posterior_weights(data, y, NoiseLevel::from_sigma(1.0));
    REQUIRE(weights.col(0).allFinite());
    REQUIRE(weights.col(1).hasNaN());
    REQUIRE(weights.col(2).allFinite());
  }
}

TEST_CASE("No posterior weight is a denormal number", "[denoiser][ideal]") {
  // 3000 equal samples, which share the weight, and others whose weights fall to e^-120 of theirs in steps of e^-0.1:
  // in float numbers below e^-87.3 are denormal.
  Batch<float> data = Batch<float>::Zero(1, 4200);
  for (Index i = 3000; i < 4200; ++i) data(0, i) = std::sqrt(0.2F * static_cast<float>(i - 2999));
  const Matrix<float> weights = posterior_weights(data, Batch<float>{{0.0F}}, NoiseLevel::from_sigma(1.0));
  Index small = 0;
  for (const float weight : weights.col(0)) {
    REQUIRE((weight == 0.0F || std::isnormal(weight)));
    small += weight > 0.0F && weight < 1e-36F ? 1 : 0;
  }
  REQUIRE(small > 0);
  REQUIRE(weights(4199, 0) == 0.0F);
}

TEST_CASE("The prediction of Ideal is the data times the posterior weights", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(15, 2500, 9);  // more than two tiles
  const IdealDenoiser<double> model(data);
  for (const double sigma : {0.05, 0.7, 2.0, 30.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
    const Batch<double> y = level.signal * data.leftCols(11) + level.noise * random_matrix(15, 11, 10);
    const Matrix<double> weights = posterior_weights(data, y, level);
    REQUIRE(test::relative_difference(Batch<double>(data * weights), model.denoise(y, level)) < 1e-12);
    REQUIRE(bitwise_equal(weights, model.posterior_weights(y, level)));
    REQUIRE(bitwise_equal(Matrix<double>(weights.col(4)), posterior_weights(data, y.col(4), level)));
  }
}

TEST_CASE("Posterior weights say what is wrong", "[denoiser][ideal]") {
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  const Batch<double> data = random_matrix(3, 5, 11);
  REQUIRE(message_of<DimensionMismatch>([&] { return posterior_weights(data, random_matrix(2, 1, 1), level); }) ==
          "denoise: y is (2, 1) but the model has dimension 3");
  REQUIRE(message_of<InvalidArgument>([&] { return posterior_weights(Batch<double>(3, 0), data, level); }) ==
          "posterior_weights: the training data are (3, 0); expected at least one sample of at least one dimension");
  Batch<double> damaged = data;
  damaged(1, 2) = std::numeric_limits<double>::infinity();
  REQUIRE(message_of<InvalidArgument>([&] { return posterior_weights(damaged, data, level); }) ==
          "posterior_weights: the training data hold a value that is not finite");
}

}  // namespace
}  // namespace diffarch
