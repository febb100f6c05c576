#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "diffarch/cuda/nn/batch_norm.hpp"
#include "diffarch/cuda/nn/convolution.hpp"
#include "diffarch/cuda/nn/fully_connected.hpp"
#include "diffarch/cuda/nn/layer_functors.hpp"
#include "diffarch/cuda/nn/transposed_convolution.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/cuda/runtime/recording.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#ifdef DIFFARCH_HAS_CUDNN
#include "diffarch/cuda/nn/cudnn_convolution.hpp"
#endif

namespace diffarch {

/// The arithmetic of networks on the device: an `nn::KernelFamily`, by cuBLAS and element
/// functors, and convolutions by cuDNN where the program links diffarch::cudnn. Networks train and sample there with
/// their weights, activations and data in device memory.
struct CudaKernels {
  using BackendType = Cuda;
  /// Small networks spend their steps on launches, which a stack shares: already that of ten levels makes them few.
  static constexpr Index stack_bytes = Index{4} << 30;

  template <class Number>
  using Buffer = cuda::DeviceBuffer<Number>;
#ifdef DIFFARCH_HAS_CUDNN
  template <class Scalar>
  using Convolution = cuda::CudnnConvolution<Scalar>;
#else
  template <class Scalar>
  using Convolution = cuda::ProductConvolution<Scalar>;
#endif
  template <class Scalar>
  using TransposedConvolution = cuda::ProductTransposedConvolution<Scalar>;
  template <class Scalar>
  using FullyConnected = cuda::ProductFullyConnected<Scalar>;
  template <class Scalar, class Normalisation, bool Rectified>
  using BatchNorm = cuda::DeviceBatchNorm<Scalar, Normalisation, Rectified>;
  using Recording = cuda::Recording;

  [[nodiscard]] static std::string name() {
#ifdef DIFFARCH_HAS_CUDNN
    return "CUDA, convolutions by cuDNN";
#else
    return "CUDA";
#endif
  }

  template <class Number>
  static void copy(const Number* from, Index count, Number* to) {
    cuda::DeviceArray<Number>::copy_values(to, from, count);
  }
  template <class Number>
  static void copy_to_host(const Number* from, Index count, Number* host) {
    cuda::DeviceArray<Number>::copy_values_to_host(host, from, count);
  }
  template <class Number>
  static void copy_from_host(const Number* host, Index count, Number* to) {
    cuda::DeviceArray<Number>::copy_values_from_host(to, host, count);
  }
  template <class Number>
  static void fill(Number* values, Index count, Number value) {
    cuda::for_each(count, 1, cuda::Fill<Number>{values, value});
  }

  template <class Scalar>
  static void leaky_relu(const Scalar* x, Scalar* y, Index count, Scalar slope) {
    cuda::with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          cuda::for_each(count / lanes, 1,
                         cuda::LeakyRelu<Scalar, lanes>{cuda::as_lanes<lanes>(x), cuda::as_lanes<lanes>(y), slope});
        },
        count);
  }
  template <class Scalar>
  static void leaky_relu_backward(const Scalar* y, const Scalar* dy, Scalar* dx, Index count, Scalar slope) {
    cuda::with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          cuda::for_each(count / lanes, 1,
                         cuda::LeakyReluBackward<Scalar, lanes>{cuda::as_lanes<lanes>(y), cuda::as_lanes<lanes>(dy),
                                                                cuda::as_lanes<lanes>(dx), slope});
        },
        count);
  }
  template <class Scalar>
  static void tanh(const Scalar* x, Scalar* y, Index count) {
    cuda::for_each(count, 1, cuda::HyperbolicTangent<Scalar>{x, y});
  }
  template <class Scalar>
  static void tanh_backward(const Scalar* y, const Scalar* dy, Scalar* dx, Index count) {
    cuda::for_each(count, 1, cuda::HyperbolicTangentBackward<Scalar>{y, dy, dx});
  }

  template <class Scalar>
  static void average_pool(const Scalar* x, Scalar* y, Index rows, Index width, Index channels) {
    pool<cuda::AveragePool>(x, y, rows, width, channels);
  }
  template <class Scalar>
  static void average_pool_backward(const Scalar* dy, Scalar* dx, Index rows, Index width, Index channels) {
    pool<cuda::AveragePoolBackward>(dy, dx, rows, width, channels);
  }
  template <class Scalar>
  static void copy_columns(const Scalar* from, Index from_stride, Scalar* to, Index to_stride, Index rows,
                           Index columns) {
    move_columns<cuda::CopyColumns>(from, from_stride, to, to_stride, rows, columns);
  }
  template <class Scalar>
  static void add_columns(const Scalar* from, Index from_stride, Scalar* to, Index to_stride, Index rows,
                          Index columns) {
    move_columns<cuda::AddColumns>(from, from_stride, to, to_stride, rows, columns);
  }

  template <class Scalar>
  static void modulate(const Scalar* x, const Scalar* factors, Scalar* y, Index channels, Index pixels, Index samples) {
    cuda::for_each(channels, pixels * samples, cuda::Modulate<Scalar>{x, factors, y, channels, pixels});
  }
  template <class Scalar>
  static void modulate_backward(const Scalar* x, const Scalar* factors, Scalar* dy, Scalar* dfactors, Index channels,
                                Index pixels, Index samples) {
    cuda::reduce_columns<cuda::SumPair>(pixels, channels * samples,
                                        cuda::FactorGradients<Scalar>{x, dy, channels, pixels},
                                        cuda::StoreFactorGradients<Scalar>{dfactors, channels});
    cuda::for_each(channels, pixels * samples, cuda::ModulateBackward<Scalar>{factors, dy, channels, pixels});
  }
  template <class Scalar>
  static void gather_columns(const Scalar* from, Index rows, const Index* which, Index count, Scalar* to) {
    cuda::for_each(rows, count, cuda::GatherColumns<Scalar>{from, rows, which, to});
  }

  template <class Scalar>
  static void adam_update(std::span<const nn::ParametersWithGradient<Scalar>> pieces, Scalar* mean,
                          Scalar* mean_squared, const nn::detail::AdamCoefficients<Scalar>& coefficients) {
    using Update = cuda::AdamUpdate<Scalar>;
    while (!pieces.empty()) {
      const auto now = pieces.first(std::min<std::size_t>(pieces.size(), Update::most_pieces));
      Update update{.parameters = {},
                    .gradients = {},
                    .ends = {},
                    .pieces = static_cast<int>(now.size()),
                    .mean = mean,
                    .mean_squared = mean_squared,
                    .coefficients = coefficients};
      Index end = 0;
      for (std::size_t piece = 0; piece < now.size(); ++piece) {
        update.parameters[piece] = now[piece].parameters.data();
        update.gradients[piece] = now[piece].gradient.data();
        update.ends[piece] = end += static_cast<Index>(now[piece].parameters.size());
      }
      cuda::for_each(end, 1, update);
      pieces = pieces.subspan(now.size());
      mean += end;
      mean_squared += end;
    }
  }
  template <class Scalar>
  static void move_average(Scalar* average, const Scalar* values, Index count, Scalar weight) {
    cuda::for_each(count, 1, cuda::MoveAverage<Scalar>{average, values, weight});
  }
  template <class Scalar>
  static void noisy_batch(Seed seed, const nn::TrainingLevels<Scalar>& levels, const Scalar* data, Index d, Index n,
                          const Index* samples, Index count, Index first_draw, Scalar* clean, Scalar* noisy) {
    cuda::for_each((d + 3) / 4, levels.count * count,
                   cuda::NoisyBatch<Scalar>{seed, levels, data, d, n, samples, count, first_draw, clean, noisy});
  }
  template <class Scalar>
  static void mixed_batch(Seed seed, const nn::SharedLevels<Scalar>& levels, const Scalar* data, Index d,
                          const Index* samples, const Index* column_levels, Index count, Index first_draw,
                          Scalar* target, Scalar* noisy) {
    cuda::for_each((d + 3) / 4, count,
                   cuda::MixedBatch<Scalar>{seed, levels, data, d, samples, column_levels, first_draw, target, noisy});
  }
  template <class Scalar>
  static void mean_squared_errors(const Scalar* x0_hat, const Scalar* clean, Scalar* gradient, Index size, Index levels,
                                  double* host_errors) {
    const auto count = static_cast<double>(size);
    cuda::DeviceArray<double> sums(levels, 1);
    cuda::reduce_long_columns<double>(
        size, levels, cuda::SquaredError<Scalar>{x0_hat, clean, gradient, size, static_cast<Scalar>(2.0 / count)},
        cuda::StoreAt<double>{sums.data()});
    sums.copy_to_host(host_errors, levels);
    for (Index level = 0; level < levels; ++level) host_errors[level] /= count;
  }
  template <class Scalar>
  [[nodiscard]] static bool all_finite(const Scalar* values, Index count) {
    if (count == 0) return true;
    cuda::DeviceArray<double> sum(1, 1);
    cuda::reduce_long_columns<double>(count, 1, cuda::IsNotFinite<Scalar>{values}, cuda::StoreAt<double>{sum.data()});
    double bad = 0.0;
    sum.copy_to_host(&bad, 1);
    return bad == 0.0;
  }

 private:
  /// Launches a pooling functor over the smaller images, which have `rows` times `width` pixels.
  template <template <class Value> class Functor, class Scalar>
  static void pool(const Scalar* from, Scalar* to, Index rows, Index width, Index channels) {
    cuda::with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          cuda::for_each(channels / lanes, rows * width,
                         Functor<cuda::Lanes<Scalar, lanes>>{cuda::as_lanes<lanes>(from), cuda::as_lanes<lanes>(to),
                                                             width, channels / lanes});
        },
        channels);
  }
  template <template <class Value> class Functor, class Scalar>
  static void move_columns(const Scalar* from, Index from_stride, Scalar* to, Index to_stride, Index rows,
                           Index columns) {
    cuda::with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          cuda::for_each(rows / lanes, columns,
                         Functor<cuda::Lanes<Scalar, lanes>>{cuda::as_lanes<lanes>(from), from_stride / lanes,
                                                             cuda::as_lanes<lanes>(to), to_stride / lanes});
        },
        rows, from_stride, to_stride);
  }
};

static_assert(nn::KernelFamily<CudaKernels>);

#ifdef DIFFARCH_HAS_CUDNN
/// The kernels of CudaKernels, but f32 convolutions and transposed convolutions multiply TF32 numbers on GPUs that have
/// them, as PyTorch's convolutions do by default. Convolutions in f64 stay as they are. Weights, activations, Adam and
/// all other products stay f32.
struct CudaTf32Kernels : CudaKernels {
  [[nodiscard]] static std::string name() { return detail::concat(CudaKernels::name(), " in TF32"); }

  template <class Scalar>
  using Convolution = cuda::CudnnConvolution<Scalar, cuda::Factors::tf32>;
  template <class Scalar>
  using TransposedConvolution = cuda::ProductTransposedConvolution<Scalar, cuda::Factors::tf32>;
};
#elif defined(DIFFARCH_TF32)
#error "DIFFARCH_TF32 is for convolutions by cuDNN: link diffarch::cudnn"
#endif

namespace cuda::detail {

// See nn/kernels/kernels.hpp: one program, one family of kernels.
#if defined(DIFFARCH_TF32)
inline thread_local char some_source_files_convolve_by_products_on_the_device_and_others_in_tf32{};
inline thread_local char some_source_files_take_cudnn_in_f32_and_others_in_tf32{};
inline void mark_kernels_of_cuda() {
  nn::detail::keep_symbol(some_source_files_convolve_by_products_on_the_device_and_others_in_tf32);
  nn::detail::keep_symbol(some_source_files_take_cudnn_in_f32_and_others_in_tf32);
}
#elif defined(DIFFARCH_HAS_CUDNN)
inline thread_local char some_source_files_convolve_by_products_on_the_device_and_others_by_cudnn{};
inline char some_source_files_take_cudnn_in_f32_and_others_in_tf32{};
inline void mark_kernels_of_cuda() {
  nn::detail::keep_symbol(some_source_files_convolve_by_products_on_the_device_and_others_by_cudnn);
  nn::detail::keep_symbol(some_source_files_take_cudnn_in_f32_and_others_in_tf32);
}
#else
inline char some_source_files_convolve_by_products_on_the_device_and_others_by_cudnn{};
inline char some_source_files_convolve_by_products_on_the_device_and_others_in_tf32{};
inline void mark_kernels_of_cuda() {
  nn::detail::keep_symbol(some_source_files_convolve_by_products_on_the_device_and_others_by_cudnn);
  nn::detail::keep_symbol(some_source_files_convolve_by_products_on_the_device_and_others_in_tf32);
}
#endif

}  // namespace cuda::detail

/// The kernels of networks on the device; with TF32 convolutions when DIFFARCH_TF32 is defined.
template <>
struct nn::KernelsOf<Cuda> {
#ifdef DIFFARCH_TF32
  using type = CudaTf32Kernels;
#else
  using type = CudaKernels;
#endif
  /// Marks the source file, as the kernels of the host do.
  static void mark_source_file() { cuda::detail::mark_kernels_of_cuda(); }
};

}  // namespace diffarch
