#pragma once

#include <cmath>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/layer.hpp"

namespace diffarch::nn {

/// Normalisation of batch norm: y = weight (x - mean) / sqrt(variance + 1e-5) + bias.
/// Source: Ioffe and Szegedy, "Batch normalization", ICML 2015; constants and running statistics as PyTorch's defaults.
struct StandardNormalisation {};

/// Bias-free batch norm: y = gamma x / deviation, deviation = sqrt(variance + 1e-5) about the mean; the mean itself is
/// not subtracted, so that a network of such layers is homogeneous of degree 1 in evaluation mode.
/// Source: Mohan, Kadkhodaie, Simoncelli, Fernandez-Granda, "Robust and interpretable blind image denoising via
/// bias-free convolutional neural networks", ICLR 2020.
struct BiasFreeNormalisation {};

/// Batch norm over samples and pixels of each channel, with momentum 0.1 for the running statistics; mean and variance
/// are those of the batch in training (the running variance is unbiased), the running ones in evaluation. `Rectified`
/// applies ReLU in the same pass. Training needs at least two pixels in all (InvalidArgument).
///
/// Every sum runs over blocks of pixels that depend on the shape only, then over blocks in order.
template <class ScalarType, class Normalisation = StandardNormalisation, bool Rectified = false>
class BatchNorm {
  static constexpr bool standard = std::is_same_v<Normalisation, StandardNormalisation>;
  static constexpr double epsilon = 1e-5;
  static constexpr double momentum = 0.1;

 public:
  using Scalar = ScalarType;
  static constexpr bool backward_in_place = true;
  static constexpr Index name_slots = Rectified ? 2 : 1;

  explicit BatchNorm(Index channels)
      : channels_(channels),
        weight_(channels, 1),
        weight_gradient_(channels, 0),
        bias_(standard ? channels : 0, 0),
        bias_gradient_(standard ? channels : 0, 0),
        running_mean_(standard ? channels : 0, 0),
        running_spread_(channels, 1),
        centre_(channels, 0),
        scale_(channels, 1),
        shift_(channels, 0),
        slope_(channels, 0),
        offset_(channels, 0),
        mean_(channels, 0),
        inverse_deviation_(channels, 1) {
    diffarch::detail::require(channels >= 1, "BatchNorm: ", channels, " channels; expected at least 1");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.channels == channels_, "BatchNorm: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer takes ", channels_, " channels");
    return input;
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) { return output; }

  void plan(ImageShape input, Index samples) {
    static_cast<void>(output_shape(input));
    pixels_ = input.height * input.width * samples;
    constexpr Index numbers_per_block = 1 << 14;
    block_ = std::max<Index>(1, numbers_per_block / channels_);
    blocks_ = (pixels_ + block_ - 1) / block_;
    partial_.resize(blocks_ * 2 * channels_);
  }
  [[nodiscard]] static constexpr Index workspace_size() { return 0; }

  void forward(const Scalar* x, Scalar* y, Index /*samples*/, Mode mode, Scalar* /*workspace*/) {
    mode_ = mode;
    if (mode == Mode::train)
      use_batch_statistics(x);
    else
      use_running_statistics();
    for_each_block([&](Index /*block*/, Index begin, Index end) {
      const Scalar* const centre = centre_.data();
      const Scalar* const scale = scale_.data();
      const Scalar* const shift = shift_.data();
      for (Index pixel = begin; pixel < end; ++pixel) {
        const Scalar* const from = x + pixel * channels_;
        Scalar* const to = y + pixel * channels_;
        for (Index c = 0; c < channels_; ++c) {
          const Scalar value = (from[c] - centre[c]) * scale[c] + shift[c];
          to[c] = Rectified && !(value > Scalar(0)) ? Scalar(0) : value;
        }
      }
    });
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index /*samples*/,
                Scalar* /*workspace*/) {
    // Sums of dy and of dy (x - centre), dy taken through the rectifier. ReLU's mask is computed again from x.
    sum_over_pixels([&](Index pixel, Index c, Scalar& sum, Scalar& product) {
      const Scalar distance = x[pixel * channels_ + c] - centre_[c];
      const Scalar unmasked = dy[pixel * channels_ + c];  // read in any case: then the compiler needs no branch
      const bool passes = !Rectified || distance * scale_[c] + shift_[c] > Scalar(0);
      const Scalar gradient = passes ? unmasked : Scalar(0);
      sum += gradient;
      product += gradient * distance;
    });
    finish_gradients();
    if (dx == nullptr) return;
    for_each_block([&](Index /*block*/, Index begin, Index end) {
      const Scalar* const centre = centre_.data();
      const Scalar* const scale = scale_.data();
      const Scalar* const shift = shift_.data();
      const Scalar* const slope = slope_.data();
      const Scalar* const offset = offset_.data();
      for (Index pixel = begin; pixel < end; ++pixel) {
        const Scalar* const from = x + pixel * channels_;
        const Scalar* const in = dy + pixel * channels_;
        Scalar* const out = dx + pixel * channels_;
        for (Index c = 0; c < channels_; ++c) {
          const Scalar distance = from[c] - centre[c];
          const bool passes = !Rectified || distance * scale[c] + shift[c] > Scalar(0);
          out[c] = (passes ? in[c] : Scalar(0)) * scale[c] + (distance * slope[c] + offset[c]);
        }
      }
    });
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    if constexpr (standard) {
      visit(Parameter<Scalar>(detail::join(prefix, "weight"), {channels_}, weight_.span(), weight_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "bias"), {channels_}, bias_.span(), bias_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_mean"), {channels_}, running_mean_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_var"), {channels_}, running_spread_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "num_batches_tracked"), &batches_));
    } else {
      visit(Parameter<Scalar>(detail::join(prefix, "gammas"), {1, channels_, 1, 1}, weight_.span(),
                              weight_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_sd"), {1, channels_, 1, 1}, running_spread_.span()));
    }
  }

  /// Standard: weight 1, bias 0. Bias-free: gamma from N(0, (2/9/64)^2) within +-0.025, as the reference code.
  void initialise(Initialiser& initialiser) {
    std::fill_n(running_spread_.data(), channels_, Scalar(1));
    if constexpr (standard) {
      std::fill_n(weight_.data(), channels_, Scalar(1));
      std::fill_n(bias_.data(), channels_, Scalar(0));
      std::fill_n(running_mean_.data(), channels_, Scalar(0));
      batches_ = 0;
    } else {
      initialiser.clipped_normal(weight_.span(), 2.0 / 9.0 / 64.0, 0.025);
    }
  }

 private:
  template <class Body>
  void for_each_block(const Body& body) const {
    parallel_for(blocks_, block_ * channels_ * 4,
                 [&](Index block) { body(block, block * block_, std::min(pixels_, (block + 1) * block_)); });
  }

  /// Adds term(pixel, channel, first sum, second sum) over all pixels: partial_ then begins with the 2 x channels sums.
  template <class Term>
  void sum_over_pixels(const Term& term) {
    // Channels in groups whose sums stay in registers while a block of pixels, small enough for the cache, goes by.
    constexpr Index group = 16;
    for_each_block([&](Index block, Index begin, Index end) {
      double* const sums = partial_.data() + block * 2 * channels_;
      for (Index first = 0; first < channels_; first += group) {
        Scalar a[group] = {};
        Scalar b[group] = {};
        const Index count = std::min(group, channels_ - first);
        if (count == group) {
          for (Index pixel = begin; pixel < end; ++pixel)
            for (Index k = 0; k < group; ++k) term(pixel, first + k, a[k], b[k]);
        } else {
          for (Index pixel = begin; pixel < end; ++pixel)
            for (Index k = 0; k < count; ++k) term(pixel, first + k, a[k], b[k]);
        }
        for (Index k = 0; k < count; ++k) {
          sums[first + k] = static_cast<double>(a[k]);
          sums[channels_ + first + k] = static_cast<double>(b[k]);
        }
      }
    });
    for (Index block = 1; block < blocks_; ++block)
      for (Index i = 0; i < 2 * channels_; ++i) partial_[i] += partial_[block * 2 * channels_ + i];
  }

  void use_batch_statistics(const Scalar* x) {
    diffarch::detail::require(pixels_ >= 2, "BatchNorm: a batch with ", pixels_,
                              " pixel in all; expected at least 2 in training");
    // Squares about the first pixel: no cancellation when the mean is far from zero.
    std::copy_n(x, channels_, centre_.data());
    sum_over_pixels([&](Index pixel, Index c, Scalar& sum, Scalar& square) {
      const Scalar distance = x[pixel * channels_ + c] - centre_[c];
      sum += distance;
      square += distance * distance;
    });
    const auto count = static_cast<double>(pixels_);
    for (Index c = 0; c < channels_; ++c) {
      const double distance = partial_[c] / count;
      const double variance = std::max(0.0, partial_[channels_ + c] / count - distance * distance);
      mean_[c] = static_cast<double>(centre_[c]) + distance;
      inverse_deviation_[c] = 1.0 / std::sqrt(variance + epsilon);
      if constexpr (standard) {
        move_towards(running_mean_[c], mean_[c]);
        move_towards(running_spread_[c], variance * count / (count - 1.0));
      } else {
        move_towards(running_spread_[c], 1.0 / inverse_deviation_[c]);
      }
    }
    ++batches_;
    set_map();
  }

  void use_running_statistics() {
    for (Index c = 0; c < channels_; ++c) {
      const auto spread = static_cast<double>(running_spread_[c]);
      if constexpr (standard) {
        mean_[c] = static_cast<double>(running_mean_[c]);
        inverse_deviation_[c] = 1.0 / std::sqrt(spread + epsilon);
      } else {
        mean_[c] = 0.0;
        inverse_deviation_[c] = 1.0 / spread;
      }
    }
    set_map();
  }

  static void move_towards(Scalar& running, double value) {
    running = static_cast<Scalar>((1.0 - momentum) * static_cast<double>(running) + momentum * value);
  }

  void set_map() {
    for (Index c = 0; c < channels_; ++c) {
      const double scale = static_cast<double>(weight_[c]) * inverse_deviation_[c];
      centre_[c] = static_cast<Scalar>(mean_[c]);
      scale_[c] = static_cast<Scalar>(scale);
      shift_[c] = standard ? bias_[c] : static_cast<Scalar>(scale * mean_[c]);
    }
  }

  /// With g = sum dy, p = sum dy (x - mean), i = 1 / deviation, n pixels; in evaluation dx = weight i dy only.
  ///  standard:  dweight = i p, dbias = g, dx = weight i (dy - g / n - i^2 p (x - mean) / n);
  ///  bias-free: dgamma = i (p + mean g), dx = gamma i (dy - i^2 (p + mean g) (x - mean) / n).
  void finish_gradients() {
    const auto count = static_cast<double>(pixels_);
    for (Index c = 0; c < channels_; ++c) {
      const double sum = partial_[c];
      const double product = partial_[channels_ + c] + (standard ? 0.0 : mean_[c] * sum);
      const double inverse = inverse_deviation_[c];
      const double scale = static_cast<double>(weight_[c]) * inverse;
      weight_gradient_[c] = static_cast<Scalar>(inverse * product);
      if constexpr (standard) bias_gradient_[c] = static_cast<Scalar>(sum);
      const bool batch = mode_ == Mode::train;
      slope_[c] = batch ? static_cast<Scalar>(-scale * inverse * inverse * product / count) : Scalar(0);
      offset_[c] = batch && standard ? static_cast<Scalar>(-scale * sum / count) : Scalar(0);
    }
  }

  Index channels_;
  Buffer<Scalar> weight_;
  Buffer<Scalar> weight_gradient_;
  Buffer<Scalar> bias_;
  Buffer<Scalar> bias_gradient_;
  Buffer<Scalar> running_mean_;
  Buffer<Scalar> running_spread_;  // variance, or deviation when bias-free
  std::int64_t batches_ = 0;

  // y = (x - centre) scale + shift and dx = scale dy + slope (x - centre) + offset, per channel.
  Buffer<Scalar> centre_;
  Buffer<Scalar> scale_;
  Buffer<Scalar> shift_;
  Buffer<Scalar> slope_;
  Buffer<Scalar> offset_;
  Buffer<double> mean_;
  Buffer<double> inverse_deviation_;
  Buffer<double> partial_;
  Index pixels_ = 0;
  Index block_ = 1;
  Index blocks_ = 0;
  Mode mode_ = Mode::train;
};

}  // namespace diffarch::nn
