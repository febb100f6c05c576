#pragma once

#include <cmath>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"
#include "diffarch/core/noise_level.hpp"

namespace diffarch::nn {

/// How one network F for all noise levels is joined to y = signal x0 + noise epsilon:
///     D(y) = skip y + output F(input y).
/// The numbers are c_in, c_skip and c_out of EDM (Karras et al. 2022, table 1) for any (signal, noise); with
/// r^2 = noise^2 + signal^2 data_scale^2 they are
///     input = 1 / r,   skip = signal data_scale^2 / r^2,   output = noise data_scale / r.
/// Input and target of F then have mean square 1 at every level, and D with F = 0 is the best multiple of y. The loss
/// of F, |F(input y) - (x0 - skip y) / output|^2, is that of D weighted by 1 / output^2, as in EDM.
///
/// Without `adds_input`, skip = 0 and output = 1: F is x0_hat itself, and levels are not weighted. An architecture says
/// so when what its network can give is the point of it, as a bottleneck's.
struct Preconditioning {
  double data_scale = 1.0;  ///< root mean square of the values of the training data, finite, > 0
  bool adds_input = true;   ///< whether a multiple of y is added to what the network gives

  /// The three numbers of one level.
  struct Factors {
    double input = 1.0;   ///< of y before the network
    double skip = 0.0;    ///< of y beside the network
    double output = 1.0;  ///< of what the network gives
  };

  /// For y with this signal and noise, in any coordinates. At a clean level output = 0 and D(y) = y / signal.
  [[nodiscard]] Factors factors(NoiseLevel level) const noexcept {
    const double size = std::hypot(level.noise, level.signal * data_scale);
    if (!adds_input) return {.input = 1.0 / size};
    return {1.0 / size, level.signal * data_scale * (data_scale / size) / size, level.noise * data_scale / size};
  }

  /// Input and target of the network as sums of a clean sample and noise: what a training draws.
  struct Sums {
    double input_signal;   ///< input y = input_signal x0 + input_noise epsilon
    double input_noise;    ///< see input_signal
    double target_signal;  ///< (x0 - skip y) / output = target_signal x0 + target_noise epsilon
    double target_noise;   ///< see target_signal
  };

  /// At a level, in any coordinates: without the difference that loses digits where noise is small.
  [[nodiscard]] Sums sums(NoiseLevel level) const noexcept {
    const double size = std::hypot(level.noise, level.signal * data_scale);
    const double signal = level.signal / size;
    const double noise = level.noise / size;
    if (!adds_input) return {signal, noise, 1.0, 0.0};
    return {signal, noise, noise / data_scale, -signal * data_scale};
  }
};

/// The root mean square of all values of a batch, for `Preconditioning`: the same bits for any number of threads.
/// Throws InvalidArgument when it is 0 or not finite.
template <class Scalar>
[[nodiscard]] double data_scale_of(const Batch<Scalar>& data) {
  double sum = 0.0;
  for (Index i = 0; i < data.size(); ++i)
    sum += static_cast<double>(data.data()[i]) * static_cast<double>(data.data()[i]);
  const double scale = std::sqrt(sum / static_cast<double>(data.size()));
  diffarch::detail::require(scale > 0.0 && std::isfinite(scale), "training: the root mean square of the data is ",
                            scale, "; expected a finite number > 0 for one network for all levels");
  return scale;
}

}  // namespace diffarch::nn
