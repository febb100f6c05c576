#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/solver/linear_measurement.hpp"
#include "diffarch/solver/symmetric_eigen.hpp"

namespace diffarch {

/// Model of `conditioned_by_moments`.
template <Denoiser Model, Measurement M>
class MomentConditionedDenoiser {
 public:
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  using Storage = typename BackendType::template Storage<Scalar>;

  /// Throws DimensionMismatch or InvalidArgument for a measurement that samples of the model do not have.
  MomentConditionedDenoiser(Model model, M measurement)
      : model_(std::move(model)), measurement_(std::move(measurement)) {
    const Index d = model_.dimension();
    detail::check_measurement(measurement_, d);
    transposed_ = Matrix<Real>(d, measurement_.size());
    constexpr Index block = 256;
    for (Index first = 0; first < d; first += block) {
      const Index count = std::min(block, d - first);
      Matrix<Real> units = Matrix<Real>::Zero(d, count);
      units.middleRows(first, count).setIdentity();
      transposed_.middleRows(first, count) = Matrix<Real>(measurement_.of(units)).transpose();
    }
  }

  [[nodiscard]] Index dimension() const { return model_.dimension(); }
  [[nodiscard]] const Model& model() const noexcept { return model_; }
  [[nodiscard]] const M& measurement() const noexcept { return measurement_; }

  /// x0_hat (d, n) of y (d, n), given the measurement. Throws what the model throws, and InvalidArgument at pure noise,
  /// where the Jacobian says nothing of the covariance.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    Storage x0_hat = checked_denoise(model_, y, level);
    if (level.is_clean()) return x0_hat;
    detail::require(level.signal > 0.0,
                    "conditioned_by_moments: at pure noise (alpha_bar = 0) the Jacobian says nothing "
                    "of the clean samples; expected a finite sigma_T");
    const Batch<Scalar> noisy = BackendType::download(y);
    Batch<Scalar> predicted = BackendType::download(std::move(x0_hat));
    for (Index column = 0; column < noisy.cols(); ++column)
      predicted.col(column) += correction(Batch<Scalar>(noisy.col(column)), Batch<Scalar>(predicted.col(column)), level)
                                   .template cast<Scalar>();
    return BackendType::upload(std::move(predicted));
  }

 private:
  using Real = detail::Dependent<double, Model>;

  /// C A^T (A C A^T + s^2 I)^-1 (m - A x0_hat), (d), of one sample. A direction of m in which C has no variance, to
  /// rounding, or a negative one (the Jacobian of a network need not be a covariance) has the variance s^2, and changes
  /// nothing where s is 0.
  [[nodiscard]] Vector<Real> correction(const Batch<Scalar>& y, const Batch<Scalar>& x0_hat, NoiseLevel level) const {
    const Matrix<Real> cross =
        level.noise * level.noise / level.signal * jacobian_product(model_, y, transposed_, level);  // C A^T
    const Matrix<Real> of_numbers = transposed_.transpose() * cross;
    Matrix<Real> vectors;
    const Vector<Real> values = detail::symmetric_eigenvalues(
        Matrix<Real>(Real(0.5) * (of_numbers + of_numbers.transpose())), "conditioned_by_moments", &vectors);
    const Vector<Real> innovation = measurement_.values - Vector<Real>(measurement_.of(x0_hat));
    Vector<Real> coordinates = vectors.transpose() * innovation;
    const Real rounding = static_cast<Real>(16 * values.size()) * std::numeric_limits<Scalar>::epsilon() * values(0);
    const Real noise = measurement_.deviation * measurement_.deviation;
    for (Index i = 0; i < values.size(); ++i) {
      const Real variance = (values(i) > rounding ? values(i) : Real(0)) + noise;
      coordinates(i) = variance > Real(0) ? coordinates(i) / variance : Real(0);
    }
    return cross * (vectors * coordinates);
  }

  Model model_;
  M measurement_;
  Matrix<double> transposed_;  ///< A^T, (d, k)
};

/// Any model, given a measurement m = A x0 + N(0, s^2 I) of the clean sample. What is behind y is taken as a Gaussian
/// with the model's two moments, E[x0 | y] = x0_hat and, by Tweedie's second formula, Cov[x0 | y] = noise^2 / signal J
/// with J = dx0_hat/dy, and this Gaussian is conditioned on m:
///   x0_hat + C A^T (A C A^T + s^2 I)^-1 (m - A x0_hat),  C = noise^2 / signal J
/// (Boys et al. 2023, "Tweedie Moment Projected Diffusions for Inverse Problems"; with r^2 I for C in the inverse it is
/// pseudoinverse guidance, Song et al. 2023, eq. 7). Exact for a Gaussian, for which `conditioned` gives the same
/// without a Jacobian; an approximation where x0 given y is no Gaussian. The result is a model, sampled as any other
/// from a finite sigma_T. Cost: k products with the Jacobian for each sample, 2 k predictions where the model has none
/// of its own. Throws DimensionMismatch and InvalidArgument for what cannot be measured.
template <Denoiser Model, Measurement M>
[[nodiscard]] MomentConditionedDenoiser<Model, M> conditioned_by_moments(Model model, M measurement) {
  return {std::move(model), std::move(measurement)};
}

}  // namespace diffarch
