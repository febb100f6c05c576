#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "diffarch/core/progress.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/data/kmeans_plus_plus.hpp"

namespace diffarch {

/// The form that the covariances of a fitted mixture have.
enum class MixtureCovariances {
  full,     ///< any
  diagonal  ///< of elements that are independent within a component: d numbers each, not d^2
};

/// How `fit_gaussian_mixture` fits.
struct MixtureFitOptions {
  MixtureCovariances covariances = MixtureCovariances::full;
  double floor = 1e-6;      ///< least variance of a component in any direction, > 0, in squared units of the data
  double tolerance = 1e-3;  ///< stops when a step gains less log-likelihood per sample than this, >= 0
  Index steps = 100;        ///< at most so many, >= 1
  Index starts = 1;         ///< fits from so many draws of k-means++, of which the most likely is returned
  Seed seed = {};           ///< of the start
};

/// A mixture fitted to samples, and how the fit went.
template <class Scalar>
struct MixtureFit {
  GaussianMixture<Scalar> mixture;
  /// Mean of log p over the samples: of the start, and after each step. The last is that of `mixture`.
  std::vector<double> log_likelihoods;
  bool converged = false;  ///< whether the last step gained less than the tolerance
};

namespace detail {

/// Expectation-maximisation for a mixture on samples x (d, n), in double.
template <class Real>
class MixtureExpectationMaximisation {
 public:
  MixtureExpectationMaximisation(const Matrix<Real>& x, Index components, const MixtureFitOptions& options)
      : x_(x), options_(options), weights_(components), means_(x.rows(), components), covariances_(components) {}

  /// The M step: weights, means and covariances that are most likely given responsibilities (m, n), columns of sum 1.
  void maximise(const Matrix<Real>& responsibilities) {
    const SerialEigen serial;
    parallel_for(weights_.size(), x_.size() * x_.rows(), [&](Index k) {
      const Vector<Real> share = responsibilities.row(k).transpose();
      weights_(k) = share.sum() + Real(10) * std::numeric_limits<Real>::epsilon();  // none is empty
      means_.col(k) = x_ * share / weights_(k);
      covariances_[static_cast<std::size_t>(k)] = covariance(share / weights_(k), k);
    });
    weights_ /= weights_.sum();
  }

  /// The E step: responsibilities p(k | x) (m, n). Returns the mean of log p(x) over the samples.
  [[nodiscard]] double expect(Matrix<Real>& responsibilities) const {
    const SerialEigen serial;
    const Index m = weights_.size();
    responsibilities.resize(m, x_.cols());
    parallel_for(m, x_.size() * x_.rows(), [&](Index k) { responsibilities.row(k) = log_joint(k).transpose(); });
    Vector<Real> log_likelihoods(x_.cols());
    parallel_for(x_.cols(), 32 * m, [&](Index i) {
      auto column = responsibilities.col(i);
      const Real largest = column.maxCoeff();
      column = (column.array() - largest).exp();
      const Real sum = column.sum();
      column /= sum;
      log_likelihoods(i) = largest + std::log(sum);
    });
    return log_likelihoods.mean();
  }

  /// The mixture after the last M step.
  template <class Scalar>
  [[nodiscard]] GaussianMixture<Scalar> mixture() const {
    std::vector<Matrix<Scalar>> covariances;
    for (const Matrix<Real>& covariance : covariances_)
      covariances.push_back(is_diagonal() ? Matrix<Scalar>(covariance.col(0).template cast<Scalar>().asDiagonal())
                                          : Matrix<Scalar>(covariance.template cast<Scalar>()));
    return GaussianMixture<Scalar>(weights_.template cast<Scalar>(), means_.template cast<Scalar>(),
                                   std::move(covariances));
  }

 private:
  static constexpr Index block = 1024;  ///< columns of a temporary copy of the samples

  [[nodiscard]] bool is_diagonal() const { return options_.covariances == MixtureCovariances::diagonal; }

  /// Covariance (d, d), or variances (d, 1), about mean k of samples with these weights of sum 1.
  [[nodiscard]] Matrix<Real> covariance(const Vector<Real>& share, Index k) const {
    const Index d = x_.rows();
    Matrix<Real> result = Matrix<Real>::Zero(d, is_diagonal() ? 1 : d);
    for (Index first = 0; first < x_.cols(); first += block) {
      const Index count = std::min(block, x_.cols() - first);
      const Matrix<Real> offsets = x_.middleCols(first, count).colwise() - means_.col(k);
      if (is_diagonal())
        result += offsets.cwiseAbs2() * share.segment(first, count);
      else
        result += offsets * share.segment(first, count).asDiagonal() * offsets.transpose();
    }
    return is_diagonal() ? Matrix<Real>(result.cwiseMax(options_.floor)) : floored(result);
  }

  /// The most likely covariance with no eigenvalue below the floor, or below rounding: smaller ones are raised to it.
  [[nodiscard]] Matrix<Real> floored(const Matrix<Real>& covariance) const {
    const Index d = x_.rows();
    const Real rounding = Real(16) * static_cast<Real>(d) * std::numeric_limits<Real>::epsilon() * covariance.trace();
    const Real floor = std::max(static_cast<Real>(options_.floor), rounding);
    if (Eigen::LLT<Matrix<Real>>(covariance - floor * Matrix<Real>::Identity(d, d)).info() == Eigen::Success)
      return covariance;
    const Eigen::SelfAdjointEigenSolver<Matrix<Real>> eigen(covariance);
    const Vector<Real> raised = eigen.eigenvalues().cwiseMax(floor);
    const Matrix<Real> result = eigen.eigenvectors() * raised.asDiagonal() * eigen.eigenvectors().transpose();
    return (result + result.transpose()) / Real(2);
  }

  /// log of weight k times N(x; mean k, covariance k), (n).
  [[nodiscard]] Vector<Real> log_joint(Index k) const {
    const Index d = x_.rows();
    const Matrix<Real>& covariance = covariances_[static_cast<std::size_t>(k)];
    Matrix<Real> factor;
    if (is_diagonal())
      factor = covariance.cwiseSqrt();
    else
      factor = covariance.llt().matrixL();
    const Real log_determinant = (is_diagonal() ? factor.col(0) : Vector<Real>(factor.diagonal())).array().log().sum();
    const Real constant = std::log(weights_(k)) - log_determinant -
                          Real(0.5) * static_cast<Real>(d) * std::log(Real(2) * std::numbers::pi_v<Real>);
    Vector<Real> result(x_.cols());
    for (Index first = 0; first < x_.cols(); first += block) {
      const Index count = std::min(block, x_.cols() - first);
      Matrix<Real> offsets = x_.middleCols(first, count).colwise() - means_.col(k);
      if (is_diagonal())
        offsets = factor.col(0).cwiseInverse().asDiagonal() * offsets;
      else
        factor.template triangularView<Eigen::Lower>().solveInPlace(offsets);
      result.segment(first, count) = (Real(-0.5) * offsets.colwise().squaredNorm().array() + constant).transpose();
    }
    return result;
  }

  const Matrix<Real>& x_;
  const MixtureFitOptions& options_;
  Vector<Real> weights_;
  Matrix<Real> means_;                     ///< (d, m)
  std::vector<Matrix<Real>> covariances_;  ///< m of (d, d), or of variances (d, 1)
};

template <class Scalar>
void check_mixture_fit(const Batch<Scalar>& x, Index components, const MixtureFitOptions& options) {
  require(components >= 1, "fit_gaussian_mixture: components = ", components, ", expected at least 1");
  require(x.rows() >= 1 && x.cols() >= components, "fit_gaussian_mixture: the samples are ", shape_text(x), " for ",
          components, " components; expected at least as many samples, of at least one dimension");
  require(x.allFinite(), "fit_gaussian_mixture: a sample is not finite");
  require((x.colwise() - x.col(0)).cwiseAbs().maxCoeff() > Scalar(0),
          "fit_gaussian_mixture: all samples are equal; expected samples with a variance");
  require(options.floor > 0.0 && std::isfinite(options.floor), "fit_gaussian_mixture: floor = ", options.floor,
          ", expected a finite variance > 0");
  require(options.tolerance >= 0.0, "fit_gaussian_mixture: tolerance = ", options.tolerance, ", expected at least 0");
  require(options.steps >= 1 && options.starts >= 1, "fit_gaussian_mixture: steps = ", options.steps,
          ", starts = ", options.starts, ", expected at least 1");
}

/// The fit from given responsibilities (m, n).
template <class Scalar, class Real>
[[nodiscard]] MixtureFit<Scalar> fit_mixture_from(const Matrix<Real>& x, Matrix<Real> responsibilities,
                                                  const MixtureFitOptions& options, ProgressReporter& reporter) {
  MixtureExpectationMaximisation<Real> em(x, responsibilities.rows(), options);
  em.maximise(responsibilities);
  std::vector<double> log_likelihoods{em.expect(responsibilities)};
  bool converged = false;
  for (Index step = 0; step < options.steps && !converged; ++step) {
    em.maximise(responsibilities);
    const double log_likelihood = em.expect(responsibilities);
    converged = log_likelihood - log_likelihoods.back() < options.tolerance;
    log_likelihoods.push_back(log_likelihood);
    reporter.advance_quietly(converged ? options.steps - step : 1,
                             [&] { return concat("log-likelihood ", log_likelihood); });
  }
  return {em.template mixture<Scalar>(), std::move(log_likelihoods), converged};
}

/// Each sample belongs to the nearest of the chosen ones: (m, n) of 0 and 1.
template <class Real>
[[nodiscard]] Matrix<Real> nearest_of(const Matrix<Real>& x, const std::vector<Index>& chosen) {
  Matrix<Real> belongs = Matrix<Real>::Zero(static_cast<Index>(chosen.size()), x.cols());
  parallel_for(x.cols(), 4 * x.rows() * belongs.rows(), [&](Index i) {
    Index nearest = 0;
    Real least = std::numeric_limits<Real>::infinity();
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const Real squared = (x.col(i) - x.col(chosen[k])).squaredNorm();
      if (squared < least) nearest = static_cast<Index>(k);
      least = std::min(least, squared);
    }
    belongs(nearest, i) = Real(1);
  });
  return belongs;
}

}  // namespace detail

/// The mixture of Gaussians that maximises the likelihood of samples (d, n), by expectation-maximisation from
/// responsibilities (m, n) >= 0, the part of each sample (a column of sum 1) in each component: labels as 0 and 1, say
/// (Dempster, Laird and Rubin 1977; Bishop 2006, section 9.2.2). Each step is the maximum over covariances with
/// eigenvalues of at least the floor, so that the log-likelihood does not fall; scikit-learn's reg_covar, which is
/// added to variances, does not promise that, and is the same where the floor is small. All in double. Cost of a step:
/// 2 m n d^2 operations (full) or m n d (diagonal), shared by threads; bits do not depend on their number. Throws
/// InvalidArgument for samples that are fewer than components, all equal or not finite, and for options out of range;
/// DimensionMismatch; OutOfMemory.
template <Samples X>
[[nodiscard]] MixtureFit<typename X::Scalar> fit_gaussian_mixture_from(const X& samples,
                                                                       const Matrix<double>& responsibilities,
                                                                       const MixtureFitOptions& options = {},
                                                                       const ProgressCallback& progress = {}) {
  using Real = detail::Dependent<double, X>;
  const auto& batch = as_batch(samples);
  const Matrix<Real>& parts = responsibilities;
  detail::check_mixture_fit(batch, parts.rows(), options);
  detail::require<DimensionMismatch>(parts.cols() == batch.cols(), "fit_gaussian_mixture_from: responsibilities are ",
                                     detail::shape_text(parts), " for ", batch.cols(), " samples");
  detail::require(
      parts.allFinite() && parts.minCoeff() >= 0.0 && (parts.colwise().sum().array() - 1.0).abs().maxCoeff() < 1e-6,
      "fit_gaussian_mixture_from: expected responsibilities >= 0, those of each sample with sum 1");
  detail::require_memory<double>(batch.rows(), 2 * batch.cols(), "fit_gaussian_mixture_from");
  ProgressReporter reporter(progress, "fit a Gaussian mixture", options.steps, "steps");
  return detail::fit_mixture_from<typename X::Scalar, Real>(batch.template cast<double>(), parts, options, reporter);
}

/// The same for m components, from `options.starts` draws of k-means++ by which each sample begins in the component of
/// the nearest. The result is a function of samples and options. `fit(GaussianMixtureScore{}, result.mixture,
/// schedule)` is its exact denoiser. Throws InvalidArgument for fewer distinct samples than components, too.
template <Samples X>
[[nodiscard]] MixtureFit<typename X::Scalar> fit_gaussian_mixture(const X& samples, Index components,
                                                                  const MixtureFitOptions& options = {},
                                                                  const ProgressCallback& progress = {}) {
  using Scalar = typename X::Scalar;
  using Real = detail::Dependent<double, X>;
  const auto& batch = as_batch(samples);
  detail::check_mixture_fit(batch, components, options);
  detail::require_memory<double>(batch.rows(), 2 * batch.cols(), "fit_gaussian_mixture");
  const Matrix<Real> x = batch.template cast<double>();
  ProgressReporter reporter(progress, "fit a Gaussian mixture", options.starts * options.steps, "steps");
  const auto fit_of_draw = [&](Index draw) {
    const std::vector<Index> chosen = kmeans_plus_plus(x, components, options.seed, draw);
    return detail::fit_mixture_from<Scalar, Real>(x, detail::nearest_of(x, chosen), options, reporter);
  };
  MixtureFit<Scalar> best = fit_of_draw(0);
  for (Index draw = 1; draw < options.starts; ++draw) {
    MixtureFit<Scalar> other = fit_of_draw(draw);
    if (other.log_likelihoods.back() > best.log_likelihoods.back()) best = std::move(other);
  }
  return best;
}

}  // namespace diffarch
