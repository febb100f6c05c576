#pragma once

#include <limits>

#include "diffarch/core/samples.hpp"
#include "diffarch/denoiser/posterior/training_softmax.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

namespace detail {

/// Posterior weights (n_data, n) of y (d, n) by the softmax of these training samples.
template <class Scalar>
[[nodiscard]] Matrix<Scalar> posterior_weights(const TrainingSoftmax<Scalar>& softmax, const Batch<Scalar>& data,
                                               const Batch<Scalar>& y, NoiseLevel level) {
  require_dimension(y, data.rows());
  require_memory<Scalar>(data.cols(), y.cols(), "posterior_weights");
  Matrix<Scalar> weights = LinearAlgebra<Cpu>::multiply_transposed(data, y);
  parallel_for(y.cols(), 16 * data.cols(), [&](Index j) {
    double smallest = std::numeric_limits<double>::infinity();
    double weight_sum = 0.0;
    const double y_squared = y.col(j).template cast<Dependent<double, Scalar>>().squaredNorm();
    (void)softmax.tile(weights.col(j), data, y.col(j), y_squared, 0, level, smallest, weight_sum);
    for (Scalar& weight : weights.col(j)) {
      weight = static_cast<Scalar>(static_cast<double>(weight) / weight_sum);
      if (weight < std::numeric_limits<Scalar>::min()) weight = Scalar(0);
    }
  });
  return weights;
}

}  // namespace detail

/// The posterior over a training set `data` (d, n_data) given noisy samples y (d, n): (n_data, n), each column a
/// softmax with sum 1,
///   w_i = exp(-|y - signal x_i|^2 / (2 noise^2)) / sum_k exp(-|y - signal x_k|^2 / (2 noise^2))
/// (Karras et al. 2022, eq. 57; Scarvelis et al. 2023, "Closed-Form Diffusion Models", section 3). The prediction of
/// `Ideal` is data * w. At pure noise every weight is 1 / n_data; without noise the nearest training sample has all of
/// the weight, and equally near ones share it. A weight below e^-80 of the largest is exactly 0, and so is a denormal
/// number: products with these take many times as long. A NaN in y stays in its column. Column j is bitwise a function
/// of column j of y. Cost: a product of 2 d n_data flops per sample. Throws InvalidArgument without training samples or
/// where one is not finite, DimensionMismatch, OutOfMemory.
template <Samples X, SamplesOf<typename X::Scalar> Y>
[[nodiscard]] Matrix<typename X::Scalar> posterior_weights(const X& data, const Y& y, NoiseLevel level) {
  using Scalar = typename X::Scalar;
  const Batch<Scalar>& samples = as_batch(data);
  const Batch<Scalar>& noisy = as_batch(y);
  detail::require(samples.rows() >= 1 && samples.cols() >= 1, "posterior_weights: the training data are ",
                  detail::shape_text(samples), "; expected at least one sample of at least one dimension");
  detail::require(Cpu::all_finite(samples), "posterior_weights: the training data hold a value that is not finite");
  return detail::posterior_weights(detail::TrainingSoftmax<Scalar>(samples), samples, noisy, level);
}

}  // namespace diffarch
