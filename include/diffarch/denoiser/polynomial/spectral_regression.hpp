#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/solver/bounded_least_squares.hpp"
#include "diffarch/solver/cross_validation.hpp"
#include "diffarch/solver/hermite_features.hpp"
#include "diffarch/solver/host_algebra.hpp"

namespace diffarch {

/// The fit of one noise level, in VP units: v = U^T (y - signal mean), u = v / deviation.
struct SpectralFit {
  Vector<double> deviation;     ///< (K): sqrt(lambda signal^2 + noise^2)
  Vector<double> wiener;        ///< (K): the linear part is U^T (D - mean) = wiener u
  Matrix<double> directions;    ///< (q, p), unit columns
  Vector<double> feature_mean;  ///< ((Degree - 1) p)
  double ridge = 0.0;           ///< the one of features.ridges that was taken
  Vector<double> weights;       ///< Conservative: one for each feature, along direction / deviation
  Matrix<double> coefficients;  ///< Monomials: (K, (Degree - 1) p), on the features less their linear part
  Matrix<double> linear_part;   ///< Monomials: E[h u^T], ((Degree - 1) p, K)
};

namespace detail {

/// Throws InvalidArgument for a width, modes, exponents or ridge out of range.
template <class Form>
void require_valid(const SpectralFeatures<Form>& features) {
  detail::require(features.width >= 1 && features.modes >= 1, "SpectralFeatures: width = ", features.width,
                  ", modes = ", features.modes, "; expected both at least 1");
  detail::require(!features.exponents.empty(), "SpectralFeatures: no exponents; expected at least one");
  for (const double exponent : features.exponents)
    detail::require(exponent >= 0.0 && exponent <= 64.0, "SpectralFeatures: exponent ", exponent,
                    "; expected 0 <= exponent <= 64");
  detail::require(!features.ridges.empty(), "SpectralFeatures: no ridges; expected at least one");
  for (const double ridge : features.ridges)
    detail::require(ridge > 0.0 && std::isfinite(ridge), "SpectralFeatures: ridge = ", ridge,
                    ", expected a finite ridge > 0");
}

}  // namespace detail

/// Least squares on spectral features, one noise level at a time: the equations in SpectralPolynomialDenoiser's
/// documentation, from the data's coordinates in their eigenmodes. Assembled on the host; products and factorisations
/// are the backend's.
template <int Degree, class Form, class BackendType = Cpu>
class SpectralRegression {
  static_assert(Degree >= 2, "diffarch: SpectralFeatures need Degree >= 2; degree 1 is Linear");

 public:
  using Features = SpectralFeatures<Form>;
  using Real = detail::Dependent<double, Form>;      ///< double
  using Fit = detail::Dependent<SpectralFit, Form>;  ///< SpectralFit
  static constexpr bool is_conservative = Features::is_conservative;

  SpectralRegression() = default;

  /// Takes the coordinates U^T (x - mean), (K, n), of the samples and their variances `eigenvalues` (K), K >= 1.
  SpectralRegression(const Features& features, Vector<Real> eigenvalues, Matrix<Real> coordinates)
      : features_(features), eigenvalues_(std::move(eigenvalues)), coordinates_(std::move(coordinates)) {
    normals_ = normal_batch<double>(std::min(features_.modes, eigenvalues_.size()), features_.width, features_.seed,
                                    streams::directions);
  }

  [[nodiscard]] const Features& features() const noexcept { return features_; }
  [[nodiscard]] const Vector<Real>& eigenvalues() const noexcept { return eigenvalues_; }  ///< (K)

  /// The fit of a level with signal > 0. Throws NumericalError, naming degree, sigma and ridge, when it fails.
  [[nodiscard]] Fit fit_at(NoiseLevel level) const {
    const NoiseLevel vp = level.variance_preserving();
    const Index q = normals_.rows();
    const double noise_variance = vp.noise * vp.noise;
    Fit fit;
    const Vector<Real> variance = vp.signal * vp.signal * eigenvalues_.array() + noise_variance;
    fit.deviation = variance.cwiseSqrt();
    fit.wiener = vp.signal * eigenvalues_.cwiseQuotient(fit.deviation);
    const Vector<Real> rho = vp.signal * eigenvalues_.head(q).cwiseSqrt().cwiseQuotient(fit.deviation.head(q));
    fit.directions = normals_;
    for (Index j = 0; j < normals_.cols(); ++j) {
      const double exponent = features_.exponents[static_cast<std::size_t>(j) % features_.exponents.size()];
      fit.directions.col(j).array() *= (rho / rho(0)).array().pow(exponent);
      fit.directions.col(j).normalize();
    }
    // Share of noise in each mode of u, and the noise covariance of the projections r_j . u.
    const Vector<Real> noise_share = noise_variance * variance.head(q).cwiseInverse();
    const Matrix<Real> scaled = noise_share.cwiseSqrt().asDiagonal() * fit.directions;
    const Matrix<Real> noise = Algebra::multiply_by_transpose(scaled.transpose());
    std::vector<Fold> folds = make_folds(fit, vp, noise);
    fit.feature_mean = Vector<Real>::Zero((Degree - 1) * normals_.cols());
    for (const Fold& fold : folds) fit.feature_mean += fold.weight * fold.moments.mean;
    try {
      if constexpr (is_conservative)
        solve_conservative(fit, folds, noise_share, vp.signal);
      else
        solve_regression(fit, folds, noise_variance * variance.cwiseInverse(), vp.signal);
    } catch (const NumericalError& error) {
      throw NumericalError(detail::concat("Polynomial of degree ", Degree, " at sigma = ", level.sigma(), ", ",
                                          features_.name(), ": ", error.what()));
    }
    return fit;
  }

 private:
  using Algebra = HostAlgebra<BackendType>;
  using Problem = detail::Dependent<FoldProblem, Form>;

  /// A share of the samples: every fit is a weighted sum over folds.
  struct Fold {
    double weight;
    Matrix<Real> u;  ///< (K, samples of the fold): whitened, without noise
    HermiteFeatureMoments<Real> moments;
  };

  [[nodiscard]] std::vector<Fold> make_folds(const Fit& fit, NoiseLevel vp, const Matrix<Real>& noise) const {
    const Index n = coordinates_.cols();
    const Index count = features_.ridges.size() > 1 ? std::min(fold_count, n) : 1;
    const Index q = fit.directions.rows();
    std::vector<Fold> folds;
    for (Index f = 0; f < count; ++f) {
      const Index size = (n - f + count - 1) / count;  // every count-th sample, from f
      Matrix<Real> u(coordinates_.rows(), size);
      for (Index i = 0; i < size; ++i)
        u.col(i) = vp.signal * coordinates_.col(f + i * count).cwiseQuotient(fit.deviation);
      auto moments = hermite_feature_moments<BackendType>(Algebra::multiply_transposed(fit.directions, u.topRows(q)),
                                                          noise, Degree);
      folds.push_back({static_cast<Real>(size) / static_cast<Real>(n), std::move(u), std::move(moments)});
    }
    return folds;
  }

  /// E[(h - mean)(h - mean)^T] over a fold.
  [[nodiscard]] static Matrix<Real> second_moments(const Vector<Real>& mean, const Fold& fold) {
    const Vector<Real> shift = fold.moments.mean - mean;
    return fold.moments.covariance + shift * shift.transpose();
  }

  /// Conditional means of the features, ((Degree - 1) p, samples of the fold).
  [[nodiscard]] static Matrix<Real> feature_means(const Fold& fold) {
    const Index p = fold.moments.orders[0].rows();
    Matrix<Real> h((Degree - 1) * p, fold.u.cols());
    for (int k = 2; k <= Degree; ++k)
      h.middleRows((k - 2) * p, p) =
          (1.0 / std::sqrt(std::tgamma(k + 1.0))) * fold.moments.orders[static_cast<std::size_t>(k)];
    return h;
  }

  /// E[dh_k / d(r . u)] of the features of order k over a fold, (p): their covariance with noise, by Stein's identity.
  [[nodiscard]] static Vector<Real> mean_slope(const Fold& fold, int k) {
    return (k / std::sqrt(std::tgamma(k + 1.0))) *
           fold.moments.orders[static_cast<std::size_t>(k - 1)].rowwise().mean();
  }

  /// Normal equations of the weights: E[h_i h_j] times the inner product of the directions they act along; right-hand
  /// side E[residual of the Wiener filter . (r_j / deviation) h_kj].
  void solve_conservative(Fit& fit, const std::vector<Fold>& folds, const Vector<Real>& noise_share,
                          double signal) const {
    const Index q = fit.directions.rows();
    const Index p = fit.directions.cols();
    const Vector<Real> inverse = fit.deviation.head(q).cwiseInverse();
    const Matrix<Real> overlap =
        Algebra::multiply_by_transpose(Matrix<Real>(inverse.asDiagonal() * fit.directions).transpose());
    // The residual c - W u is (noise share) c on average over the noise, and c = (deviation / signal) u ...
    const Matrix<Real> to_residual = (noise_share / signal).asDiagonal() * fit.directions;
    // ... and W u moves with the noise, as the features do (Stein's identity).
    const Vector<Real> moved =
        fit.directions.cwiseAbs2().transpose() * noise_share.cwiseProduct(fit.wiener.head(q)).cwiseProduct(inverse);
    const Index size = (Degree - 1) * p;
    std::vector<Problem> problems;
    for (const Fold& fold : folds) {
      Problem problem{fold.weight, second_moments(fit.feature_mean, fold), Matrix<Real>(size, 1)};
      const Matrix<Real> h = feature_means(fold).colwise() - fit.feature_mean;
      const Matrix<Real> residual = Algebra::multiply_transposed(to_residual, fold.u.topRows(q));
      for (int k = 2; k <= Degree; ++k) {
        problem.right.col(0).segment((k - 2) * p, p) =
            h.middleRows((k - 2) * p, p).cwiseProduct(residual).rowwise().mean() -
            mean_slope(fold, k).cwiseProduct(moved);
        for (int l = 2; l <= Degree; ++l) {
          auto block = problem.normal.block((k - 2) * p, (l - 2) * p, p, p);
          block = block.cwiseProduct(overlap).eval();
        }
      }
      problems.push_back(std::move(problem));
    }
    Problem all = join_folds(problems);
    const Vector<Real> scale =
        all.normal.diagonal().cwiseMax(std::numeric_limits<Real>::min()).cwiseSqrt().cwiseInverse();
    const Index first_bounded = features_.bounded ? size - p : size;
    const auto solve = [&](const Matrix<Real>& normal, const Matrix<Real>& right, double ridge) {
      Matrix<Real> scaled = scale.asDiagonal() * normal * scale.asDiagonal();
      scaled.diagonal().array() += ridge;
      return Matrix<Real>(scale.cwiseProduct(
          bounded_least_squares<BackendType>(scaled, Vector<Real>(scale.cwiseProduct(right.col(0))), first_bounded)));
    };
    const auto problems_without = [&](std::ptrdiff_t) -> const auto& { return problems; };
    fit.ridge = cross_validated_ridge(features_.ridges, problems.size(), problems_without, solve).ridge;
    fit.weights = solve(all.normal, all.right, fit.ridge).col(0);
  }

  void solve_regression(Fit& fit, const std::vector<Fold>& folds, const Vector<Real>& noise_share,
                        double signal) const {
    const auto solve = [](const Matrix<Real>& normal, const Matrix<Real>& right, double ridge) {
      Matrix<Real> regularised = normal;
      regularised.diagonal().array() += ridge;
      return Algebra::solve(std::move(regularised), right);
    };
    std::vector<FreeFold> parts;
    for (const Fold& fold : folds) parts.push_back(free_fold(fit, fold, noise_share, signal));
    // The linear part of the features is fitted too, so that every fold left out has its own problems.
    const auto problems_without = [&](std::ptrdiff_t left_out) {
      Vector<Real> mean = Vector<Real>::Zero(fit.feature_mean.size());
      Matrix<Real> linear = Matrix<Real>::Zero(mean.size(), fit.deviation.size());
      double weight = 0.0;
      for (std::size_t f = 0; f < folds.size(); ++f) {
        if (static_cast<std::ptrdiff_t>(f) == left_out) continue;
        weight += folds[f].weight;
        mean += folds[f].weight * folds[f].moments.mean;
        linear += folds[f].weight * parts[f].with_u;
      }
      fit.feature_mean = mean / weight;
      fit.linear_part = linear / weight;
      std::vector<Problem> problems;
      for (std::size_t f = 0; f < folds.size(); ++f)
        problems.push_back(free_problem(fit, folds[f], parts[f], noise_share, signal));
      return problems;
    };
    fit.ridge = cross_validated_ridge(features_.ridges, folds.size(), problems_without, solve).ridge;
    const Problem all = join_folds(problems_without(-1));
    fit.coefficients = solve(all.normal, all.right, fit.ridge).transpose();
  }

  /// Averages over a fold that no fit changes.
  struct FreeFold {
    Matrix<Real> with_u;   ///< E[h u^T], ((Degree - 1) p, K)
    Matrix<Real> with_x0;  ///< E[h c^T]
    Vector<Real> mean_u;   ///< E[u]
  };

  [[nodiscard]] FreeFold free_fold(const Fit& fit, const Fold& fold, const Vector<Real>& noise_share,
                                   double signal) const {
    const Index q = fit.directions.rows();
    const Index p = fit.directions.cols();
    FreeFold part;
    part.mean_u = fold.u.rowwise().mean();
    part.with_u =
        Algebra::multiply(feature_means(fold), Matrix<Real>(fold.u.transpose())) / static_cast<Real>(fold.u.cols());
    part.with_x0 = part.with_u * (fit.deviation / signal).asDiagonal();
    for (int k = 2; k <= Degree; ++k)
      part.with_u.block((k - 2) * p, 0, p, q) +=
          mean_slope(fold, k).asDiagonal() *
          Matrix<Real>(fit.directions.transpose() * noise_share.head(q).asDiagonal());
    return part;
  }

  /// The least-squares problem of the residual c - W u on z = h - feature_mean - linear_part u over a fold. Of u, the
  /// noise has covariance `noise_share` (K), and c = deviation (u without noise) / signal.
  [[nodiscard]] Problem free_problem(const Fit& fit, const Fold& fold, const FreeFold& part,
                                     const Vector<Real>& noise_share, double signal) const {
    const Matrix<Real>& linear = fit.linear_part;
    const auto count = static_cast<Real>(fold.u.cols());
    const Matrix<Real> clean =  // linear E[clean u u^T]
        Algebra::multiply(Algebra::multiply(linear, fold.u), Matrix<Real>(fold.u.transpose())) / count;
    const Matrix<Real> noisy = clean + Matrix<Real>(linear * noise_share.asDiagonal());
    const Matrix<Real> with_u = part.with_u - fit.feature_mean * part.mean_u.transpose();
    const Vector<Real> to_x0 = fit.deviation / signal;
    Problem problem{fold.weight, second_moments(fit.feature_mean, fold), {}};
    const Matrix<Real> cross = Algebra::multiply(with_u, Matrix<Real>(linear.transpose()));
    problem.normal += Algebra::multiply(noisy, Matrix<Real>(linear.transpose())) - cross - cross.transpose();
    problem.right = part.with_x0 - (fit.feature_mean * part.mean_u.transpose() + clean) * to_x0.asDiagonal() -
                    (with_u - noisy) * fit.wiener.asDiagonal();
    return problem;
  }

  static constexpr Index fold_count = 5;

  Features features_;
  Vector<Real> eigenvalues_;
  Matrix<Real> coordinates_;  // (K, n): U^T (x - mean)
  Matrix<Real> normals_;      // (q, p): the directions before they are weighted
};

}  // namespace diffarch
