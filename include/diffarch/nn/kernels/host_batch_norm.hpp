#pragma once

#include <algorithm>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/buffer.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"
#include "diffarch/nn/kernels/normalisation.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"

namespace diffarch::nn::detail {

/// The arithmetic of `BatchNorm` on the host. Every sum runs over blocks of pixels that depend on the shape only, then
/// over blocks in order.
template <class Scalar, class Normalisation, bool Rectified>
class HostBatchNorm {
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
      for (Index c = 0; c < channels_; ++c) maps().use_running_statistics(tensors, c);
    for_each_block([&](Index /*block*/, Index begin, Index end) {
      const Scalar* const centre = centre_.data();
      const Scalar* const scale = scale_.data();
      const Scalar* const shift = shift_.data();
      for (Index pixel = begin; pixel < end; ++pixel) {
        const Scalar* const from = x + pixel * channels_;
        Scalar* const to = y + pixel * channels_;
        for (Index c = 0; c < channels_; ++c) {
          const Scalar value = (from[c] - centre[c]) * scale[c] + shift[c];
          to[c] = Rectified ? relu(value) : value;
        }
      }
    });
  }

  /// After a `forward` of the same x, in its mode.
  void backward(const Scalar* x, const Scalar* dy, Scalar* dx, const NormalisationTensors<Scalar>& tensors) {
    // Sums of dy and of dy (x - centre), dy taken through the rectifier. ReLU's mask is computed again from x.
    sum_over_pixels([&](Index pixel, Index c, Scalar& sum, Scalar& product) {
      const Scalar distance = x[pixel * channels_ + c] - centre_[c];
      const Scalar gradient = through_rectifier(distance * scale_[c] + shift_[c], dy[pixel * channels_ + c]);
      sum += gradient;
      product += gradient * distance;
    });
    for (Index c = 0; c < channels_; ++c)
      maps().finish_gradients(tensors, c, partial_[c], partial_[channels_ + c], static_cast<double>(pixels_),
                              mode_ == Mode::train);
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
          const Scalar gradient = through_rectifier(distance * scale[c] + shift[c], in[c]);
          out[c] = gradient * scale[c] + (distance * slope[c] + offset[c]);
        }
      }
    });
  }

 private:
  /// dy as the gradient of what the rectifier takes, `value`.
  [[nodiscard]] static Scalar through_rectifier([[maybe_unused]] Scalar value, Scalar dy) {
    return Rectified ? relu_gradient(value, dy) : dy;
  }

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
    for (Index c = 0; c < channels_; ++c)
      maps().use_batch_statistics(tensors, c, partial_[c], partial_[channels_ + c], count);
  }

  [[nodiscard]] ChannelMaps<Scalar, Normalisation> maps() {
    return {centre_.data(),           scale_.data(), shift_.data(), slope_.data(), offset_.data(), mean_.data(),
            inverse_deviation_.data()};
  }

  Index channels_ = 0;
  // See ChannelMaps.
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
