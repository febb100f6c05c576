#include "diffarch/denoiser/posterior/ideal_denoiser.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::relative_difference;
using test::TestedBackend;

/// The definition, sample by sample in long double.
template <class Scalar>
Batch<double> posterior_mean_by_definition(const Batch<Scalar>& data, const Batch<Scalar>& y, NoiseLevel level) {
  using Wide = long double;
  Batch<double> result(y.rows(), y.cols());
  for (Index j = 0; j < y.cols(); ++j) {
    Vector<Wide> exponents(data.cols());
    for (Index i = 0; i < data.cols(); ++i)
      exponents(i) =
          (y.col(j).template cast<Wide>() - Wide(level.signal) * data.col(i).template cast<Wide>()).squaredNorm() /
          (-2 * Wide(level.noise) * Wide(level.noise));
    const Vector<Wide> weights = (exponents.array() - exponents.maxCoeff()).exp();
    result.col(j) = (data.template cast<Wide>() * weights / weights.sum()).template cast<double>();
  }
  return result;
}

template <class Scalar>
Batch<Scalar> noisy_copies(const Batch<Scalar>& data, Index count, NoiseLevel level, unsigned seed) {
  return static_cast<Scalar>(level.signal) * data.leftCols(count) +
         static_cast<Scalar>(level.noise) * random_matrix<Scalar>(data.rows(), count, seed);
}

TEST_CASE("Ideal is the posterior mean over the training set", "[denoiser][ideal]") {
  // 2500 samples: more than two tiles. Distances between samples are about 8, so low levels pick one, high ones mix.
  const Batch<double> data = random_matrix(30, 2500, 1);
  const IdealDenoiser<double, TestedBackend> model(data);
  for (const double sigma : {0.01, 0.3, 1.0, 2.0, 5.0, 80.0, 2e4})
    for (const NoiseLevel level :
         {NoiseLevel::from_sigma(sigma), NoiseLevel::from_sigma(sigma).variance_preserving()}) {
      const Batch<double> y = noisy_copies(data, 20, level, 2);
      REQUIRE(relative_difference(denoise_on(model, y, level), posterior_mean_by_definition(data, y, level)) < 1e-12);
    }
}

TEST_CASE("In single precision Ideal keeps its weights where the squared distances cancel", "[denoiser][ideal]") {
  // Far from the origin |y|^2 - 2 x.y + |x|^2 loses all digits of distances near 1.
  const Batch<float> data = (random_matrix<float>(50, 1500, 3) * 0.3F).array() + 20.0F;
  const IdealDenoiser<float, TestedBackend> model(data);
  for (const double sigma : {0.05, 0.3, 1.0, 4.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const Batch<float> y = noisy_copies(data, 20, level, 4);
    const Batch<double> exact = posterior_mean_by_definition(data, y, level);
    const double error = (denoise_on(model, y, level).cast<double>() - exact).cwiseAbs().maxCoeff();
    REQUIRE(error < 2e-5);  // data of size 20 have roundings of 1e-6
  }
}

TEST_CASE("Ideal is bitwise independent of the batch", "[denoiser][ideal]") {
  const Batch<float> data = random_matrix<float>(33, 1100, 5);
  const IdealDenoiser<float, TestedBackend> model(data);
  const NoiseLevel level = NoiseLevel::from_sigma(1.5);
  const Batch<float> y = noisy_copies(data, 600, level, 6);  // more than one block of noisy samples
  const Batch<float> together = denoise_on(model, y, level);
  for (const Index column : {Index{0}, Index{17}, Index{511}, Index{512}, Index{599}})
    REQUIRE(bitwise_equal(Batch<float>(together.col(column)), denoise_on(model, y.col(column), level)));
  REQUIRE(bitwise_equal(Batch<float>(together.middleCols(100, 57)), denoise_on(model, y.middleCols(100, 57), level)));
}

TEST_CASE("Ideal at the ends of the schedule", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(6, 40, 7);
  const IdealDenoiser<double, TestedBackend> model(data);
  SECTION("Pure noise tells nothing: the mean") {
    const Batch<double> x0_hat = denoise_on(model, random_matrix(6, 3, 8), NoiseLevel::from_alpha_bar(0.0));
    for (Index j = 0; j < 3; ++j) REQUIRE((x0_hat.col(j) - data.rowwise().mean()).cwiseAbs().maxCoeff() < 1e-14);
  }
  SECTION("No noise: the nearest sample, equal ones shared") {
    Batch<double> pair(2, 4);
    pair << 1.0, 1.0, -1.0, 5.0, 2.0, -2.0, 0.0, 0.0;
    const IdealDenoiser<double, TestedBackend> symmetric(pair);
    const NoiseLevel clean = NoiseLevel::from_sigma(0.0);
    Batch<double> y(2, 2);
    y << -0.9, 1.5, 0.1, 0.0;
    const Batch<double> x0_hat = denoise_on(symmetric, y, clean);
    REQUIRE(x0_hat.col(0) == pair.col(2));
    REQUIRE(x0_hat(0, 1) == 1.0);
    REQUIRE(x0_hat(1, 1) == 0.0);  // between (1, 2) and (1, -2)
  }
  SECTION("Not a number stays visible, in its own column only") {
    Batch<double> y = random_matrix(6, 3, 9);
    y(2, 1) = std::numeric_limits<double>::quiet_NaN();
    const Batch<double> x0_hat = denoise_on(model, y, NoiseLevel::from_sigma(0.5));
    REQUIRE(x0_hat.col(0).allFinite());
    REQUIRE(x0_hat.col(1).hasNaN());
    REQUIRE(x0_hat.col(2).allFinite());
  }
  REQUIRE(message_of<DimensionMismatch>([&] {
            return denoise_on(model, random_matrix(5, 2, 1), NoiseLevel::from_sigma(1.0));
          }) == "denoise: y is (5, 2) but the model has dimension 6");
}

}  // namespace
}  // namespace diffarch
