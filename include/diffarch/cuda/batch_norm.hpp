#pragma once

#include "diffarch/cuda/buffer.hpp"
#include "diffarch/cuda/reduction.hpp"
#include "diffarch/nn/layer.hpp"
#include "diffarch/nn/normalisation.hpp"

namespace diffarch::cuda {

namespace detail {

/// Two sums at once.
struct SumPair {
  double first;
  double second;
  friend constexpr SumPair operator+(SumPair a, SumPair b) { return {a.first + b.first, a.second + b.second}; }
};

/// x - centre and its square.
template <class Scalar>
struct CentredMoments {
  const Scalar* x;
  const Scalar* centre;
  Index channels;
  constexpr SumPair operator()(Index c, Index pixel) const {
    const auto distance = static_cast<double>(x[pixel * channels + c] - centre[c]);
    return {distance, distance * distance};
  }
};

template <class Scalar, class Normalisation>
struct UseBatchStatistics {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  nn::detail::NormalisationTensors<Scalar> tensors;
  double count;
  constexpr void operator()(Index c, SumPair sums) const {
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

template <class Scalar, class Normalisation, bool Rectified>
struct Normalise {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  const Scalar* x;
  Scalar* y;
  Index channels;
  constexpr void operator()(Index c, Index pixel) const {
    const Scalar value = (x[pixel * channels + c] - maps.centre[c]) * maps.scale[c] + maps.shift[c];
    y[pixel * channels + c] = Rectified && !(value > Scalar(0)) ? Scalar(0) : value;
  }
};

/// dy taken through the rectifier, whose mask is computed again from x.
template <class Scalar, class Normalisation, bool Rectified>
struct RectifiedGradient {
  nn::detail::ChannelMaps<Scalar, Normalisation> maps;
  const Scalar* x;
  const Scalar* dy;
  Index channels;
  [[nodiscard]] constexpr Scalar distance(Index c, Index pixel) const {
    return x[pixel * channels + c] - maps.centre[c];
  }
  [[nodiscard]] constexpr Scalar gradient(Index c, Index pixel) const {
    const bool passes = !Rectified || distance(c, pixel) * maps.scale[c] + maps.shift[c] > Scalar(0);
    return passes ? dy[pixel * channels + c] : Scalar(0);
  }
  /// It and its product with the distance from the centre.
  constexpr SumPair operator()(Index c, Index pixel) const {
    const auto g = static_cast<double>(gradient(c, pixel));
    return {g, g * static_cast<double>(distance(c, pixel))};
  }
};

template <class Scalar, class Normalisation, bool Rectified>
struct NormaliseBackward {
  RectifiedGradient<Scalar, Normalisation, Rectified> in;
  Scalar* dx;
  constexpr void operator()(Index c, Index pixel) const {
    dx[pixel * in.channels + c] =
        in.gradient(c, pixel) * in.maps.scale[c] + (in.distance(c, pixel) * in.maps.slope[c] + in.maps.offset[c]);
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
      // Squares about the first pixel: no cancellation when the mean is far from zero.
      DeviceArray<Scalar>::copy_values(centre_.data(), x, channels_);
      reduce_rows<detail::SumPair>(channels_, pixels_, detail::CentredMoments<Scalar>{x, centre_.data(), channels_},
                                   detail::UseBatchStatistics<Scalar, Normalisation>{maps(), tensors, count()},
                                   partial_.data());
    } else {
      for_each(channels_, 1, detail::UseRunningStatistics<Scalar, Normalisation>{maps(), tensors});
    }
    for_each(channels_, pixels_, detail::Normalise<Scalar, Normalisation, Rectified>{maps(), x, y, channels_});
  }

  void backward(const Scalar* x, const Scalar* dy, Scalar* dx, const Tensors& tensors) {
    const detail::RectifiedGradient<Scalar, Normalisation, Rectified> gradient{maps(), x, dy, channels_};
    reduce_rows<detail::SumPair>(
        channels_, pixels_, gradient,
        detail::FinishGradients<Scalar, Normalisation>{maps(), tensors, count(), mode_ == nn::Mode::train},
        partial_.data());
    if (dx == nullptr) return;
    for_each(channels_, pixels_, detail::NormaliseBackward<Scalar, Normalisation, Rectified>{gradient, dx});
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
  DeviceBuffer<detail::SumPair> partial_;
};

}  // namespace diffarch::cuda
