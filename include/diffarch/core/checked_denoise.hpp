#pragma once

#include "diffarch/core/concepts.hpp"

namespace diffarch {

namespace detail {

/// Throws DimensionMismatch unless `array` is (rows, columns); `what` says whose it is.
template <class Array, class... Parts>
void require_shape(const Array& array, Index rows, Index columns, const Parts&... what) {
  require<DimensionMismatch>(array.rows() == rows && array.cols() == columns, what..., " is ", shape_text(array),
                             "; expected (", rows, ", ", columns, ")");
}

}  // namespace detail

/// x0_hat = model.denoise(y, level), shape (d, n) like y: what the sampler and every analysis call. Throws
/// DimensionMismatch, naming both shapes and sigma, when the model returns an array of another shape.
template <Denoiser M>
[[nodiscard]] StorageOf<M> checked_denoise(const M& model, const StorageOf<M>& y, NoiseLevel level) {
  StorageOf<M> x0_hat = model.denoise(y, level);
  detail::require_shape(x0_hat, y.rows(), y.cols(), "denoise: for y of ", detail::shape_text(y),
                        " at sigma = ", level.sigma(), " the prediction x0_hat");
  return x0_hat;
}

}  // namespace diffarch
