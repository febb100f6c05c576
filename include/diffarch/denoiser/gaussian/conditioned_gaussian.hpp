#pragma once

#include <algorithm>
#include <utility>

#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"
#include "diffarch/solver/conditional_gaussian.hpp"
#include "diffarch/solver/linear_measurement.hpp"

namespace diffarch {

/// The Gaussian of a model of the linear family, given a measurement m of the clean sample: E[x0 | y, m] is the
/// prediction of the Gaussian with the conditional mean and covariance, and so of another model of the linear family,
/// which is returned. That model is sampled, collapsed and predicted as any other, and its samples agree with m:
/// exactly where the deviation is 0, which takes away as many modes as there are numbers. One model is for one m. With
/// `ElementMeasurement` it fills in what is missing of an image.
///
/// x0 = mean + U c with c ~ N(0, diag(lambda)) in K modes, where all is done: see `condition_gaussian`. Cost O(K^3 +
/// k K^2 + k^2 K + k^3 + d K^2) for k numbers, on the host but for d K^2. Throws DimensionMismatch, and InvalidArgument
/// for values that are not finite, a negative deviation, and numbers that are, with deviation 0, constant under the
/// model or dependent on each other.
template <class BackendType, class Scalar, Measurement M>
[[nodiscard]] GaussianDenoiser<BackendType, Scalar> conditioned(const GaussianDenoiser<BackendType, Scalar>& model,
                                                                const M& measurement) {
  using Real = detail::Dependent<double, Scalar>;
  using Algebra = LinearAlgebra<BackendType>;
  detail::check_measurement(measurement, model.dimension());
  const Vector<Real>& variances = model.eigenvalues();
  const Matrix<Real> h = measurement.of(BackendType::download(model.basis()));  // A U
  const Vector<Real> expected = measurement.of(Matrix<Real>(model.mean()));
  const ConditionalGaussian<Real> conditional =
      condition_gaussian(Matrix<Real>(variances.asDiagonal()), h, measurement.deviation);
  const SymmetricEigen<Cpu> eigen = LinearAlgebra<Cpu>::symmetric_eigen(conditional.covariance);

  // Exact numbers leave as many eigenvalues of zero, which are rounding here.
  const Index exact = measurement.deviation == 0.0 ? measurement.size() : 0;
  Index modes = std::max<Index>(0, model.rank() - exact);
  while (modes > 0 && !(eigen.values(modes - 1) > 0.0)) --modes;
  const auto in_basis = [&](const Matrix<Real>& coordinates) {
    return Algebra::multiply(model.basis(), BackendType::upload(Batch<Scalar>(coordinates.template cast<Scalar>())));
  };
  const Vector<Real> innovation = measurement.values - expected;
  const Batch<Scalar> shift = BackendType::download(in_basis(conditional.gain * innovation));
  PrincipalComponents<Scalar, BackendType> result;
  result.mean = model.mean() + shift.col(0).template cast<double>();
  result.eigenvalues = eigen.values.head(modes);
  result.basis = in_basis(eigen.vectors.leftCols(modes));
  result.rank = modes;
  return GaussianDenoiser<BackendType, Scalar>(std::move(result));
}

}  // namespace diffarch
