#pragma once

#include "diffarch/core/batch.hpp"
#include "diffarch/core/noise_level.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

// Every denoiser predicts x0. The three other common parametrisations follow from it, here and nowhere else; the way
// back is in sampler/parametrisations.hpp.

/// epsilon_hat = (y - signal * x0_hat) / noise, shape (d, n) (Ho et al. 2020, eq. 9 solved for epsilon).
/// Throws InvalidArgument at the clean level, DimensionMismatch when the shapes differ.
template <class Scalar>
[[nodiscard]] Batch<Scalar> epsilon_hat(const Batch<Scalar>& y, const Batch<Scalar>& x0_hat, NoiseLevel level) {
  detail::require(!level.is_clean(), "epsilon_hat: the clean level has no noise to predict");
  detail::require<DimensionMismatch>(y.rows() == x0_hat.rows() && y.cols() == x0_hat.cols(), "epsilon_hat: y is ",
                                     detail::shape_text(y), " but x0_hat is ", detail::shape_text(x0_hat));
  return (y - static_cast<Scalar>(level.signal) * x0_hat) / static_cast<Scalar>(level.noise);
}
/// Overload for data sets and matrix expressions of Eigen.
template <Samples Y, SamplesOf<typename Y::Scalar> X>
[[nodiscard]] Batch<typename Y::Scalar> epsilon_hat(const Y& y, const X& x0_hat, NoiseLevel level) {
  return epsilon_hat<typename Y::Scalar>(as_batch(y), as_batch(x0_hat), level);
}

/// score = grad log p(y) = (signal * x0_hat - y) / noise^2, shape (d, n) (Tweedie's formula, Efron 2011).
/// Throws like epsilon_hat.
template <class Scalar>
[[nodiscard]] Batch<Scalar> score(const Batch<Scalar>& y, const Batch<Scalar>& x0_hat, NoiseLevel level) {
  return epsilon_hat(y, x0_hat, level) / static_cast<Scalar>(-level.noise);
}
/// Overload for data sets and matrix expressions of Eigen.
template <Samples Y, SamplesOf<typename Y::Scalar> X>
[[nodiscard]] Batch<typename Y::Scalar> score(const Y& y, const X& x0_hat, NoiseLevel level) {
  return score<typename Y::Scalar>(as_batch(y), as_batch(x0_hat), level);
}

/// v_hat = alpha epsilon_hat - sigma x0_hat in VP coordinates, alpha = signal / scale, sigma = noise / scale, shape (d,
/// n) (Salimans and Ho 2022, appendix D). Throws like epsilon_hat.
template <class Scalar>
[[nodiscard]] Batch<Scalar> v_hat(const Batch<Scalar>& y, const Batch<Scalar>& x0_hat, NoiseLevel level) {
  return static_cast<Scalar>(level.signal / level.scale()) * epsilon_hat(y, x0_hat, level) -
         static_cast<Scalar>(level.noise / level.scale()) * x0_hat;
}
/// Overload for data sets and matrix expressions of Eigen.
template <Samples Y, SamplesOf<typename Y::Scalar> X>
[[nodiscard]] Batch<typename Y::Scalar> v_hat(const Y& y, const X& x0_hat, NoiseLevel level) {
  return v_hat<typename Y::Scalar>(as_batch(y), as_batch(x0_hat), level);
}

}  // namespace diffarch
