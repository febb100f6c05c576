#include "diffarch/denoiser/posterior/training_softmax.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/denoiser/ideal.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

/// The posterior mean with prior probabilities, by loops in long double.
Batch<double> mean_by_definition(const Batch<double>& data, const Vector<double>& log_prior, const Batch<double>& y,
                                 NoiseLevel level) {
  Batch<double> result(y.rows(), y.cols());
  for (Index j = 0; j < y.cols(); ++j) {
    Vector<long double> exponents(data.cols());
    for (Index i = 0; i < data.cols(); ++i) {
      exponents(i) = static_cast<long double>(log_prior(i));
      for (Index row = 0; row < y.rows(); ++row) {
        const long double difference = static_cast<long double>(y(row, j)) -
                                       static_cast<long double>(level.signal) * static_cast<long double>(data(row, i));
        exponents(i) -= difference * difference / (2.0L * static_cast<long double>(level.noise * level.noise));
      }
    }
    const Vector<long double> weights = (exponents.array() - exponents.maxCoeff()).exp();
    result.col(j) = (data.cast<long double>() * weights / weights.sum()).cast<double>();
  }
  return result;
}

TEST_CASE("Ideal with prior probabilities is Bayes' rule", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(8, 2200, 1);  // more than two tiles
  const Vector<double> log_prior = 3.0 * random_matrix(2200, 1, 2).array() - 50.0;
  const IdealDenoiser<double> model(data, log_prior);
  for (const double sigma : {0.02, 0.5, 1.0, 4.0, 100.0})
    for (const NoiseLevel level :
         {NoiseLevel::from_sigma(sigma), NoiseLevel::from_sigma(sigma).variance_preserving()}) {
      const Batch<double> y = level.signal * data.leftCols(7) + level.noise * random_matrix(8, 7, 3);
      REQUIRE(relative_difference(model.denoise(y, level), mean_by_definition(data, log_prior, y, level)) < 1e-12);
      REQUIRE(relative_difference(Batch<double>(data * model.posterior_weights(y, level)), model.denoise(y, level)) <
              1e-12);
    }
  REQUIRE(model.log_prior().maxCoeff() == 0.0);
}

TEST_CASE("At pure noise the prior decides, without noise the distance", "[denoiser][ideal]") {
  Batch<double> data(1, 3);
  data << -1.0, 1.0, 4.0;
  const Vector<double> probabilities{{0.5, 0.3, 0.2}};
  const IdealDenoiser<double> model(std::move(data), probabilities.array().log());
  const Batch<double> y = Batch<double>::Constant(1, 1, 0.1);
  REQUIRE(model.denoise(y, NoiseLevel::from_alpha_bar(0.0))(0, 0) == Approx(0.6).epsilon(1e-14));
  REQUIRE(model.denoise(y, NoiseLevel::from_sigma(0.0))(0, 0) == 1.0);
}

TEST_CASE("A constant prior changes no bit, and a probability of almost zero takes a sample away",
          "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(5, 30, 4);
  const NoiseLevel level = NoiseLevel::from_sigma(1.3);
  const Batch<double> y = random_matrix(5, 6, 5);
  const IdealDenoiser<double> constant(data, Vector<double>::Constant(30, 7.5));
  REQUIRE(test::bitwise_equal(constant.denoise(y, level), IdealDenoiser<double>(data).denoise(y, level)));
  Vector<double> log_prior = Vector<double>::Zero(30);
  log_prior.tail(10).setConstant(-1e5);
  REQUIRE(relative_difference(IdealDenoiser<double>(data, log_prior).denoise(y, level),
                              IdealDenoiser<double>(data.leftCols(20)).denoise(y, level)) < 1e-14);
}

TEST_CASE("A prior that is no prior is refused", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(2, 3, 6);
  REQUIRE(message_of<DimensionMismatch>([&] { return IdealDenoiser<double>(data, Vector<double>::Zero(2)); }) ==
          "Ideal: 2 prior probabilities for 3 training samples");
  REQUIRE(message_of<InvalidArgument>([&] {
            return IdealDenoiser<double>(data, Vector<double>{{0.0, -std::numeric_limits<double>::infinity(), 0.0}});
          }) == "Ideal: the logarithm of prior probability 1 is -inf, expected a finite number");
}

}  // namespace
}  // namespace diffarch
