#pragma once

#include <array>
#include <cmath>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/core/storage.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/denoiser/polynomial/level_fits.hpp"
#include "diffarch/denoiser/polynomial/spectral_functors.hpp"
#include "diffarch/denoiser/polynomial/spectral_regression.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/solver/hermite.hpp"
#include "diffarch/solver/principal_components.hpp"

namespace diffarch {

/// Model of `Polynomial<Degree, SpectralFeatures<Form>>`. With h the Hermite features of u, all averages exact over
/// samples and noise (hermite_feature_moments):
///
/// Monomials: U^T (D - mean) = W u + A (h - E h - E[h u^T] u): the Wiener filter and the least-squares fit of its
///   residual on the part of the features that is orthogonal to all linear functions; jointly optimal (ridge apart).
/// Conservative: U^T (D - mean) = W u + sum_j (r_j / deviation) sum_k a_kj (h_kj - E h_kj): the Wiener filter, which is
///   the gradient of a quadratic, plus gradients of functions of r_j . u, fitted to its residual; J is symmetric, and
///   its potential at each level, log_density, is a polynomial of degree Degree + 1.
///
/// Predictions are mean + U c, and y enters through U^T y: sampled in these K coordinates (`SpanDenoiser`).
///
/// SpectralRegression fits a level; samples stay on the backend.
template <int Degree, class Form, class Scalar_, class BackendType_ = Cpu>
class SpectralPolynomialDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = BackendType_;
  using Storage = typename BackendType::template Storage<Scalar>;
  /// The type of U^T y and of all coordinates: always in double.
  using Coordinates = typename BackendType::template Storage<double>;
  using Features = SpectralFeatures<Form>;
  using Real = detail::Dependent<double, Scalar>;      ///< double
  using Fit = detail::Dependent<SpectralFit, Scalar>;  ///< SpectralFit
  static constexpr bool is_conservative = Features::is_conservative;

  /// data (d, n). Throws InvalidArgument for a width, modes, exponents or ridge out of range, or data without variance.
  SpectralPolynomialDenoiser(const Features& features, const Batch<Scalar>& data) {
    detail::require_valid(features);
    auto components = principal_components<BackendType>(data);
    detail::require(components.rank >= 1,
                    "SpectralFeatures: the data have no variance; expected at least two different samples");
    mean_ = std::move(components.mean);
    basis_ = std::move(components.basis);
    stored_mean_ = BackendType::upload(Batch<Scalar>(mean_.template cast<Scalar>()));
    projected_mean_ = project(stored_mean_);
    host_projected_mean_ = BackendType::download(projected_mean_).col(0);
    regression_ = {features, std::move(components.eigenvalues),
                   BackendType::download(project(BackendType::upload(data))).colwise() - host_projected_mean_};
  }

  [[nodiscard]] Index dimension() const noexcept { return mean_.size(); }
  [[nodiscard]] const Features& features() const noexcept { return regression_.features(); }
  [[nodiscard]] const Vector<Real>& mean() const noexcept { return mean_; }
  [[nodiscard]] const Vector<Real>& eigenvalues() const noexcept { return regression_.eigenvalues(); }  ///< (K)
  [[nodiscard]] const Storage& basis() const noexcept { return basis_; }                                ///< U, (d, K)

  /// Fits a level in advance and keeps it, when features.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (features().keep_levels && level.signal > 0.0)
      fits_.add(level, placed(fit_at(level), level.variance_preserving().signal));
  }

  /// The fit of a level with signal > 0: SpectralRegression::fit_at.
  [[nodiscard]] Fit fit_at(NoiseLevel level) const { return regression_.fit_at(level); }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return materialise(coefficients(project(y), level));
  }

  /// U^T y: (K, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Coordinates project(const Storage& y) const {
    detail::require_dimension(y, dimension());
    return converted<double, BackendType>(LinearAlgebra<BackendType>::multiply_transposed(basis_, y));
  }

  /// U^T (x0_hat - mean), (K, n), from U^T y.
  [[nodiscard]] Coordinates coefficients(const Coordinates& projected, NoiseLevel level) const {
    const Index modes = projected.rows();
    const Index n = projected.cols();
    if (level.signal == 0.0) return BackendType::upload(Batch<double>(Batch<double>::Zero(modes, n)));
    return with_fit(level, [&](const PlacedFit& fit) {
      const Index q = fit.directions.rows();
      const Coordinates z = BackendAlgebra::multiply_transposed(fit.directions, whitened(fit, projected, q, level));
      const Coordinates u = whitened(fit, projected, modes, level);
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
                          elementwise::AddScaledVector<Real>{c.data(), projected_mean_.data(), 1.0, c.rows()});
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

  /// ||mean|| + ||c||, and a tenth for what U, stored in Scalar, lacks of being orthonormal.
  [[nodiscard]] Vector<Real> largest_norms(const Coordinates& c) const {
    return mean_.norm() + 1.1 * BackendType::column_norms(c).array();
  }

  // The members below are for analysis. They work on the host, whatever the backend.

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k).
  [[nodiscard]] Matrix<Real> jacobian_product(const Batch<Scalar>& y, const Matrix<Real>& v, NoiseLevel level) const {
    return with_host_fit(level, [&](const Fit& fit) {
      const Matrix<Real> u = whiten(fit, y, level);
      const Matrix<Real> basis = host_array<BackendType>(basis_).template cast<double>();
      const Matrix<Real> du =
          fit.deviation.cwiseInverse().asDiagonal() * Matrix<Real>(basis.transpose() * v / level.scale());
      const Index p = fit.directions.cols();
      const Vector<Real> z = fit.directions.transpose() * u.topRows(fit.directions.rows());
      const Matrix<Real> dz = fit.directions.transpose() * du.topRows(fit.directions.rows());
      Matrix<Real> dh((Degree - 1) * p, v.cols());
      for (Index j = 0; j < p; ++j) {
        const auto values = hermite_values(z(j));
        for (int k = 2; k <= Degree; ++k)  // (He_k / sqrt(k!))' = sqrt(k) He_{k-1} / sqrt((k-1)!)
          dh.row((k - 2) * p + j) =
              std::sqrt(static_cast<double>(k)) * values[static_cast<std::size_t>(k - 1)] * dz.row(j);
      }
      Matrix<Real> dc = fit.wiener.asDiagonal() * du;
      if constexpr (is_conservative)
        dc.topRows(fit.directions.rows()) += act_along_directions(fit, dh);
      else
        dc += fit.coefficients * (dh - fit.linear_part * du);
      return Matrix<Real>(basis * dc);
    });
  }

  /// The part of highest degree along unit directions theta (d, m): theta . D_degree(theta), in the coordinates of the
  /// level: the limit of theta . D(r theta) / r^Degree for large r.
  [[nodiscard]] Vector<Real> leading_form(const Matrix<Real>& theta, NoiseLevel level) const {
    return with_host_fit(level, [&](const Fit& fit) {
      const Matrix<Real> modes = host_array<BackendType>(basis_).template cast<double>().transpose() * theta;
      const Index q = fit.directions.rows();
      const Index p = fit.directions.cols();
      const Matrix<Real> u = fit.deviation.cwiseInverse().asDiagonal() * Matrix<Real>(modes / level.scale());
      const Matrix<Real> z = fit.directions.transpose() * u.topRows(q);
      Matrix<Real> h = Matrix<Real>::Zero((Degree - 1) * p, theta.cols());
      h.bottomRows(p) = z.array().pow(Degree) / std::sqrt(std::tgamma(Degree + 1.0));
      if constexpr (is_conservative)
        return Vector<Real>(modes.topRows(q).cwiseProduct(act_along_directions(fit, h)).colwise().sum());
      else
        return Vector<Real>(modes.cwiseProduct(fit.coefficients * h).colwise().sum());
    });
  }

  /// Conservative only: the potential log p(y) of this level's field for each column of y (d, n), up to a constant, in
  /// the span of the data: D = (y + noise^2 grad log p) / signal there. It is no log density of what is generated.
  [[nodiscard]] Vector<Real> log_density(const Batch<Scalar>& y, NoiseLevel level) const requires is_conservative {
    return with_host_fit(level, [&](const Fit& fit) {
      const NoiseLevel vp = level.variance_preserving();
      const Matrix<Real> u = whiten(fit, y, level);
      const Matrix<Real> z = fit.directions.transpose() * u.topRows(fit.directions.rows());
      const Index p = z.rows();
      Vector<Real> values = -0.5 * u.colwise().squaredNorm();
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
  using BackendAlgebra = LinearAlgebra<BackendType>;

  /// A fit where samples are.
  struct PlacedFit {
    Fit host;           ///< but for directions, coefficients and linear part
    Coordinates shift;  ///< u = inverse_deviation (U^T y / level.scale() - shift)
    Coordinates inverse_deviation;
    Coordinates wiener;
    Coordinates directions;
    Coordinates feature_mean;
    Coordinates weights;
    Coordinates coefficients;
    Coordinates linear_part;
  };

  [[nodiscard]] PlacedFit placed(Fit fit, double signal) const {
    const auto upload = [](Batch<double> array) { return BackendType::upload(std::move(array)); };
    PlacedFit result{.host = {},
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

  [[nodiscard]] static Fit on_host(const PlacedFit& placed) {
    Fit fit = placed.host;
    fit.directions = host_array<BackendType>(placed.directions);
    fit.coefficients = host_array<BackendType>(placed.coefficients);
    fit.linear_part = host_array<BackendType>(placed.linear_part);
    return fit;
  }

  /// The leading `rows` modes of u, of U^T y.
  [[nodiscard]] static Coordinates whitened(const PlacedFit& fit, const Coordinates& projected, Index rows,
                                            NoiseLevel level) {
    Coordinates u(rows, projected.cols());
    BackendType::for_each(rows, projected.cols(),
                          detail::Whiten{u.data(), projected.data(), fit.shift.data(), fit.inverse_deviation.data(),
                                         1.0 / level.scale(), rows, projected.rows()});
    return u;
  }

  /// u of samples of the host, on the host.
  [[nodiscard]] Matrix<Real> whiten(const Fit& fit, const Batch<Scalar>& y, NoiseLevel level) const {
    const double signal = level.variance_preserving().signal;
    const Matrix<Real> projected = BackendType::download(project(BackendType::upload(y)));
    return fit.deviation.cwiseInverse().asDiagonal() *
           Matrix<Real>((projected / level.scale()).colwise() - signal * host_projected_mean_);
  }

  /// He_k(z) / sqrt(k!), k = 0 ... Order.
  template <int Order = Degree>
  [[nodiscard]] static std::array<double, Order + 1> hermite_values(double z) {
    std::array<double, Order + 1> values;
    normalised_hermite(z, Order, values.data());
    return values;
  }

  /// sum_j (r_j / deviation) sum_k weight_kj h_kj: (q, n).
  [[nodiscard]] static Matrix<Real> act_along_directions(const Fit& fit, const Matrix<Real>& h) {
    const Index p = fit.directions.cols();
    Matrix<Real> strength = Matrix<Real>::Zero(p, h.cols());
    for (int k = 2; k <= Degree; ++k)
      strength += fit.weights.segment((k - 2) * p, p).asDiagonal() * h.middleRows((k - 2) * p, p);
    return fit.deviation.head(fit.directions.rows()).cwiseInverse().asDiagonal() *
           Matrix<Real>(fit.directions * strength);
  }

  template <class Use>
  [[nodiscard]] auto with_fit(NoiseLevel level, const Use& use) const {
    return fits_.with(
        level, [this](NoiseLevel missing) { return placed(fit_at(missing), missing.variance_preserving().signal); },
        use);
  }

  template <class Use>
  [[nodiscard]] auto with_host_fit(NoiseLevel level, const Use& use) const {
    return with_fit(level, [&](const PlacedFit& fit) { return use(on_host(fit)); });
  }

  SpectralRegression<Degree, Form, BackendType> regression_;
  Vector<Real> mean_;
  Storage basis_;
  Storage stored_mean_;
  Coordinates projected_mean_;
  Vector<Real> host_projected_mean_;
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
