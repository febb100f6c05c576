#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/buffer.hpp"
#include "diffarch/nn/layer.hpp"
#include "diffarch/nn/normalisation.hpp"

namespace diffarch::nn::detail {

/// The arithmetic of `BatchNorm` on the host. Every sum runs over blocks of pixels that depend on the shape only, then
/// over blocks in order.
template <class Scalar, class Normalisation, bool Rectified>
class HostBatchNorm {
  static constexpr bool standard = std::is_same_v<Normalisation, StandardNormalisation>;

 public:
  void plan(Index channels, Index pixels) {
    channels_ = channels;
    pixels_ = pixels;
    constexpr Index numbers_per_block = 1 << 14;
    block_ = std::max<Index>(1, numbers_per_block / channels_);
    blocks_ = (pixels_ + block_ - 1) / block_;
    partial_.resize(blocks_ * 2 * channels_);
    for (auto* values : {&centre_, &scale_, &shift_, &slope_, &offset_}) values->resize(channels_);
    for (auto* values : {&mean_, &inverse_deviation_}) values->resize(channels_);
  }

  void forward(const Scalar* x, Scalar* y, Mode mode, const NormalisationTensors<Scalar>& tensors) {
    mode_ = mode;
    if (mode == Mode::train)
      use_batch_statistics(x, tensors);
    else
      use_running_statistics(tensors);
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

  /// After a `forward` of the same x, in its mode.
  void backward(const Scalar* x, const Scalar* dy, Scalar* dx, const NormalisationTensors<Scalar>& tensors) {
    // Sums of dy and of dy (x - centre), dy taken through the rectifier. ReLU's mask is computed again from x.
    sum_over_pixels([&](Index pixel, Index c, Scalar& sum, Scalar& product) {
      const Scalar distance = x[pixel * channels_ + c] - centre_[c];
      const Scalar unmasked = dy[pixel * channels_ + c];  // read in any case: then the compiler needs no branch
      const bool passes = !Rectified || distance * scale_[c] + shift_[c] > Scalar(0);
      const Scalar gradient = passes ? unmasked : Scalar(0);
      sum += gradient;
      product += gradient * distance;
    });
    finish_gradients(tensors);
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

  void use_batch_statistics(const Scalar* x, const NormalisationTensors<Scalar>& tensors) {
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
      inverse_deviation_[c] = 1.0 / std::sqrt(variance + normalisation_epsilon);
      if constexpr (standard) {
        move_towards(tensors.running_mean[c], mean_[c]);
        move_towards(tensors.running_spread[c], variance * count / (count - 1.0));
      } else {
        move_towards(tensors.running_spread[c], 1.0 / inverse_deviation_[c]);
      }
    }
    set_map(tensors);
  }

  void use_running_statistics(const NormalisationTensors<Scalar>& tensors) {
    for (Index c = 0; c < channels_; ++c) {
      const auto spread = static_cast<double>(tensors.running_spread[c]);
      if constexpr (standard) {
        mean_[c] = static_cast<double>(tensors.running_mean[c]);
        inverse_deviation_[c] = 1.0 / std::sqrt(spread + normalisation_epsilon);
      } else {
        mean_[c] = 0.0;
        inverse_deviation_[c] = 1.0 / spread;
      }
    }
    set_map(tensors);
  }

  static void move_towards(Scalar& running, double value) {
    running = static_cast<Scalar>((1.0 - normalisation_momentum) * static_cast<double>(running) +
                                  normalisation_momentum * value);
  }

  void set_map(const NormalisationTensors<Scalar>& tensors) {
    for (Index c = 0; c < channels_; ++c) {
      const double scale = static_cast<double>(tensors.weight[c]) * inverse_deviation_[c];
      centre_[c] = static_cast<Scalar>(mean_[c]);
      scale_[c] = static_cast<Scalar>(scale);
      shift_[c] = standard ? tensors.bias[c] : static_cast<Scalar>(scale * mean_[c]);
    }
  }

  /// With g = sum dy, p = sum dy (x - mean), i = 1 / deviation, n pixels; in evaluation dx = weight i dy only.
  ///  standard:  dweight = i p, dbias = g, dx = weight i (dy - g / n - i^2 p (x - mean) / n);
  ///  bias-free: dgamma = i (p + mean g), dx = gamma i (dy - i^2 (p + mean g) (x - mean) / n).
  void finish_gradients(const NormalisationTensors<Scalar>& tensors) {
    const auto count = static_cast<double>(pixels_);
    for (Index c = 0; c < channels_; ++c) {
      const double sum = partial_[c];
      const double product = partial_[channels_ + c] + (standard ? 0.0 : mean_[c] * sum);
      const double inverse = inverse_deviation_[c];
      const double scale = static_cast<double>(tensors.weight[c]) * inverse;
      tensors.weight_gradient[c] = static_cast<Scalar>(inverse * product);
      if constexpr (standard) tensors.bias_gradient[c] = static_cast<Scalar>(sum);
      const bool batch = mode_ == Mode::train;
      slope_[c] = batch ? static_cast<Scalar>(-scale * inverse * inverse * product / count) : Scalar(0);
      offset_[c] = batch && standard ? static_cast<Scalar>(-scale * sum / count) : Scalar(0);
    }
  }

  Index channels_ = 0;
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

}  // namespace diffarch::nn::detail
