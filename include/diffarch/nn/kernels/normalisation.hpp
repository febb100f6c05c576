#pragma once

#include <cmath>
#include <type_traits>

#include "diffarch/core/batch.hpp"

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

/// The two maps that a batch norm applies to each channel, computed from sums over the pixels. Kernels of the host and
/// of devices share these formulas:
///   y = (x - centre) scale + shift   and   dx = scale dy + slope (x - centre) + offset.
/// Every pointer is to one number for each channel.
template <class Scalar, class Normalisation>
struct ChannelMaps {
  static constexpr bool standard = std::is_same_v<Normalisation, StandardNormalisation>;

  Scalar* centre;
  Scalar* scale;
  Scalar* shift;
  Scalar* slope;
  Scalar* offset;
  double* mean;
  double* inverse_deviation;

  /// Sets scale and shift from batch statistics and moves the running statistics. `sum` and `square` are the sums of
  /// x - centre and of its square over `count` pixels.
  constexpr void use_batch_statistics(const NormalisationTensors<Scalar>& tensors, Index c, double sum, double square,
                                      double count) const {
    const double distance = sum / count;
    const double difference = square / count - distance * distance;
    const double variance = difference < 0.0 ? 0.0 : difference;  // NaN stays NaN
    mean[c] = static_cast<double>(centre[c]) + distance;
    inverse_deviation[c] = 1.0 / std::sqrt(variance + normalisation_epsilon);
    if constexpr (standard) {
      move_towards(tensors.running_mean[c], mean[c]);
      move_towards(tensors.running_spread[c], variance * count / (count - 1.0));
    } else {
      move_towards(tensors.running_spread[c], 1.0 / inverse_deviation[c]);
    }
    set_map(tensors, c);
  }

  constexpr void use_running_statistics(const NormalisationTensors<Scalar>& tensors, Index c) const {
    const auto spread = static_cast<double>(tensors.running_spread[c]);
    if constexpr (standard) {
      mean[c] = static_cast<double>(tensors.running_mean[c]);
      inverse_deviation[c] = 1.0 / std::sqrt(spread + normalisation_epsilon);
    } else {
      mean[c] = 0.0;
      inverse_deviation[c] = 1.0 / spread;
    }
    set_map(tensors, c);
  }

  /// Sets slope, offset and the gradients of the tensors from the sums g of dy and p of dy (x - mean) over n pixels.
  /// With i = 1 / deviation (in evaluation dx = weight i dy only):
  ///  standard:  dweight = i p, dbias = g, dx = weight i (dy - g / n - i^2 p (x - mean) / n);
  ///  bias-free: dgamma = i (p + mean g), dx = gamma i (dy - i^2 (p + mean g) (x - mean) / n).
  constexpr void finish_gradients(const NormalisationTensors<Scalar>& tensors, Index c, double sum, double product,
                                  double count, bool of_batch) const {
    if constexpr (!standard) product += mean[c] * sum;
    const double inverse = inverse_deviation[c];
    const double factor = static_cast<double>(tensors.weight[c]) * inverse;
    tensors.weight_gradient[c] = static_cast<Scalar>(inverse * product);
    if constexpr (standard) tensors.bias_gradient[c] = static_cast<Scalar>(sum);
    slope[c] = of_batch ? static_cast<Scalar>(-factor * inverse * inverse * product / count) : Scalar(0);
    offset[c] = of_batch && standard ? static_cast<Scalar>(-factor * sum / count) : Scalar(0);
  }

 private:
  static constexpr void move_towards(Scalar& running, double value) {
    running = static_cast<Scalar>((1.0 - normalisation_momentum) * static_cast<double>(running) +
                                  normalisation_momentum * value);
  }

  constexpr void set_map(const NormalisationTensors<Scalar>& tensors, Index c) const {
    const double factor = static_cast<double>(tensors.weight[c]) * inverse_deviation[c];
    centre[c] = static_cast<Scalar>(mean[c]);
    scale[c] = static_cast<Scalar>(factor);
    if constexpr (standard)
      shift[c] = tensors.bias[c];
    else
      shift[c] = static_cast<Scalar>(factor * mean[c]);
  }
};

}  // namespace detail
}  // namespace diffarch::nn
