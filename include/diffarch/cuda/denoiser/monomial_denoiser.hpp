#pragma once

#include <cmath>
#include <type_traits>
#include <utility>

#include "diffarch/core/storage.hpp"
#include "diffarch/cuda/algebra/linear_algebra.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"

namespace diffarch {

namespace cuda::detail {

/// features (p, n) = prod_j He_{a_j}(u_j) / sqrt(a_j!) of u (k, n) for the multi-indices a, exponents (k, p).
template <class Real>
struct HermiteProduct {
  Real* features;
  const Real* u;
  const int* exponents;
  Index k;
  Index p;
  constexpr void operator()(Index row, Index column) const {
    Real product(1);
    for (Index j = 0; j < k; ++j) {
      const Real at = u[column * k + j];
      Real value(1);
      Real before(0);
      for (int n = 0; n < exponents[row * k + j]; ++n) {
        // The recurrence of normalised_hermite; that one is for long double too, which device code may not name.
        const auto order = static_cast<Real>(n);
        const Real next = (at * value - std::sqrt(order) * before) / std::sqrt(order + Real(1));
        before = value;
        value = next;
      }
      product *= value;
    }
    features[column * p + row] = product;
  }
};

}  // namespace cuda::detail

/// Model of `Polynomial<Degree>` and `Polynomial<Degree, Conservative>` on the device: fitted by MonomialDenoiser, in
/// extended precision and so on the host, evaluated on the device in double.
template <class Scalar_, bool is_conservative>
class DeviceMonomialDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cuda;
  using Storage = cuda::DeviceArray<Scalar>;
  using HostModel = MonomialDenoiser<Scalar, is_conservative>;

  /// Throws InvalidArgument like MonomialDenoiser.
  DeviceMonomialDenoiser(int degree, HermiteMoments moments)
      : DeviceMonomialDenoiser(HostModel(degree, std::move(moments))) {}

  /// A model that was fitted on the host, with the levels it keeps.
  explicit DeviceMonomialDenoiser(HostModel fitted) : host_(std::move(fitted)) {
    const HermiteMoments& of = host_.moments();
    const MultiIndexSet monomials(of.indices().dimension(), degree());
    Matrix<int> exponents(monomials.dimension(), monomials.size());
    for (Index i = 0; i < monomials.size(); ++i)
      for (Index j = 0; j < monomials.dimension(); ++j) exponents(j, i) = monomials[i][static_cast<std::size_t>(j)];
    exponents_ = cuda::DeviceArray<int>::upload(exponents);
    mean_ = Array::upload(Vector<double>(of.mean()));
    minus_mean_ = Array::upload(Vector<double>(-of.mean()));
    basis_ = Array::upload(Matrix<double>(of.basis()));
    for (const auto& [level, fit] : host_.kept_fits()) fits_.add(level, uploaded(fit));
  }

  [[nodiscard]] Index dimension() const noexcept { return host_.dimension(); }
  [[nodiscard]] int degree() const noexcept { return host_.degree(); }
  /// The model that fits, with everything it can tell; it keeps the same levels.
  [[nodiscard]] const HostModel& host_model() const noexcept { return host_; }

  /// Fits a level in advance; `denoise` finds it again. Throws NumericalError like MonomialDenoiser.
  void fit_level(NoiseLevel level) {
    if (level.signal == 0.0) return;
    PolynomialFit fit = host_.fit_at(level);
    fits_.add(level, uploaded(fit));
    host_.keep_fit(level, std::move(fit));
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    Array x0_hat(y.rows(), y.cols());
    if (level.signal == 0.0)
      x0_hat.set_zero();
    else
      fits_.with(
          level, [this](NoiseLevel missing) { return uploaded(host_.fit_at(missing)); },
          [&](const LevelFit& fit) { x0_hat = deviation_from_mean(fit, y, level); });
    Cuda::for_each(y.rows(), y.cols(),
                   elementwise::AddScaledVector<double>{x0_hat.data(), mean_.data(), 1.0, y.rows()});
    return converted<Scalar, Cuda>(std::move(x0_hat));
  }

 private:
  using Algebra = LinearAlgebra<Cuda>;
  using Array = cuda::DeviceArray<double>;

  struct LevelFit {
    Array inverse_scale;  ///< (k)
    Array coefficients;   ///< (k, p)
  };

  [[nodiscard]] static LevelFit uploaded(const PolynomialFit& fit) {
    return {Array::upload(fit.inverse_scale), Array::upload(fit.coefficients)};
  }

  /// U coefficients he(u), u = diag(inverse_scale) U^T (y / signal - mean).
  [[nodiscard]] Array deviation_from_mean(const LevelFit& fit, const Storage& y, NoiseLevel level) const {
    Array centred = converted<double, Cuda>(y);
    Cuda::for_each(y.rows(), y.cols(),
                   elementwise::ScaleAddVector<double>{centred.data(), centred.data(), minus_mean_.data(),
                                                       1.0 / level.signal, y.rows()});
    Array u = Algebra::multiply_transposed(basis_, centred);
    Cuda::for_each(u.rows(), u.cols(), elementwise::ScaleRows<double>{u.data(), fit.inverse_scale.data(), u.rows()});
    Array features(exponents_.cols(), y.cols());
    Cuda::for_each(
        features.rows(), features.cols(),
        cuda::detail::HermiteProduct<double>{features.data(), u.data(), exponents_.data(), u.rows(), features.rows()});
    return Algebra::multiply(basis_, Algebra::multiply(fit.coefficients, features));
  }

  HostModel host_;
  cuda::DeviceArray<int> exponents_;  ///< (k, p)
  Array mean_;
  Array minus_mean_;
  Array basis_;
  detail::LevelFits<LevelFit> fits_;
};

template <int Degree, class Features, class Scalar>
requires std::is_same_v<Features, Monomials> || std::is_same_v<Features, Conservative>
struct Fitter<Polynomial<Degree, Features>, Cuda, Scalar>
    : detail::MonomialFitter<Degree, Features, DeviceMonomialDenoiser<Scalar, std::is_same_v<Features, Conservative>>> {
};

}  // namespace diffarch
