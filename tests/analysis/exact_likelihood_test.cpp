#include "diffarch/analysis/exact_likelihood.hpp"

#include <Eigen/Cholesky>
#include <limits>
#include <numbers>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

/// The flow is affine: its matrix and offset are what `exact_flow` makes of unit vectors and of zero. The density is
/// then that of a Gaussian with a full covariance, by Cholesky's factorisation.
template <class Model>
Vector<double> density_by_exact_flow(const Model& model, NoiseLevel from, NoiseLevel to, const Batch<double>& x) {
  const Index d = model.dimension();
  const Vector<double> offset = exact_flow(model, Batch<double>(Batch<double>::Zero(d, 1)), from, to);
  const Matrix<double> map =
      exact_flow(model, Batch<double>(Batch<double>::Identity(d, d)), from, to).colwise() - offset;
  const Matrix<double> covariance = from.scale() * from.scale() / (to.signal * to.signal) * map * map.transpose();
  const Eigen::LLT<Matrix<double>> factor(covariance);
  const Matrix<double> centred = x.colwise() - offset / to.signal;
  const Matrix<double> standardised = factor.matrixL().solve(centred);
  const double log_determinant = 2.0 * Matrix<double>(factor.matrixL()).diagonal().array().log().sum();
  return -0.5 * (standardised.colwise().squaredNorm().transpose().array() + log_determinant +
                 test::real(d) * std::log(2.0 * std::numbers::pi));
}

TEST_CASE("The exact likelihood is the density of the exact flow's affine map", "[analysis][likelihood]") {
  const Index d = 6;
  const Batch<double> data = test::correlated_samples(d, 40, 4);
  const Batch<double> x = data.leftCols(9);
  const NoiseLevel small = NoiseLevel::from_sigma(0.05);
  const auto check = [&](const auto& model) {
    for (const NoiseLevel& from :
         {NoiseLevel::from_sigma(80.0), NoiseLevel::from_sigma(2.0).variance_preserving(), NoiseLevel{0.0, 1.0}})
      for (const NoiseLevel& to : {small, NoiseLevel::from_sigma(0.4).variance_preserving()})
        CHECK(test::relative_difference(exact_log_likelihood(model, from, to, x),
                                        density_by_exact_flow(model, from, to, x)) < 1e-10);
  };
  const auto full = fit(Linear{}, data, KarrasSchedule{});
  check(full);
  check(fit(RankK{.rank = 2}, data, KarrasSchedule{}));
  // With as many modes as dimensions there is a density without noise, too: from pure noise that of the data's moments.
  const Vector<double> clean = exact_log_likelihood(full, NoiseLevel{0.0, 1.0}, NoiseLevel{}, x);
  const Vector<double> mean = data.rowwise().mean();
  const Matrix<double> centred = data.colwise() - mean;
  const Eigen::LLT<Matrix<double>> factor(centred * centred.transpose() / 40.0);
  const Vector<double> at = x.col(0) - mean;
  CHECK(clean(0) == Approx(-0.5 * (at.dot(factor.solve(at)) + test::real(d) * std::log(2.0 * std::numbers::pi)) -
                           Matrix<double>(factor.matrixL()).diagonal().array().log().sum())
                        .epsilon(1e-11));
  // Float coordinates: rounding 6e-8 of values of order 1 in units of deviations down to 0.06.
  const auto narrow = fit(Linear{}, Batch<float>(data.cast<float>()), KarrasSchedule{});
  CHECK(test::relative_difference(
            exact_log_likelihood(narrow, NoiseLevel::from_sigma(80.0), small, Batch<float>(x.cast<float>())),
            exact_log_likelihood(full, NoiseLevel::from_sigma(80.0), small, x)) < 1e-4);
  CHECK(
      test::bitwise_equal(exact_log_likelihood(full, NoiseLevel::from_sigma(80.0), small, x.leftCols(2)),
                          Vector<double>(exact_log_likelihood(full, NoiseLevel::from_sigma(80.0), small, x).head(2))));
}

TEST_CASE("Densities that do not exist are refused", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(5, 40, 4);
  const auto model = fit(RankK{.rank = 3}, data, KarrasSchedule{});
  const NoiseLevel first = NoiseLevel::from_sigma(80.0);
  const NoiseLevel last = NoiseLevel::from_sigma(0.1);
  CHECK(message_of<InvalidArgument>([&] { (void)exact_log_likelihood(model, first, NoiseLevel{}, data); }) ==
        "exact_log_likelihood: the model has 3 modes in dimension 5, so that at sigma = 0 what it generates lies on a "
        "subspace and has no density; expected sigma > 0");
  CHECK(message_of<DimensionMismatch>([&] {
          (void)exact_log_likelihood(model, first, last, random_matrix(4, 2, 1));
        }) == "exact_log_likelihood: x is (4, 2) but the model has dimension 5; expected (5, n) with n >= 1");
  const std::string levels = ", expected noise at the first level, and at the second no more, and a finite sigma";
  CHECK(message_of<InvalidArgument>([&] { (void)exact_log_likelihood(model, last, first, data); }) ==
        "exact_log_likelihood: from sigma = 0.1 to sigma = 80" + levels);
  CHECK(message_of<InvalidArgument>([&] { (void)exact_log_likelihood(model, NoiseLevel{}, NoiseLevel{}, data); }) ==
        "exact_log_likelihood: from sigma = 0 to sigma = 0" + levels);
  CHECK(message_of<InvalidArgument>([&] {
          (void)exact_log_likelihood(model, NoiseLevel{0.0, 1.0}, NoiseLevel{0.0, 1.0}, data);
        }) == "exact_log_likelihood: from sigma = inf to sigma = inf" + levels);
  Batch<double> bad = data;
  bad(2, 7) = std::numeric_limits<double>::infinity();
  CHECK(message_of<InvalidArgument>([&] { (void)exact_log_likelihood(model, first, last, bad); }) ==
        "exact_log_likelihood: sample 7 has a value that is NaN, infinite or too large to square");
}

}  // namespace
}  // namespace diffarch
