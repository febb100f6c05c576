#pragma once

namespace diffarch::nn {

/// Normalisation of batch norm: y = weight (x - mean) / sqrt(variance + 1e-5) + bias.
/// Source: Ioffe and Szegedy, "Batch normalization", ICML 2015; constants and running statistics as PyTorch's defaults.
struct StandardNormalisation {};

/// Bias-free batch norm: y = gamma x / deviation, deviation = sqrt(variance + 1e-5) about the mean; the mean itself is
/// not subtracted, so that a network of such layers is homogeneous of degree 1 in evaluation mode.
/// Source: Mohan, Kadkhodaie, Simoncelli, Fernandez-Granda, "Robust and interpretable blind image denoising via
/// bias-free convolutional neural networks", ICLR 2020.
struct BiasFreeNormalisation {};

namespace detail {

inline constexpr double normalisation_epsilon = 1e-5;  ///< added to the variance
inline constexpr double normalisation_momentum = 0.1;  ///< weight of a batch in the running statistics

/// The tensors of a batch norm as its kernels see them, in memory of the backend: one number for each channel.
template <class Scalar>
struct NormalisationTensors {
  const Scalar* weight;    ///< gamma when bias-free
  const Scalar* bias;      ///< not read when bias-free
  Scalar* running_mean;    ///< not used when bias-free
  Scalar* running_spread;  ///< variance; deviation when bias-free
  Scalar* weight_gradient;
  Scalar* bias_gradient;  ///< not written when bias-free
};

}  // namespace detail
}  // namespace diffarch::nn
