#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/core/storage.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/denoiser/level_fits.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/denoiser/spectral_functors.hpp"
#include "diffarch/solver/bounded_least_squares.hpp"
#include "diffarch/solver/cross_validation.hpp"
#include "diffarch/solver/hermite.hpp"
#include "diffarch/solver/hermite_features.hpp"
#include "diffarch/solver/host_algebra.hpp"
#include "diffarch/solver/principal_components.hpp"

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

/// Model of `Polynomial<Degree, SpectralFeatures<Form>>`. With h the Hermite features of u, all averages exact over
/// samples and noise (hermite_feature_moments):
///
/// Monomials: U^T (D - mean) = W u + A (h - E h - E[h u^T] u): the Wiener filter and the least-squares fit of its
///   residual on the part of the features that is orthogonal to all linear functions; jointly optimal (ridge apart).
/// Conservative: U^T (D - mean) = W u + sum_j (r_j / deviation) sum_k a_kj (h_kj - E h_kj): the Wiener filter, which is
///   the gradient of a quadratic, plus gradients of functions of r_j . u, fitted to its residual; J is symmetric, and
///   log_density is a polynomial of degree Degree + 1.
///
/// Predictions are mean + U c, and y enters through U^T y: sampled in these K coordinates (`SpanDenoiser`).
///
/// Fits are assembled on the host, their products and factorisations done by the backend; samples stay on the backend.
template <int Degree, class Form, class Scalar_, class BackendType_ = Cpu>
class SpectralPolynomialDenoiser {
  static_assert(Degree >= 2, "diffarch: SpectralFeatures need Degree >= 2; degree 1 is Linear");

 public:
  using Scalar = Scalar_;
  using BackendType = BackendType_;
  using Storage = typename BackendType::template Storage<Scalar>;
  /// U^T y and what follows of it: always in double.
  using Coordinates = typename BackendType::template Storage<double>;
  using Features = SpectralFeatures<Form>;
  static constexpr bool is_conservative = Features::is_conservative;

  /// data (d, n). Throws InvalidArgument for a width, modes, exponents or ridge out of range, or data without variance.
  SpectralPolynomialDenoiser(const Features& features, const Batch<Scalar>& data) : features_(features) {
    check();
    auto components = principal_components<BackendType>(data);
    detail::require(components.rank >= 1,
                    "SpectralFeatures: the data have no variance; expected at least two different samples");
    mean_ = std::move(components.mean);
    eigenvalues_ = std::move(components.eigenvalues);
    basis_ = std::move(components.basis);
    stored_mean_ = BackendType::upload(Batch<Scalar>(mean_.template cast<Scalar>()));
    projected_mean_ = project(stored_mean_);
    host_projected_mean_ = BackendType::download(projected_mean_).col(0);
    coordinates_ = BackendType::download(project(BackendType::upload(data))).colwise() - host_projected_mean_;
    normals_ = normal_batch<double>(std::min(features.modes, eigenvalues_.size()), features.width, features.seed,
                                    streams::directions);
  }

  [[nodiscard]] Index dimension() const noexcept { return mean_.size(); }
  [[nodiscard]] const Features& features() const noexcept { return features_; }
  [[nodiscard]] const Vector<double>& mean() const noexcept { return mean_; }
  [[nodiscard]] const Vector<double>& eigenvalues() const noexcept { return eigenvalues_; }  ///< (K)
  [[nodiscard]] const Storage& basis() const noexcept { return basis_; }                     ///< U, (d, K)

  /// Fits a level in advance and keeps it, when features.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (features_.keep_levels && level.signal > 0.0) fits_.add(level, placed(fit_at(level), level));
  }

  /// The fit of a level with signal > 0. Throws NumericalError, naming degree, sigma and ridge, when it fails.
  [[nodiscard]] SpectralFit fit_at(NoiseLevel level) const {
    const NoiseLevel vp = level.variance_preserving();
    const Index q = normals_.rows();
    const double noise_variance = vp.noise * vp.noise;
    SpectralFit fit;
    const Vector<double> variance = vp.signal * vp.signal * eigenvalues_.array() + noise_variance;
    fit.deviation = variance.cwiseSqrt();
    fit.wiener = vp.signal * eigenvalues_.cwiseQuotient(fit.deviation);
    const Vector<double> rho = vp.signal * eigenvalues_.head(q).cwiseSqrt().cwiseQuotient(fit.deviation.head(q));
    fit.directions = normals_;
    for (Index j = 0; j < normals_.cols(); ++j) {
      const double exponent = features_.exponents[static_cast<std::size_t>(j) % features_.exponents.size()];
      fit.directions.col(j).array() *= (rho / rho(0)).array().pow(exponent);
      fit.directions.col(j).normalize();
    }
    // Share of noise in each mode of u, and the noise covariance of the projections r_j . u.
    const Vector<double> noise_share = noise_variance * variance.head(q).cwiseInverse();
    const Matrix<double> scaled = noise_share.cwiseSqrt().asDiagonal() * fit.directions;
    const Matrix<double> noise = Algebra::multiply_by_transpose(scaled.transpose());
    std::vector<Fold> folds = make_folds(fit, vp, noise);
    fit.feature_mean = Vector<double>::Zero((Degree - 1) * normals_.cols());
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

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return materialise(coefficients(project(y), level));
  }

  /// U^T y: (K, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Coordinates project(const Storage& y) const {
    detail::require<DimensionMismatch>(y.rows() == dimension(), "denoise: y is ", detail::shape_text(y),
                                       " but the model has dimension ", dimension());
    return converted<double, BackendType>(LinearAlgebra<BackendType>::multiply_transposed(basis_, y));
  }

  /// U^T (x0_hat - mean), (K, n), from U^T y.
  [[nodiscard]] Coordinates coefficients(const Coordinates& projected, NoiseLevel level) const {
    const Index modes = projected.rows();
    const Index n = projected.cols();
    if (level.signal == 0.0) return BackendType::upload(Batch<double>(Batch<double>::Zero(modes, n)));
    return with_fit(level, [&](const PlacedFit& fit) {
      const Index q = fit.directions.rows();
      const Coordinates z = BackendAlgebra::multiply_transposed(fit.directions, whitened(fit, projected, q));
      const Coordinates u = whitened(fit, projected, modes);
      const Index p = z.rows();
      Coordinates h((Degree - 1) * p, n);
      BackendType::for_each(p, n, detail::CentredHermite<Degree>{h.data(), z.data(), fit.feature_mean.data(), p});
      Coordinates c = [&] {
        if constexpr (is_conservative) {
          return BackendType::upload(Batch<double>(Batch<double>::Zero(modes, n)));
        } else {
          const Coordinates linear = BackendAlgebra::multiply(fit.linear_part, u);
          BackendType::for_each(h.rows(), n, elementwise::AddScaled<double>{h.data(), linear.data(), -1.0, h.rows()});
          return BackendAlgebra::multiply(fit.coefficients, h);
        }
      }();
      if constexpr (is_conservative) {
        Coordinates strength(p, n);
        BackendType::for_each(p, n, detail::WeightFeatures<Degree>{strength.data(), h.data(), fit.weights.data(), p});
        const Coordinates action = BackendAlgebra::multiply(fit.directions, strength);
        BackendType::for_each(q, n,
                              detail::AddScaledRows{c.data(), action.data(), fit.inverse_deviation.data(), modes, q});
      }
      BackendType::for_each(modes, n, detail::AddScaledRows{c.data(), u.data(), fit.wiener.data(), modes, modes});
      return c;
    });
  }

  /// U^T x0_hat.
  [[nodiscard]] Coordinates project_prediction(Coordinates c) const {
    BackendType::for_each(c.rows(), c.cols(),
                          elementwise::AddScaledVector<double>{c.data(), projected_mean_.data(), 1.0, c.rows()});
    return c;
  }

  /// x0_hat = mean + U c.
  [[nodiscard]] Storage materialise(const Coordinates& c) const {
    Storage x0_hat = BackendAlgebra::multiply(basis_, converted<Scalar, BackendType>(c));
    BackendType::for_each(
        x0_hat.rows(), x0_hat.cols(),
        elementwise::AddScaledVector<Scalar>{x0_hat.data(), stored_mean_.data(), Scalar(1), x0_hat.rows()});
    return x0_hat;
  }

  // What follows is analysis, on the host whatever the backend.

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k).
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<Scalar>& y, const Matrix<double>& v,
                                                NoiseLevel level) const {
    return with_host_fit(level, [&](const SpectralFit& fit) {
      const Matrix<double> u = whiten(fit, y, level);
      const Matrix<double> basis = host_array<BackendType>(basis_).template cast<double>();
      const Matrix<double> du =
          fit.deviation.cwiseInverse().asDiagonal() * Matrix<double>(basis.transpose() * v / level.scale());
      const Index p = fit.directions.cols();
      const Vector<double> z = fit.directions.transpose() * u.topRows(fit.directions.rows());
      const Matrix<double> dz = fit.directions.transpose() * du.topRows(fit.directions.rows());
      Matrix<double> dh((Degree - 1) * p, v.cols());
      for (Index j = 0; j < p; ++j) {
        const auto values = hermite_values(z(j));
        for (int k = 2; k <= Degree; ++k)  // (He_k / sqrt(k!))' = sqrt(k) He_{k-1} / sqrt((k-1)!)
          dh.row((k - 2) * p + j) =
              std::sqrt(static_cast<double>(k)) * values[static_cast<std::size_t>(k - 1)] * dz.row(j);
      }
      Matrix<double> dc = fit.wiener.asDiagonal() * du;
      if constexpr (is_conservative)
        dc.topRows(fit.directions.rows()) += act_along_directions(fit, dh);
      else
        dc += fit.coefficients * (dh - fit.linear_part * du);
      return Matrix<double>(basis * dc);
    });
  }

  /// The part of highest degree along unit directions theta (d, m): theta . D_degree(theta), in VP units.
  [[nodiscard]] Vector<double> leading_form(const Matrix<double>& theta, NoiseLevel level) const {
    return with_host_fit(level, [&](const SpectralFit& fit) {
      const Matrix<double> modes = host_array<BackendType>(basis_).template cast<double>().transpose() * theta;
      const Index q = fit.directions.rows();
      const Index p = fit.directions.cols();
      const Matrix<double> u = fit.deviation.cwiseInverse().asDiagonal() * modes;
      const Matrix<double> z = fit.directions.transpose() * u.topRows(q);
      Matrix<double> h = Matrix<double>::Zero((Degree - 1) * p, theta.cols());
      h.bottomRows(p) = z.array().pow(Degree) / std::sqrt(std::tgamma(Degree + 1.0));
      if constexpr (is_conservative)
        return Vector<double>(modes.topRows(q).cwiseProduct(act_along_directions(fit, h)).colwise().sum());
      else
        return Vector<double>(modes.cwiseProduct(fit.coefficients * h).colwise().sum());
    });
  }

  /// Conservative only: log p(y) of each column of y (d, n) up to a constant, in the span of the data: D = (y + noise^2
  /// grad log p) / signal there.
  [[nodiscard]] Vector<double> log_density(const Batch<Scalar>& y, NoiseLevel level) const requires is_conservative {
    return with_host_fit(level, [&](const SpectralFit& fit) {
      const NoiseLevel vp = level.variance_preserving();
      const Matrix<double> u = whiten(fit, y, level);
      const Matrix<double> z = fit.directions.transpose() * u.topRows(fit.directions.rows());
      const Index p = z.rows();
      Vector<double> values = -0.5 * u.colwise().squaredNorm();
      for (Index column = 0; column < z.cols(); ++column)
        for (Index j = 0; j < p; ++j) {
          const auto hermite = hermite_values<Degree + 1>(z(j, column));
          double potential = 0.0;  // antiderivative: He_{k+1} / ((k + 1) sqrt(k!)) = he_{k+1} / sqrt(k + 1)
          for (int k = 2; k <= Degree; ++k)
            potential += fit.weights((k - 2) * p + j) * (hermite[static_cast<std::size_t>(k + 1)] / std::sqrt(k + 1.0) -
                                                         fit.feature_mean((k - 2) * p + j) * z(j, column));
          values(column) += vp.signal / (vp.noise * vp.noise) * potential;
        }
      return values;
    });
  }

 private:
  void check() const {
    detail::require(features_.width >= 1 && features_.modes >= 1, "SpectralFeatures: width = ", features_.width,
                    ", modes = ", features_.modes, "; expected both at least 1");
    detail::require(!features_.exponents.empty(), "SpectralFeatures: no exponents; expected at least one");
    for (const double exponent : features_.exponents)
      detail::require(exponent >= 0.0 && exponent <= 64.0, "SpectralFeatures: exponent ", exponent,
                      "; expected 0 <= exponent <= 64");
    detail::require(!features_.ridges.empty(), "SpectralFeatures: no ridges; expected at least one");
    for (const double ridge : features_.ridges)
      detail::require(ridge > 0.0 && std::isfinite(ridge), "SpectralFeatures: ridge = ", ridge,
                      ", expected a finite ridge > 0");
  }

  using Algebra = HostAlgebra<BackendType>;
  using BackendAlgebra = LinearAlgebra<BackendType>;

  /// A fit where samples are.
  struct PlacedFit {
    SpectralFit host;  ///< but for directions, coefficients and linear part
    double scale;      ///< u = inverse_deviation (scale U^T y - shift)
    Coordinates shift;
    Coordinates inverse_deviation;
    Coordinates wiener;
    Coordinates directions;
    Coordinates feature_mean;
    Coordinates weights;
    Coordinates coefficients;
    Coordinates linear_part;
  };

  [[nodiscard]] PlacedFit placed(SpectralFit fit, NoiseLevel level) const {
    const auto upload = [](Batch<double> array) { return BackendType::upload(std::move(array)); };
    const double signal = level.variance_preserving().signal;
    PlacedFit result{.host = {},
                     .scale = 1.0 / level.scale(),
                     .shift = upload(signal * host_projected_mean_),
                     .inverse_deviation = upload(fit.deviation.cwiseInverse()),
                     .wiener = upload(fit.wiener),
                     .directions = upload(std::move(fit.directions)),
                     .feature_mean = upload(fit.feature_mean),
                     .weights = upload(fit.weights),
                     .coefficients = upload(std::move(fit.coefficients)),
                     .linear_part = upload(std::move(fit.linear_part))};
    result.host = std::move(fit);
    return result;
  }

  [[nodiscard]] static SpectralFit on_host(const PlacedFit& placed) {
    SpectralFit fit = placed.host;
    fit.directions = host_array<BackendType>(placed.directions);
    fit.coefficients = host_array<BackendType>(placed.coefficients);
    fit.linear_part = host_array<BackendType>(placed.linear_part);
    return fit;
  }

  /// The leading `rows` modes of u, of U^T y.
  [[nodiscard]] static Coordinates whitened(const PlacedFit& fit, const Coordinates& projected, Index rows) {
    Coordinates u(rows, projected.cols());
    BackendType::for_each(rows, projected.cols(),
                          detail::Whiten{u.data(), projected.data(), fit.shift.data(), fit.inverse_deviation.data(),
                                         fit.scale, rows, projected.rows()});
    return u;
  }

  /// u of samples of the host, on the host.
  [[nodiscard]] Matrix<double> whiten(const SpectralFit& fit, const Batch<Scalar>& y, NoiseLevel level) const {
    const double signal = level.variance_preserving().signal;
    const Matrix<double> projected = BackendType::download(project(BackendType::upload(y)));
    return fit.deviation.cwiseInverse().asDiagonal() *
           Matrix<double>((projected / level.scale()).colwise() - signal * host_projected_mean_);
  }

  /// He_k(z) / sqrt(k!), k = 0 ... Order.
  template <int Order = Degree>
  [[nodiscard]] static std::array<double, Order + 1> hermite_values(double z) {
    std::array<double, Order + 1> values;
    normalised_hermite(z, Order, values.data());
    return values;
  }

  /// sum_j (r_j / deviation) sum_k weight_kj h_kj: (q, n).
  [[nodiscard]] static Matrix<double> act_along_directions(const SpectralFit& fit, const Matrix<double>& h) {
    const Index p = fit.directions.cols();
    Matrix<double> strength = Matrix<double>::Zero(p, h.cols());
    for (int k = 2; k <= Degree; ++k)
      strength += fit.weights.segment((k - 2) * p, p).asDiagonal() * h.middleRows((k - 2) * p, p);
    return fit.deviation.head(fit.directions.rows()).cwiseInverse().asDiagonal() *
           Matrix<double>(fit.directions * strength);
  }

  /// A share of the samples: every fit is a weighted sum over folds.
  struct Fold {
    double weight;
    Matrix<double> u;  ///< (K, samples of the fold): whitened, without noise
    HermiteFeatureMoments<double> moments;
  };

  [[nodiscard]] std::vector<Fold> make_folds(const SpectralFit& fit, NoiseLevel vp, const Matrix<double>& noise) const {
    const Index n = coordinates_.cols();
    const Index count = features_.ridges.size() > 1 ? std::min(fold_count, n) : 1;
    const Index q = fit.directions.rows();
    std::vector<Fold> folds;
    for (Index f = 0; f < count; ++f) {
      const Index size = (n - f + count - 1) / count;  // every count-th sample, from f
      Matrix<double> u(coordinates_.rows(), size);
      for (Index i = 0; i < size; ++i)
        u.col(i) = vp.signal * coordinates_.col(f + i * count).cwiseQuotient(fit.deviation);
      auto moments = hermite_feature_moments<BackendType>(Algebra::multiply_transposed(fit.directions, u.topRows(q)),
                                                          noise, Degree);
      folds.push_back({static_cast<double>(size) / static_cast<double>(n), std::move(u), std::move(moments)});
    }
    return folds;
  }

  /// E[(h - mean)(h - mean)^T] over a fold.
  [[nodiscard]] static Matrix<double> second_moments(const Vector<double>& mean, const Fold& fold) {
    const Vector<double> shift = fold.moments.mean - mean;
    return fold.moments.covariance + shift * shift.transpose();
  }

  /// Conditional means of the features, ((Degree - 1) p, samples of the fold).
  [[nodiscard]] static Matrix<double> feature_means(const Fold& fold) {
    const Index p = fold.moments.orders[0].rows();
    Matrix<double> h((Degree - 1) * p, fold.u.cols());
    for (int k = 2; k <= Degree; ++k)
      h.middleRows((k - 2) * p, p) =
          (1.0 / std::sqrt(std::tgamma(k + 1.0))) * fold.moments.orders[static_cast<std::size_t>(k)];
    return h;
  }

  /// E[dh_k / d(r . u)] of the features of order k over a fold, (p): their covariance with noise, by Stein's identity.
  [[nodiscard]] static Vector<double> mean_slope(const Fold& fold, int k) {
    return (k / std::sqrt(std::tgamma(k + 1.0))) *
           fold.moments.orders[static_cast<std::size_t>(k - 1)].rowwise().mean();
  }

  /// Normal equations of the weights: E[h_i h_j] times the inner product of the directions they act along; right-hand
  /// side E[residual of the Wiener filter . (r_j / deviation) h_kj].
  void solve_conservative(SpectralFit& fit, const std::vector<Fold>& folds, const Vector<double>& noise_share,
                          double signal) const {
    const Index q = fit.directions.rows();
    const Index p = fit.directions.cols();
    const Vector<double> inverse = fit.deviation.head(q).cwiseInverse();
    const Matrix<double> overlap =
        Algebra::multiply_by_transpose(Matrix<double>(inverse.asDiagonal() * fit.directions).transpose());
    // The residual c - W u is (noise share) c on average over the noise, and c = (deviation / signal) u ...
    const Matrix<double> to_residual = (noise_share / signal).asDiagonal() * fit.directions;
    // ... and W u moves with the noise, as the features do (Stein's identity).
    const Vector<double> moved =
        fit.directions.cwiseAbs2().transpose() * noise_share.cwiseProduct(fit.wiener.head(q)).cwiseProduct(inverse);
    const Index size = (Degree - 1) * p;
    std::vector<FoldProblem> problems;
    for (const Fold& fold : folds) {
      FoldProblem problem{fold.weight, second_moments(fit.feature_mean, fold), Matrix<double>(size, 1)};
      const Matrix<double> h = feature_means(fold).colwise() - fit.feature_mean;
      const Matrix<double> residual = Algebra::multiply_transposed(to_residual, fold.u.topRows(q));
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
    FoldProblem all = join_folds(problems);
    const Vector<double> scale =
        all.normal.diagonal().cwiseMax(std::numeric_limits<double>::min()).cwiseSqrt().cwiseInverse();
    const Index first_bounded = features_.bounded ? size - p : size;
    const auto solve = [&](const Matrix<double>& normal, const Matrix<double>& right, double ridge) {
      Matrix<double> scaled = scale.asDiagonal() * normal * scale.asDiagonal();
      scaled.diagonal().array() += ridge;
      return Matrix<double>(scale.cwiseProduct(
          bounded_least_squares<BackendType>(scaled, Vector<double>(scale.cwiseProduct(right.col(0))), first_bounded)));
    };
    fit.ridge = cross_validated_ridge(
        features_.ridges, problems.size(), [&](std::ptrdiff_t) -> const auto& { return problems; }, solve);
    fit.weights = solve(all.normal, all.right, fit.ridge).col(0);
  }

  void solve_regression(SpectralFit& fit, const std::vector<Fold>& folds, const Vector<double>& noise_share,
                        double signal) const {
    const auto solve = [](const Matrix<double>& normal, const Matrix<double>& right, double ridge) {
      Matrix<double> regularised = normal;
      regularised.diagonal().array() += ridge;
      return Algebra::solve(std::move(regularised), right);
    };
    std::vector<FreeFold> parts;
    for (const Fold& fold : folds) parts.push_back(free_fold(fit, fold, noise_share, signal));
    // The linear part of the features is fitted too, so that every fold left out has its own problems.
    const auto problems_without = [&](std::ptrdiff_t left_out) {
      Vector<double> mean = Vector<double>::Zero(fit.feature_mean.size());
      Matrix<double> linear = Matrix<double>::Zero(mean.size(), fit.deviation.size());
      double weight = 0.0;
      for (std::size_t f = 0; f < folds.size(); ++f) {
        if (static_cast<std::ptrdiff_t>(f) == left_out) continue;
        weight += folds[f].weight;
        mean += folds[f].weight * folds[f].moments.mean;
        linear += folds[f].weight * parts[f].with_u;
      }
      fit.feature_mean = mean / weight;
      fit.linear_part = linear / weight;
      std::vector<FoldProblem> problems;
      for (std::size_t f = 0; f < folds.size(); ++f)
        problems.push_back(free_problem(fit, folds[f], parts[f], noise_share, signal));
      return problems;
    };
    fit.ridge = cross_validated_ridge(features_.ridges, folds.size(), problems_without, solve);
    const FoldProblem all = join_folds(problems_without(-1));
    fit.coefficients = solve(all.normal, all.right, fit.ridge).transpose();
  }

  /// Averages over a fold that no fit changes.
  struct FreeFold {
    Matrix<double> with_u;   ///< E[h u^T], ((Degree - 1) p, K)
    Matrix<double> with_x0;  ///< E[h c^T]
    Vector<double> mean_u;   ///< E[u]
  };

  [[nodiscard]] FreeFold free_fold(const SpectralFit& fit, const Fold& fold, const Vector<double>& noise_share,
                                   double signal) const {
    const Index q = fit.directions.rows();
    const Index p = fit.directions.cols();
    FreeFold part;
    part.mean_u = fold.u.rowwise().mean();
    part.with_u =
        Algebra::multiply(feature_means(fold), Matrix<double>(fold.u.transpose())) / static_cast<double>(fold.u.cols());
    part.with_x0 = part.with_u * (fit.deviation / signal).asDiagonal();
    for (int k = 2; k <= Degree; ++k)
      part.with_u.block((k - 2) * p, 0, p, q) +=
          mean_slope(fold, k).asDiagonal() *
          Matrix<double>(fit.directions.transpose() * noise_share.head(q).asDiagonal());
    return part;
  }

  /// The least-squares problem of the residual c - W u on z = h - feature_mean - linear_part u over a fold. Of u, the
  /// noise has covariance `noise_share` (K), and c = deviation (u without noise) / signal.
  [[nodiscard]] FoldProblem free_problem(const SpectralFit& fit, const Fold& fold, const FreeFold& part,
                                         const Vector<double>& noise_share, double signal) const {
    const Matrix<double>& linear = fit.linear_part;
    const auto count = static_cast<double>(fold.u.cols());
    const Matrix<double> clean =  // linear E[clean u u^T]
        Algebra::multiply(Algebra::multiply(linear, fold.u), Matrix<double>(fold.u.transpose())) / count;
    const Matrix<double> noisy = clean + Matrix<double>(linear * noise_share.asDiagonal());
    const Matrix<double> with_u = part.with_u - fit.feature_mean * part.mean_u.transpose();
    const Vector<double> to_x0 = fit.deviation / signal;
    FoldProblem problem{fold.weight, second_moments(fit.feature_mean, fold), {}};
    const Matrix<double> cross = Algebra::multiply(with_u, Matrix<double>(linear.transpose()));
    problem.normal += Algebra::multiply(noisy, Matrix<double>(linear.transpose())) - cross - cross.transpose();
    problem.right = part.with_x0 - (fit.feature_mean * part.mean_u.transpose() + clean) * to_x0.asDiagonal() -
                    (with_u - noisy) * fit.wiener.asDiagonal();
    return problem;
  }

  template <class Use>
  [[nodiscard]] auto with_fit(NoiseLevel level, const Use& use) const {
    return fits_.with(
        level, [this](NoiseLevel missing) { return placed(fit_at(missing), missing); }, use);
  }

  template <class Use>
  [[nodiscard]] auto with_host_fit(NoiseLevel level, const Use& use) const {
    return with_fit(level, [&](const PlacedFit& fit) { return use(on_host(fit)); });
  }

  static constexpr Index fold_count = 5;

  Features features_;
  Vector<double> mean_;
  Vector<double> eigenvalues_;
  Storage basis_;
  Storage stored_mean_;
  Coordinates projected_mean_;
  Vector<double> host_projected_mean_;
  Matrix<double> coordinates_;  // (K, n): U^T (x - mean)
  Matrix<double> normals_;      // (q, p): the directions before they are weighted
  detail::LevelFits<PlacedFit> fits_;
};

/// Data: a batch (d, n).
template <int Degree, class Form, Backend B, class Scalar>
struct Fitter<Polynomial<Degree, SpectralFeatures<Form>>, B, Scalar> {
  using Model = SpectralPolynomialDenoiser<Degree, Form, Scalar, B>;

  [[nodiscard]] static Model fit(const Polynomial<Degree, SpectralFeatures<Form>>& architecture,
                                 const Batch<Scalar>& data, const NoiseLevels& levels,
                                 const ProgressCallback& progress) {
    return detail::fit_levels(architecture.name(), levels, progress,
                              [&] { return Model(architecture.features, data); });
  }
};

}  // namespace diffarch
