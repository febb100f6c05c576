#include "diffarch/data/gaussian_mixture_fit.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "data/gaussian_mixture_fit_reference.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

Matrix<double> matrix_of(const std::vector<double>& values, Index rows, Index columns, std::size_t first = 0) {
  return Eigen::Map<const Matrix<double>>(values.data() + first, rows, columns);
}

GaussianMixture<double> separated_mixture() {
  Matrix<double> means(2, 3);
  means << 0.0, 30.0, -5.0, 0.0, 10.0, 40.0;
  return GaussianMixture<double>(Vector<double>{{0.5, 0.3, 0.2}}, means,
                                 {Matrix<double>{{1.0, 0.4}, {0.4, 0.5}}, Matrix<double>{{2.0, -0.5}, {-0.5, 0.7}},
                                  Matrix<double>{{0.3, 0.0}, {0.0, 1.5}}});
}

TEST_CASE("Steps of the fit are those of scikit-learn", "[data]") {
  namespace reference = test::mixture_fit;
  const Batch<double> x = matrix_of(reference::samples, 3, 24);
  Matrix<double> start = Matrix<double>::Constant(3, 24, 0.2);
  for (Index i = 0; i < 24; ++i) start(i % 3, i) = 0.6;
  const auto check = [&](MixtureCovariances kind, const std::vector<double>& log_likelihoods,
                         const std::vector<double>& weights, const std::vector<double>& means,
                         const std::vector<double>& covariances) {
    const auto fit =
        fit_gaussian_mixture_from(x, start, {.covariances = kind, .floor = 1e-12, .tolerance = 0.0, .steps = 5});
    REQUIRE(fit.log_likelihoods.size() == log_likelihoods.size());
    for (std::size_t step = 0; step < log_likelihoods.size(); ++step)
      REQUIRE(fit.log_likelihoods[step] == Approx(log_likelihoods[step]).epsilon(1e-12));
    REQUIRE(relative_difference(fit.mixture.weights(), matrix_of(weights, 3, 1)) < 1e-11);
    REQUIRE(relative_difference(fit.mixture.means(), matrix_of(means, 3, 3)) < 1e-11);
    for (std::size_t k = 0; k < 3; ++k)
      REQUIRE(relative_difference(fit.mixture.covariances()[k], matrix_of(covariances, 3, 3, 9 * k)) < 1e-11);
    REQUIRE_FALSE(fit.converged);
  };
  check(MixtureCovariances::full, reference::full_log_likelihoods, reference::full_weights, reference::full_means,
        reference::full_covariances);
  check(MixtureCovariances::diagonal, reference::diagonal_log_likelihoods, reference::diagonal_weights,
        reference::diagonal_means, reference::diagonal_covariances);
}

TEST_CASE("Components far apart are found with the moments of their own samples", "[data]") {
  const GaussianMixture<double> truth = separated_mixture();
  const auto [samples, labels] = truth.sample_labelled(1500, Seed{1});
  const auto fit = fit_gaussian_mixture(samples, 3, {.tolerance = 1e-9, .starts = 4, .seed = Seed{2}});
  REQUIRE(fit.converged);
  for (Index k = 0; k < 3; ++k) {
    Index found = 0;
    (fit.mixture.means().colwise() - truth.means().col(k)).colwise().norm().minCoeff(&found);
    std::vector<Index> own;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] == k) own.push_back(static_cast<Index>(i));
    const Batch<double> part = samples(Eigen::all, own);
    const Vector<double> mean = part.rowwise().mean();
    const Matrix<double> offsets = part.colwise() - mean;
    REQUIRE(fit.mixture.weights()(found) == Approx(test::real(part.cols()) / 1500.0).epsilon(1e-9));
    REQUIRE((fit.mixture.means().col(found) - mean).norm() < 1e-9);
    REQUIRE(relative_difference(fit.mixture.covariances()[static_cast<std::size_t>(found)],
                                Matrix<double>(offsets * offsets.transpose() / test::real(part.cols()))) < 1e-9);
  }
}

TEST_CASE("The log-likelihood rises to a stationary point, and is that of the mixture", "[data]") {
  const Batch<double> x = three_component_mixture().sample(400, Seed{3}) + 0.4 * random_matrix(2, 400, 4);
  for (const MixtureCovariances kind : {MixtureCovariances::full, MixtureCovariances::diagonal})
    for (const double floor : {1e-6, 0.2})  // 0.2 is more than some variances
      for (const std::uint64_t seed : {5U, 6U, 7U}) {
        const auto fit = fit_gaussian_mixture(
            x, 4, {.covariances = kind, .floor = floor, .tolerance = 0.0, .steps = 60, .seed = Seed{seed}});
        for (std::size_t step = 1; step < fit.log_likelihoods.size(); ++step)
          REQUIRE(fit.log_likelihoods[step] >= fit.log_likelihoods[step - 1] - 1e-13);
        REQUIRE(fit.log_likelihoods.back() == Approx(fit.mixture.log_density(x).mean()).epsilon(1e-12));
        for (const Vector<double>& deviations : fit.mixture.deviations())
          REQUIRE(deviations.minCoeff() >= std::sqrt(floor) * (1.0 - 1e-12));
      }
  // No small change of a mean makes the samples more likely.
  const auto fit = fit_gaussian_mixture(x, 3, {.tolerance = 1e-14, .steps = 3000, .seed = Seed{8}});
  REQUIRE(fit.converged);
  for (Index k = 0; k < 3; ++k)
    for (Index row = 0; row < 2; ++row) {
      const auto moved = [&](double by) {
        Matrix<double> means = fit.mixture.means();
        means(row, k) += by;
        return GaussianMixture<double>(fit.mixture.weights(), means, fit.mixture.covariances()).log_density(x).mean();
      };
      const double slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      REQUIRE(std::abs(slope) < 1e-5);
      REQUIRE(moved(1e-2) < fit.log_likelihoods.back());
      REQUIRE(moved(-1e-2) < fit.log_likelihoods.back());
    }
}

TEST_CASE("One component is the mean and covariance, with variances of at least the floor", "[data]") {
  const Batch<double> x = test::correlated_samples(4, 2500, 9);  // more than two blocks
  const Vector<double> mean = x.rowwise().mean();
  const Matrix<double> offsets = x.colwise() - mean;
  const Matrix<double> covariance = offsets * offsets.transpose() / 2500.0;
  const auto full = fit_gaussian_mixture(x, 1);
  REQUIRE(full.converged);
  REQUIRE(full.mixture.weights()(0) == 1.0);
  REQUIRE(relative_difference(full.mixture.means(), mean) < 1e-12);
  REQUIRE(relative_difference(full.mixture.covariances()[0], covariance) < 1e-12);
  const auto diagonal = fit_gaussian_mixture(x, 1, {.covariances = MixtureCovariances::diagonal});
  REQUIRE(relative_difference(diagonal.mixture.covariances()[0], Matrix<double>(covariance.diagonal().asDiagonal())) <
          1e-12);
  // Between the second and the third variance.
  const Eigen::SelfAdjointEigenSolver<Matrix<double>> eigen(covariance);
  const double floor = 0.5 * (eigen.eigenvalues()(1) + eigen.eigenvalues()(2));
  const Matrix<double> raised =
      eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(floor).asDiagonal() * eigen.eigenvectors().transpose();
  const auto floored = fit_gaussian_mixture(x, 1, {.floor = floor});
  REQUIRE(relative_difference(floored.mixture.covariances()[0], raised) < 1e-12);
}

TEST_CASE("A component may shrink to a point, or to a line: the floor holds it", "[data]") {
  // Five equal samples, and five on a line.
  Batch<double> x = Batch<double>::Zero(3, 10);
  for (Index i = 5; i < 10; ++i) x.col(i).setConstant(1e3 + test::real(i * i));
  const auto fit = fit_gaussian_mixture(x, 2, {.seed = Seed{10}});
  REQUIRE(std::isfinite(fit.log_likelihoods.back()));
  REQUIRE(fit.mixture.weights().isApprox(Vector<double>::Constant(2, 0.5), 1e-12));
  const std::size_t point = fit.mixture.means()(0, 0) < 1.0 ? 0 : 1;
  REQUIRE(relative_difference(fit.mixture.covariances()[point], Matrix<double>(1e-6 * Matrix<double>::Identity(3, 3))) <
          1e-9);
}

TEST_CASE("A fit is a function of samples and options, and more starts are no worse", "[data]") {
  const Batch<double> x = three_component_mixture().sample(500, Seed{11});
  const auto fit_with = [&](Index starts, std::uint64_t seed) {
    return fit_gaussian_mixture(x, 5, {.tolerance = 1e-6, .starts = starts, .seed = Seed{seed}});
  };
  const auto one = fit_with(1, 12);
  const auto five = fit_with(5, 12);
  REQUIRE(five.log_likelihoods.back() >= one.log_likelihoods.back());
  REQUIRE(one.log_likelihoods.front() != fit_with(1, 13).log_likelihoods.front());
  const test::ThreadCount threads(3);
  const auto again = fit_with(5, 12);
  REQUIRE(again.log_likelihoods == five.log_likelihoods);
  REQUIRE(test::bitwise_equal(again.mixture.means(), five.mixture.means()));
}

TEST_CASE("Samples of float give a mixture of float", "[data]") {
  const Batch<float> x = separated_mixture().sample(300, Seed{14}).cast<float>();
  const auto fit = fit_gaussian_mixture(x, 3, {.starts = 4});
  STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(fit.mixture)>, GaussianMixture<float>>);
  const auto in_double = fit_gaussian_mixture(Batch<double>(x.cast<double>()), 3, {.starts = 4});
  REQUIRE(fit.log_likelihoods == in_double.log_likelihoods);
  REQUIRE(relative_difference(fit.mixture.means(), in_double.mixture.means()) < 1e-6);
}

TEST_CASE("The progress of a fit ends with all steps", "[data]") {
  std::vector<Progress> reports;
  const auto fit = fit_gaussian_mixture(separated_mixture().sample(100, Seed{15}), 3, {.starts = 2},
                                        [&](const Progress& progress) { reports.push_back(progress); });
  REQUIRE(fit.converged);
  REQUIRE_FALSE(reports.empty());
  REQUIRE(reports.back().task == "fit a Gaussian mixture");
  REQUIRE(reports.back().done == 200);
  REQUIRE(reports.back().total == 200);
  REQUIRE(reports.back().status.starts_with("log-likelihood "));
}

TEST_CASE("What no mixture can be fitted to is refused", "[data]") {
  const Batch<double> x = random_matrix(2, 6, 16);
  const auto refused = [&](const Batch<double>& samples, Index components, const MixtureFitOptions& options = {}) {
    return message_of<InvalidArgument>([&] { (void)fit_gaussian_mixture(samples, components, options); });
  };
  REQUIRE(
      refused(x, 7) ==
      "fit_gaussian_mixture: the samples are (2, 6) for 7 components; expected at least as many samples, of at least "
      "one dimension");
  REQUIRE(refused(x, 0) == "fit_gaussian_mixture: components = 0, expected at least 1");
  REQUIRE(refused(Batch<double>::Ones(2, 6), 1) ==
          "fit_gaussian_mixture: all samples are equal; expected samples with a variance");
  Batch<double> few = Batch<double>::Ones(2, 6);
  few.col(3).setZero();
  REQUIRE(refused(few, 3) == "kmeans_plus_plus: there are only 2 distinct samples for 3 clusters");
  Batch<double> damaged = x;
  damaged(1, 2) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(refused(damaged, 2) == "fit_gaussian_mixture: a sample is not finite");
  REQUIRE(refused(x, 2, {.floor = 0.0}) == "fit_gaussian_mixture: floor = 0, expected a finite variance > 0");
  REQUIRE(refused(x, 2, {.tolerance = -1.0}) == "fit_gaussian_mixture: tolerance = -1, expected at least 0");
  REQUIRE(refused(x, 2, {.steps = 0}) == "fit_gaussian_mixture: steps = 0, starts = 1, expected at least 1");
  REQUIRE(refused(x, 2, {.starts = 0}) == "fit_gaussian_mixture: steps = 100, starts = 0, expected at least 1");
  REQUIRE(message_of<DimensionMismatch>([&] {
            (void)fit_gaussian_mixture_from(x, Matrix<double>::Constant(2, 5, 0.5));
          }) == "fit_gaussian_mixture_from: responsibilities are (2, 5) for 6 samples");
  REQUIRE(message_of<InvalidArgument>([&] {
            (void)fit_gaussian_mixture_from(x, Matrix<double>::Constant(2, 6, 0.4));
          }) == "fit_gaussian_mixture_from: expected responsibilities >= 0, those of each sample with sum 1");
}

}  // namespace
}  // namespace diffarch
