#pragma once

#include "diffarch/cuda/nn/layer_functors.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"
#include "diffarch/cuda/runtime/reduction.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"
#include "diffarch/nn/kernels/normalisation.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"

namespace diffarch::cuda {

namespace detail {

/// The distance from the first pixel and its square: no cancellation when the mean is far from zero.
template <class Scalar>
struct CentredMoments {
  const Scalar* x;
  Index channels;
  constexpr SumPair operator()(Index c, Index pixel) const {
    const auto distance = static_cast<double>(x[pixel * channels + c] - x[c]);
    return {distance, distance * distance};
  }
};

template <class Scalar, class Normalisation>
struct UseBatchStatistics {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  nn::detail::NormalisationTensors<Scalar> tensors;
  const Scalar* x;
  double count;
  constexpr void operator()(Index c, SumPair sums) const {
    maps.centre[c] = x[c];
    maps.use_batch_statistics(tensors, c, sums.first, sums.second, count);
  }
};

template <class Scalar, class Normalisation>
struct UseRunningStatistics {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  nn::detail::NormalisationTensors<Scalar> tensors;
  constexpr void operator()(Index c, Index /*column*/) const { maps.use_running_statistics(tensors, c); }
};

template <class Scalar, class Normalisation>
struct FinishGradients {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  nn::detail::NormalisationTensors<Scalar> tensors;
  double count;
  bool of_batch;
  constexpr void operator()(Index c, SumPair sums) const {
    maps.finish_gradients(tensors, c, sums.first, sums.second, count, of_batch);
  }
};

/// Element (c, pixel) of Lanes, of which a pixel has `channels`.
template <class Scalar, int width, bool Rectified>
struct Normalise {
  using Value = Lanes<Scalar, width>;
  const Value *centre, *scale, *shift;
  const Value* x;
  Value* y;
  Index channels;
  constexpr void operator()(Index c, Index pixel) const {
    Value value = x[pixel * channels + c];
    const Value origin = centre[c];
    const Value factor = scale[c];
    const Value offset = shift[c];
    for (int i = 0; i < width; ++i) {
      const Scalar result = (value.numbers[i] - origin.numbers[i]) * factor.numbers[i] + offset.numbers[i];
      value.numbers[i] = Rectified ? nn::detail::relu(result) : result;
    }
    y[pixel * channels + c] = value;
  }
};

/// dy taken through the rectifier, whose mask is computed again from x.
template <class Scalar, class Normalisation, bool Rectified>
struct RectifiedGradient {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  const Scalar* x;
  const Scalar* dy;
  Index channels;
  /// It and its product with the distance from the centre.
  constexpr SumPair operator()(Index c, Index pixel) const {
    const Scalar distance = x[pixel * channels + c] - maps.centre[c];
    const Scalar given = dy[pixel * channels + c];
    const Scalar value = distance * maps.scale[c] + maps.shift[c];
    const auto gradient = static_cast<double>(Rectified ? nn::detail::relu_gradient(value, given) : given);
    return {gradient, gradient * static_cast<double>(distance)};
  }
};

/// Element (c, pixel) of Lanes, of which a pixel has `channels`.
template <class Scalar, int width, bool Rectified>
struct NormaliseBackward {
  using Value = Lanes<Scalar, width>;
  const Value *centre, *scale, *shift, *slope, *offset;
  const Value* x;
  const Value* dy;
  Value* dx;
  Index channels;
  constexpr void operator()(Index c, Index pixel) const {
    const Value value = x[pixel * channels + c];
    Value gradient = dy[pixel * channels + c];
    const Value origin = centre[c];
    const Value factor = scale[c];
    const Value added = shift[c];
    const Value inclination = slope[c];
    const Value constant = offset[c];
    for (int i = 0; i < width; ++i) {
      const Scalar distance = value.numbers[i] - origin.numbers[i];
      const Scalar before = distance * factor.numbers[i] + added.numbers[i];
      if (Rectified) gradient.numbers[i] = nn::detail::relu_gradient(before, gradient.numbers[i]);
      gradient.numbers[i] =
          gradient.numbers[i] * factor.numbers[i] + (distance * inclination.numbers[i] + constant.numbers[i]);
    }
    dx[pixel * channels + c] = gradient;
  }
};

}  // namespace detail

/// `BatchNorm<Scalar, Normalisation, Rectified>` of CudaKernels. Sums in double.
template <class Scalar, class Normalisation, bool Rectified>
class DeviceBatchNorm {
  using Maps = nn::detail::ChannelMaps<Scalar, Normalisation>;
  using Tensors = nn::detail::NormalisationTensors<Scalar>;

 public:
  void plan(Index channels, Index pixels) {
    channels_ = channels;
    pixels_ = pixels;
    for (auto* values : {&centre_, &scale_, &shift_, &slope_, &offset_}) values->resize(channels);
    for (auto* values : {&mean_, &inverse_deviation_}) values->resize(channels);
    partial_.resize(channels * row_parts(pixels));
  }

  void forward(const Scalar* x, Scalar* y, nn::Mode mode, const Tensors& tensors) {
    mode_ = mode;
    if (mode == nn::Mode::train) {
      reduce_rows<SumPair>(channels_, pixels_, detail::CentredMoments<Scalar>{x, channels_},
                           detail::UseBatchStatistics<Scalar, Normalisation>{maps(), tensors, x, count()},
                           partial_.data());
    } else {
      for_each(channels_, 1, detail::UseRunningStatistics<Scalar, Normalisation>{maps(), tensors});
    }
    with_lanes(
        [&]<int width>(std::integral_constant<int, width>) {
          for_each(channels_ / width, pixels_,
                   detail::Normalise<Scalar, width, Rectified>{
                       as_lanes<width>(centre_.data()), as_lanes<width>(scale_.data()), as_lanes<width>(shift_.data()),
                       as_lanes<width>(x), as_lanes<width>(y), channels_ / width});
        },
        channels_);
  }

  void backward(const Scalar* x, const Scalar* dy, Scalar* dx, const Tensors& tensors) {
    const detail::RectifiedGradient<Scalar, Normalisation, Rectified> gradient{maps(), x, dy, channels_};
    reduce_rows<SumPair>(
        channels_, pixels_, gradient,
        detail::FinishGradients<Scalar, Normalisation>{maps(), tensors, count(), mode_ == nn::Mode::train},
        partial_.data());
    if (dx == nullptr) return;
    with_lanes(
        [&]<int width>(std::integral_constant<int, width>) {
          for_each(channels_ / width, pixels_,
                   detail::NormaliseBackward<Scalar, width, Rectified>{
                       as_lanes<width>(centre_.data()), as_lanes<width>(scale_.data()), as_lanes<width>(shift_.data()),
                       as_lanes<width>(slope_.data()), as_lanes<width>(offset_.data()), as_lanes<width>(x),
                       as_lanes<width>(dy), as_lanes<width>(dx), channels_ / width});
        },
        channels_);
  }

 private:
  [[nodiscard]] double count() const { return static_cast<double>(pixels_); }
  [[nodiscard]] Maps maps() {
    return {centre_.data(),           scale_.data(), shift_.data(), slope_.data(), offset_.data(), mean_.data(),
            inverse_deviation_.data()};
  }

  Index channels_ = 0;
  Index pixels_ = 0;
  nn::Mode mode_ = nn::Mode::train;
  DeviceBuffer<Scalar> centre_;
  DeviceBuffer<Scalar> scale_;
  DeviceBuffer<Scalar> shift_;
  DeviceBuffer<Scalar> slope_;
  DeviceBuffer<Scalar> offset_;
  DeviceBuffer<double> mean_;
  DeviceBuffer<double> inverse_deviation_;
  DeviceBuffer<SumPair> partial_;
};

}  // namespace diffarch::cuda
