#pragma once

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>

#include "diffarch/cuda/nn/convolution.hpp"

// Convolutions by cuDNN. Needs the target diffarch::cudnn, which defines DIFFARCH_HAS_CUDNN: the kernels of networks on
// the device then take them.

namespace diffarch::cuda {

/// Throws CudaError unless `status` is success, as for the other libraries.
template <class... Parts>
void check(cudnnStatus_t status, const Parts&... parts) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw CudaError(diffarch::detail::concat("cuDNN: ", parts..., ": ", cudnnGetErrorString(status)));
}

/// cuDNN's handle, on the stream of `Context`. Made when it is first asked for, and never destroyed, as `Context` is
/// not.
class CudnnContext {
 public:
  [[nodiscard]] static cudnnHandle_t handle() {
    static const CudnnContext* const context = new CudnnContext;
    return context->handle_;
  }
  CudnnContext(const CudnnContext&) = delete;
  CudnnContext& operator=(const CudnnContext&) = delete;

 private:
  CudnnContext() {
    const cudaStream_t stream = Context::current().stream();
    check(cudnnCreate(&handle_), "cudnnCreate");
    check(cudnnSetStream(handle_, stream), "cudnnSetStream");
  }

  cudnnHandle_t handle_ = nullptr;
};

namespace detail {

struct DestroyCudnnDescriptor {
  void operator()(cudnnTensorDescriptor_t descriptor) const { cudnnDestroyTensorDescriptor(descriptor); }
  void operator()(cudnnFilterDescriptor_t descriptor) const { cudnnDestroyFilterDescriptor(descriptor); }
  void operator()(cudnnConvolutionDescriptor_t descriptor) const { cudnnDestroyConvolutionDescriptor(descriptor); }
};
template <class Descriptor>
using CudnnDescriptor = std::unique_ptr<std::remove_pointer_t<Descriptor>, DestroyCudnnDescriptor>;

template <class Scalar>
inline constexpr cudnnDataType_t cudnn_type = std::is_same_v<Scalar, float> ? CUDNN_DATA_FLOAT : CUDNN_DATA_DOUBLE;

/// Images (n, height, width, channels), the channel fastest.
template <class Scalar>
[[nodiscard]] CudnnDescriptor<cudnnTensorDescriptor_t> images_descriptor(Index n, ImageShape shape) {
  cudnnTensorDescriptor_t descriptor = nullptr;
  check(cudnnCreateTensorDescriptor(&descriptor), "cudnnCreateTensorDescriptor");
  CudnnDescriptor<cudnnTensorDescriptor_t> owner(descriptor);
  check(cudnnSetTensor4dDescriptor(descriptor, CUDNN_TENSOR_NHWC, cudnn_type<Scalar>, blas_size(n),
                                   blas_size(shape.channels), blas_size(shape.height), blas_size(shape.width)),
        "cudnnSetTensor4dDescriptor of ", n, " images of ", shape.height, " x ", shape.width, " x ", shape.channels);
  return owner;
}

/// 3x3 kernels (out, 3, 3, in), the input channel fastest.
template <class Scalar>
[[nodiscard]] CudnnDescriptor<cudnnFilterDescriptor_t> kernel_descriptor(Index in, Index out) {
  cudnnFilterDescriptor_t descriptor = nullptr;
  check(cudnnCreateFilterDescriptor(&descriptor), "cudnnCreateFilterDescriptor");
  CudnnDescriptor<cudnnFilterDescriptor_t> owner(descriptor);
  check(cudnnSetFilter4dDescriptor(descriptor, cudnn_type<Scalar>, CUDNN_TENSOR_NHWC, blas_size(out), blas_size(in), 3,
                                   3),
        "cudnnSetFilter4dDescriptor of ", in, " to ", out, " channels");
  return owner;
}

/// Cross-correlation with `pad` zeros around images.
template <class Scalar>
[[nodiscard]] CudnnDescriptor<cudnnConvolutionDescriptor_t> correlation_descriptor(int pad, cudnnMathType_t math) {
  cudnnConvolutionDescriptor_t descriptor = nullptr;
  check(cudnnCreateConvolutionDescriptor(&descriptor), "cudnnCreateConvolutionDescriptor");
  CudnnDescriptor<cudnnConvolutionDescriptor_t> owner(descriptor);
  check(cudnnSetConvolution2dDescriptor(descriptor, pad, pad, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, cudnn_type<Scalar>),
        "cudnnSetConvolution2dDescriptor");
  check(cudnnSetConvolutionMathType(descriptor, math), "cudnnSetConvolutionMathType");
  return owner;
}

/// An algorithm and the bytes of its workspace.
template <class Algorithm>
struct CudnnChoice {
  Algorithm algorithm;
  std::size_t bytes;
};

/// The first algorithm that cuDNN's heuristics offer, quickest first, that gives the same bits every time, multiplies
/// as `math` allows and whose workspace is within the limit; none when there is no such one. offer(room, &found,
/// results) asks for them, workspace(algorithm, &bytes) for what one needs.
template <class Result, class Offer, class Workspace>
[[nodiscard]] auto choose_algorithm(Index most_bytes, cudnnMathType_t math, const Offer& offer,
                                    const Workspace& workspace) {
  using Algorithm = decltype(Result::algo);
  std::array<Result, 16> results{};
  int found = 0;
  std::optional<CudnnChoice<Algorithm>> choice;
  const cudnnStatus_t status = offer(static_cast<int>(results.size()), &found, results.data());
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return choice;
  check(status, "heuristics of a convolution's algorithm");
  for (int i = 0; i < found && !choice; ++i) {
    const Result& result = results[static_cast<std::size_t>(i)];
    const bool allowed =
        math != CUDNN_FMA_MATH || result.mathType == CUDNN_FMA_MATH || result.mathType == CUDNN_DEFAULT_MATH;
    if (result.status != CUDNN_STATUS_SUCCESS || result.determinism != CUDNN_DETERMINISTIC || !allowed) continue;
    std::size_t bytes = 0;
    if (workspace(result.algo, &bytes) != CUDNN_STATUS_SUCCESS || static_cast<Index>(bytes) > most_bytes) continue;
    choice = CudnnChoice<Algorithm>{result.algo, bytes};
  }
  return choice;
}

/// Images with a border of one pixel from the opposite side: element (channel, pixel of the padded images). `shape` is
/// that of the images without the border.
template <class Scalar>
struct PadCircularly {
  const Scalar* images;
  Scalar* padded;
  ImageShape shape;
  constexpr void operator()(Index channel, Index pixel) const {
    const Index width = shape.width + 2;
    const Index height = shape.height + 2;
    const Index image = pixel / (width * height);
    const Index y = (pixel / width % height + shape.height - 1) % shape.height;
    const Index x = (pixel % width + shape.width - 1) % shape.width;
    padded[pixel * shape.channels + channel] =
        images[((image * shape.height + y) * shape.width + x) * shape.channels + channel];
  }
};

/// The transposed map: each pixel becomes the sum of the places that it was copied to. Element (channel, pixel of the
/// images).
template <class Scalar>
struct FoldCircularly {
  const Scalar* padded;
  Scalar* images;
  ImageShape shape;
  constexpr void operator()(Index channel, Index pixel) const {
    const Index image = pixel / (shape.width * shape.height);
    const Index y = pixel / shape.width % shape.height;
    const Index x = pixel % shape.width;
    Scalar sum(0);
    for (Index row = (y + 1) % shape.height; row < shape.height + 2; row += shape.height)
      for (Index column = (x + 1) % shape.width; column < shape.width + 2; column += shape.width)
        sum += padded[((image * (shape.height + 2) + row) * (shape.width + 2) + column) * shape.channels + channel];
    images[pixel * shape.channels + channel] = sum;
  }
};

}  // namespace detail

/// `Convolution<Scalar>` of CudaKernels by cuDNN: its own padding with zeros, or, on the torus, images with a border
/// copied from the opposite side. Algorithms are the first of cuDNN's heuristics that are deterministic and need at
/// most `most_bytes` of workspace; where it has none for the type, shape or layout, ProductConvolution does the work.
/// It also makes the gradient of the weights without TF32, and with TF32 from or to fewer than four channels: cuDNN's
/// takes three to five times as long (measured on an H200 and an H100).
template <class Scalar, Factors factors = Factors::f32>
class CudnnConvolution {
 public:
  static constexpr Index default_most_bytes = Index{256} << 20;

  void plan(ImageShape input, Index out_channels, Padding padding, Index samples,
            Index most_bytes = default_most_bytes) {
    shape_ = input;
    out_ = out_channels;
    samples_ = samples;
    circular_ = padding == Padding::circular;
    kernel_size_ = DeviceBuffer<Scalar>::aligned(9 * input.channels * out_channels);
    const ImageShape seen = circular_ ? ImageShape{input.height + 2, input.width + 2, input.channels} : input;
    padded_size_ = circular_ ? DeviceBuffer<Scalar>::aligned(samples * seen.size()) : 0;
    input_ = detail::images_descriptor<Scalar>(samples, seen);
    output_ = detail::images_descriptor<Scalar>(samples, ImageShape{input.height, input.width, out_channels});
    kernel_ = detail::kernel_descriptor<Scalar>(input.channels, out_channels);
    correlation_ = detail::correlation_descriptor<Scalar>(circular_ ? 0 : 1, math);
    choose(most_bytes);
    products_.plan(input, out_channels, padding, samples);
  }

  /// Whether cuDNN had no algorithm for the plan.
  [[nodiscard]] bool uses_products() const noexcept { return !forward_; }

  [[nodiscard]] Index workspace_size() const {
    if (uses_products()) return products_.workspace_size();
    const std::size_t bytes =
        std::max({forward_->bytes, backward_data_->bytes, backward_kernel_ ? backward_kernel_->bytes : 0});
    const Index size =
        2 * kernel_size_ + padded_size_ + static_cast<Index>((bytes + sizeof(Scalar) - 1) / sizeof(Scalar));
    return backward_kernel_ ? size : std::max(size, products_.workspace_size());
  }

  void forward(const Scalar* x, const Scalar* weights, Scalar* y, Scalar* workspace) const {
    if (uses_products()) return products_.forward(x, weights, y, workspace);
    for_each(9 * shape_.channels, out_, packing(weights, workspace));
    check(cudnnConvolutionForward(CudnnContext::handle(), &one, input_.get(), bordered(x, workspace), kernel_.get(),
                                  workspace, correlation_.get(), forward_->algorithm, scratch(workspace),
                                  forward_->bytes, &zero, output_.get(), y),
          "cudnnConvolutionForward of ", samples_, " images");
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    if (uses_products()) return products_.backward(x, dy, weights, weights_gradient, dx, workspace);
    const Index rows = 9 * shape_.channels;
    if (!backward_kernel_) {
      products_.backward_weights(x, dy, weights_gradient, workspace);
      if (dx == nullptr) return;
      for_each(rows, out_, packing(weights, workspace));
    } else {
      backward_kernel(x, dy, workspace);
      const detail::UnpackKernel<Scalar> unpack{workspace + kernel_size_, weights_gradient, shape_.channels};
      if (dx == nullptr) return for_each(rows, out_, unpack);
      for_each(rows, out_, Both{unpack, packing(weights, workspace)});
    }
    Scalar* const target = circular_ ? border(workspace) : dx;
    check(cudnnConvolutionBackwardData(CudnnContext::handle(), &one, kernel_.get(), workspace, output_.get(), dy,
                                       correlation_.get(), backward_data_->algorithm, scratch(workspace),
                                       backward_data_->bytes, &zero, input_.get(), target),
          "cudnnConvolutionBackwardData of ", samples_, " images");
    if (circular_)
      for_each(shape_.channels, samples_ * shape_.height * shape_.width,
               detail::FoldCircularly<Scalar>{target, dx, shape_});
  }

 private:
  // cuDNN takes factors in host memory, of the type of the numbers.
  static constexpr Scalar one{1};
  static constexpr Scalar zero{0};
  static constexpr bool is_tf32 = factors == Factors::tf32 && std::is_same_v<Scalar, float>;
  static constexpr cudnnMathType_t math = is_tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH;

  /// The gradient of the weights in cuDNN's order, behind the weights in the workspace.
  void backward_kernel(const Scalar* x, const Scalar* dy, Scalar* workspace) const {
    check(cudnnConvolutionBackwardFilter(CudnnContext::handle(), &one, input_.get(), bordered(x, workspace),
                                         output_.get(), dy, correlation_.get(), backward_kernel_->algorithm,
                                         scratch(workspace), backward_kernel_->bytes, &zero, kernel_.get(),
                                         workspace + kernel_size_),
          "cudnnConvolutionBackwardFilter of ", samples_, " images");
  }

  void choose(Index most_bytes) {
    const cudnnHandle_t handle = CudnnContext::handle();
    const cudnnTensorDescriptor_t in = input_.get();
    const cudnnTensorDescriptor_t out = output_.get();
    const cudnnFilterDescriptor_t kernel = kernel_.get();
    const cudnnConvolutionDescriptor_t how = correlation_.get();
    forward_ = detail::choose_algorithm<cudnnConvolutionFwdAlgoPerf_t>(
        most_bytes, math,
        [&](int room, int* found, auto* results) {
          return cudnnGetConvolutionForwardAlgorithm_v7(handle, in, kernel, how, out, room, found, results);
        },
        [&](auto algorithm, std::size_t* bytes) {
          return cudnnGetConvolutionForwardWorkspaceSize(handle, in, kernel, how, out, algorithm, bytes);
        });
    backward_data_ = detail::choose_algorithm<cudnnConvolutionBwdDataAlgoPerf_t>(
        most_bytes, math,
        [&](int room, int* found, auto* results) {
          return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, kernel, out, how, in, room, found, results);
        },
        [&](auto algorithm, std::size_t* bytes) {
          return cudnnGetConvolutionBackwardDataWorkspaceSize(handle, kernel, out, how, in, algorithm, bytes);
        });
    backward_kernel_.reset();
    if (is_tf32 && std::min(shape_.channels, out_) >= 4)
      backward_kernel_ = detail::choose_algorithm<cudnnConvolutionBwdFilterAlgoPerf_t>(
          most_bytes, math,
          [&](int room, int* found, auto* results) {
            return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, in, out, how, kernel, room, found, results);
          },
          [&](auto algorithm, std::size_t* bytes) {
            return cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, in, out, how, kernel, algorithm, bytes);
          });
    if (!forward_ || !backward_data_) forward_.reset();
  }

  /// Weights (out, in, 3, 3) to the start of the workspace, in cuDNN's order.
  [[nodiscard]] detail::PackKernel<Scalar> packing(const Scalar* weights, Scalar* workspace) const {
    return {weights, workspace, shape_.channels};
  }

  /// x as cuDNN is to see it.
  [[nodiscard]] const Scalar* bordered(const Scalar* x, Scalar* workspace) const {
    if (!circular_) return x;
    Scalar* const padded = border(workspace);
    for_each(shape_.channels, samples_ * (shape_.height + 2) * (shape_.width + 2),
             detail::PadCircularly<Scalar>{x, padded, shape_});
    return padded;
  }

  /// Images with their border.
  [[nodiscard]] Scalar* border(Scalar* workspace) const { return workspace + 2 * kernel_size_; }
  /// cuDNN's own workspace.
  [[nodiscard]] Scalar* scratch(Scalar* workspace) const { return border(workspace) + padded_size_; }

  ImageShape shape_;
  Index out_ = 0;
  Index samples_ = 0;
  bool circular_ = false;
  Index kernel_size_ = 0;
  Index padded_size_ = 0;
  detail::CudnnDescriptor<cudnnTensorDescriptor_t> input_;
  detail::CudnnDescriptor<cudnnTensorDescriptor_t> output_;
  detail::CudnnDescriptor<cudnnFilterDescriptor_t> kernel_;
  detail::CudnnDescriptor<cudnnConvolutionDescriptor_t> correlation_;
  std::optional<detail::CudnnChoice<cudnnConvolutionFwdAlgo_t>> forward_;
  std::optional<detail::CudnnChoice<cudnnConvolutionBwdDataAlgo_t>> backward_data_;
  std::optional<detail::CudnnChoice<cudnnConvolutionBwdFilterAlgo_t>> backward_kernel_;
  ProductConvolution<Scalar> products_;
};

}  // namespace diffarch::cuda
