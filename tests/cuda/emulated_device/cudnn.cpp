// cuDNN of the emulated device: the convolutions that the library calls, for images and kernels with the channel
// fastest, written out as sums. Descriptors are checked against each other as the real library checks them. Its
// heuristics offer first what must not be taken: algorithms that differ from run to run, that are not implemented, and
// one with a workspace that no device has.

#include <cudnn.h>

#include <array>
#include <cstring>
#include <type_traits>

#include "device.hpp"
#include "diffarch/core/parallel.hpp"
#include "matrices.hpp"

using diffarch::Index;
using emulated_device::Fault;
using emulated_device::require_device;
using emulated_device::require_host;
using emulated_device::violation;

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace {

struct Extent {
  cudnnDataType_t type = CUDNN_DATA_INT8;
  int n = 0, c = 0, h = 0, w = 0;

  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(n) * static_cast<std::size_t>(c) * static_cast<std::size_t>(h) *
           static_cast<std::size_t>(w) * (type == CUDNN_DATA_FLOAT ? sizeof(float) : sizeof(double));
  }
  [[nodiscard]] bool is_set() const { return n > 0; }
};

cudnnStatus_t set_extent(Extent* extent, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w) {
  if (n <= 0 || c <= 0 || h <= 0 || w <= 0) return CUDNN_STATUS_BAD_PARAM;
  if (format != CUDNN_TENSOR_NHWC || (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_DOUBLE))
    return CUDNN_STATUS_NOT_SUPPORTED;
  *extent = {type, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

struct cudnnTensorStruct : Extent {};
struct cudnnFilterStruct : Extent {};
struct cudnnConvolutionStruct {
  int pad_h = -1, pad_w = -1;
  cudnnDataType_t type = CUDNN_DATA_INT8;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

namespace {

/// All that a call says about a convolution.
struct Convolution {
  Extent x, kernel, y;
  int pad_h, pad_w;
  cudnnMathType_t math;
};

/// What the descriptors say; success only when they belong to one convolution.
cudnnStatus_t describe(cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t kernel,
                       cudnnConvolutionDescriptor_t how, cudnnTensorDescriptor_t y, Convolution& c) {
  if (handle == nullptr) return CUDNN_STATUS_NOT_INITIALIZED;
  if (handle->stream == nullptr) violation("cuDNN: its handle is on the default stream");
  if (x == nullptr || kernel == nullptr || how == nullptr || y == nullptr) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  c = {*x, *kernel, *y, how->pad_h, how->pad_w, how->math};
  if (!c.x.is_set() || !c.kernel.is_set() || !c.y.is_set() || how->pad_h < 0)
    return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
  if (c.x.type != how->type || c.kernel.type != how->type || c.y.type != how->type) return CUDNN_STATUS_BAD_PARAM;
  const bool shapes = c.x.n == c.y.n && c.x.c == c.kernel.c && c.y.c == c.kernel.n &&
                      c.y.h == c.x.h + 2 * c.pad_h - c.kernel.h + 1 && c.y.w == c.x.w + 2 * c.pad_w - c.kernel.w + 1;
  if (!shapes) return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  if (c.math != CUDNN_FMA_MATH && (c.math != CUDNN_TENSOR_OP_MATH || c.kernel.type != CUDNN_DATA_FLOAT))
    violation("cuDNN: neither products in the precision of the numbers nor TF32 of f32 numbers");
  return CUDNN_STATUS_SUCCESS;
}

constexpr std::size_t no_device_has = std::size_t{1} << 50U;

/// Bytes of workspace of the algorithm that can be taken: odd, so that no size somebody made up is right.
[[nodiscard]] std::size_t workspace_needed(const Convolution& c) {
  return 3 * static_cast<std::size_t>(c.x.c) + 7 * static_cast<std::size_t>(c.y.c) + 1 +
         (c.x.c % 2 == c.y.c % 2 ? 0U : 1U);
}

template <class Algorithm>
struct Offers {
  Algorithm good, huge, differs, missing;
};
constexpr Offers<cudnnConvolutionFwdAlgo_t> forward_offers{
    CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_FFT, CUDNN_CONVOLUTION_FWD_ALGO_GEMM,
    CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD};
constexpr Offers<cudnnConvolutionBwdDataAlgo_t> data_offers{
    CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
    CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD};
constexpr Offers<cudnnConvolutionBwdFilterAlgo_t> filter_offers{
    CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
    CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD};

template <class Algorithm, class Result>
cudnnStatus_t offer(cudnnStatus_t status, const Convolution& c, const Offers<Algorithm>& offers, int room, int* found,
                    Result* results) {
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (room <= 0) return CUDNN_STATUS_BAD_PARAM;
  require_host(found, "heuristics, count");
  require_host(results, "heuristics, results");
  const auto result = [&](Algorithm algorithm, cudnnStatus_t of, std::size_t bytes, cudnnDeterminism_t determinism,
                          cudnnMathType_t math) {
    Result r{};
    r.algo = algorithm;
    r.status = of;
    r.memory = bytes;
    r.determinism = determinism;
    r.mathType = math;
    return r;
  };
  const std::size_t bytes = workspace_needed(c);
  const std::array<Result, 5> all{
      result(offers.differs, CUDNN_STATUS_SUCCESS, bytes, CUDNN_NON_DETERMINISTIC, CUDNN_FMA_MATH),
      result(offers.missing, CUDNN_STATUS_NOT_SUPPORTED, bytes, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH),
      result(offers.huge, CUDNN_STATUS_SUCCESS, no_device_has, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH),
      result(offers.good, CUDNN_STATUS_SUCCESS, bytes, CUDNN_DETERMINISTIC, CUDNN_TENSOR_OP_MATH),
      result(offers.good, CUDNN_STATUS_SUCCESS, bytes, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH)};
  *found = std::min(room, static_cast<int>(all.size()));
  std::copy_n(all.begin(), *found, results);
  return CUDNN_STATUS_SUCCESS;
}

template <class Algorithm>
cudnnStatus_t size_of_workspace(cudnnStatus_t status, const Convolution& c, const Offers<Algorithm>& offers,
                                Algorithm algorithm, std::size_t* bytes) {
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (algorithm == offers.missing) return CUDNN_STATUS_NOT_SUPPORTED;
  *bytes = algorithm == offers.huge ? no_device_has : workspace_needed(c);
  if (emulated_device::fault() == Fault::short_workspace) --*bytes;
  return CUDNN_STATUS_SUCCESS;
}

void require_apart(const void* written, std::size_t bytes, const void* other, std::size_t other_bytes) {
  const auto* const a = static_cast<const std::byte*>(written);
  const auto* const b = static_cast<const std::byte*>(other);
  if (a < b + other_bytes && b < a + bytes) violation("cuDNN: what a convolution writes overlaps another operand");
}

/// Checks a call that reads `first` and `second` and writes `result`, and queues `work`, which also gets alpha and
/// beta.
template <class Algorithm, class Work>
cudnnStatus_t run(cudnnStatus_t status, cudnnHandle_t handle, const Convolution& c, const Offers<Algorithm>& offers,
                  Algorithm algorithm, const void* alpha, const void* beta, const Extent& first_extent,
                  const void* first, const Extent& second_extent, const void* second, const Extent& result_extent,
                  void* result, void* workspace, std::size_t workspace_bytes, const Work& work) {
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (algorithm == offers.missing) return CUDNN_STATUS_NOT_SUPPORTED;
  if (algorithm != offers.good) violation("cuDNN: an algorithm with other bits in every run, or one for no device");
  if (workspace_bytes < workspace_needed(c)) return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
  require_host(alpha, "convolution, alpha");
  require_host(beta, "convolution, beta");
  require_device(first, first_extent.bytes(), "convolution, first operand");
  require_device(second, second_extent.bytes(), "convolution, second operand");
  require_device(result, result_extent.bytes(), "convolution, result");
  require_device(workspace, workspace_bytes, "convolution, workspace");
  require_apart(result, result_extent.bytes(), first, first_extent.bytes());
  require_apart(result, result_extent.bytes(), second, second_extent.bytes());
  require_apart(workspace, workspace_bytes, first, first_extent.bytes());
  require_apart(workspace, workspace_bytes, second, second_extent.bytes());
  require_apart(workspace, workspace_bytes, result, result_extent.bytes());
  const auto call = [&]<class Scalar>(Scalar /*type*/) {
    const Scalar scale = *static_cast<const Scalar*>(alpha);
    const Scalar keep = *static_cast<const Scalar*>(beta);
    emulated_device::enqueue(handle->stream, [=] {
      std::memset(workspace, 0xFF, workspace_bytes);
      auto* const to = static_cast<Scalar*>(result);
      const auto store = [=](Index at, double sum) {
        // NaN times 0 is not 0: nothing is read.
        to[at] = static_cast<Scalar>(static_cast<double>(scale) * sum +
                                     (keep == Scalar(0) ? 0.0 : static_cast<double>(keep * to[at])));
      };
      work(c, static_cast<const Scalar*>(first), static_cast<const Scalar*>(second), store);
    });
  };
  if (c.x.type == CUDNN_DATA_FLOAT)
    call(float{});
  else
    call(double{});
  return CUDNN_STATUS_SUCCESS;
}

/// Where element (image, row, column, channel) of images or kernels lies.
[[nodiscard]] Index at(const Extent& e, Index n, Index h, Index w, Index c) {
  return ((n * e.h + h) * e.w + w) * e.c + c;
}
[[nodiscard]] bool inside(const Extent& e, Index h, Index w) { return h >= 0 && h < e.h && w >= 0 && w < e.w; }

/// A factor as the device multiplies it.
template <class Scalar>
[[nodiscard]] double factor(const Convolution& c, Scalar value) {
  return static_cast<double>(c.math == CUDNN_TENSOR_OP_MATH ? emulated_device::tf32(value) : value);
}

// Row h and tap r of y see row h + r - pad of x.
struct Forward {
  template <class Scalar, class Store>
  void operator()(const Convolution& c, const Scalar* x, const Scalar* kernel, const Store& store) const {
    diffarch::parallel_for(Index{c.y.n} * c.y.h, Index{c.y.w} * c.y.c * c.x.c * 18, [&](Index line) {
      const Index n = line / c.y.h;
      const Index h = line % c.y.h;
      for (Index w = 0; w < c.y.w; ++w)
        for (Index k = 0; k < c.y.c; ++k) {
          double sum = 0.0;
          for (Index r = 0; r < c.kernel.h; ++r)
            for (Index s = 0; s < c.kernel.w; ++s) {
              if (!inside(c.x, h + r - c.pad_h, w + s - c.pad_w)) continue;
              for (Index i = 0; i < c.x.c; ++i)
                sum += factor(c, kernel[at(c.kernel, k, r, s, i)]) *
                       factor(c, x[at(c.x, n, h + r - c.pad_h, w + s - c.pad_w, i)]);
            }
          store(at(c.y, n, h, w, k), sum);
        }
    });
  }
};

struct BackwardData {
  template <class Scalar, class Store>
  void operator()(const Convolution& c, const Scalar* kernel, const Scalar* dy, const Store& store) const {
    diffarch::parallel_for(Index{c.x.n} * c.x.h, Index{c.x.w} * c.y.c * c.x.c * 18, [&](Index line) {
      const Index n = line / c.x.h;
      const Index h = line % c.x.h;
      for (Index w = 0; w < c.x.w; ++w)
        for (Index i = 0; i < c.x.c; ++i) {
          double sum = 0.0;
          for (Index r = 0; r < c.kernel.h; ++r)
            for (Index s = 0; s < c.kernel.w; ++s) {
              if (!inside(c.y, h - r + c.pad_h, w - s + c.pad_w)) continue;
              for (Index k = 0; k < c.y.c; ++k)
                sum += factor(c, kernel[at(c.kernel, k, r, s, i)]) *
                       factor(c, dy[at(c.y, n, h - r + c.pad_h, w - s + c.pad_w, k)]);
            }
          store(at(c.x, n, h, w, i), sum);
        }
    });
  }
};

struct BackwardFilter {
  template <class Scalar, class Store>
  void operator()(const Convolution& c, const Scalar* x, const Scalar* dy, const Store& store) const {
    diffarch::parallel_for(c.y.c, Index{c.y.n} * c.y.h * c.y.w * c.x.c * 18, [&](Index k) {
      for (Index r = 0; r < c.kernel.h; ++r)
        for (Index s = 0; s < c.kernel.w; ++s)
          for (Index i = 0; i < c.x.c; ++i) {
            double sum = 0.0;
            for (Index n = 0; n < c.y.n; ++n)
              for (Index h = 0; h < c.y.h; ++h)
                for (Index w = 0; w < c.y.w; ++w)
                  if (inside(c.x, h + r - c.pad_h, w + s - c.pad_w))
                    sum += factor(c, x[at(c.x, n, h + r - c.pad_h, w + s - c.pad_w, i)]) *
                           factor(c, dy[at(c.y, n, h, w, k)]);
            store(at(c.kernel, k, r, s, i), sum);
          }
    });
  }
};

}  // namespace

extern "C" {

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (CUDNN_STATUS_CATEGORY(static_cast<int>(status))) {
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    default:
      return status == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : "another status";
  }
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
  *descriptor = new cudnnTensorStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t descriptor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return set_extent(descriptor, format, type, n, c, h, w);
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* descriptor) {
  *descriptor = new cudnnFilterStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t descriptor, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return set_extent(descriptor, format, type, k, c, h, w);
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* descriptor) {
  *descriptor = new cudnnConvolutionStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t descriptor, int pad_h, int pad_w, int u,
                                              int v, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  if (pad_h < 0 || pad_w < 0 || u <= 0 || v <= 0 || dilation_h <= 0 || dilation_w <= 0) return CUDNN_STATUS_BAD_PARAM;
  if (u != 1 || v != 1 || dilation_h != 1 || dilation_w != 1 || mode != CUDNN_CROSS_CORRELATION)
    return CUDNN_STATUS_NOT_SUPPORTED;
  descriptor->pad_h = pad_h;
  descriptor->pad_w = pad_w;
  descriptor->type = type;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t descriptor, cudnnMathType_t math) {
  descriptor->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t how,
                                                     cudnnTensorDescriptor_t y, int room, int* found,
                                                     cudnnConvolutionFwdAlgoPerf_t* results) {
  Convolution c;
  return offer(describe(handle, x, w, how, y, c), c, forward_offers, room, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t how,
                                                          cudnnTensorDescriptor_t dx, int room, int* found,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  Convolution c;
  return offer(describe(handle, dx, w, how, dy, c), c, data_offers, room, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t how,
                                                            cudnnFilterDescriptor_t dw, int room, int* found,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  Convolution c;
  return offer(describe(handle, x, dw, how, dy, c), c, filter_offers, room, found, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t how,
                                                      cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t algorithm,
                                                      std::size_t* bytes) {
  Convolution c;
  return size_of_workspace(describe(handle, x, w, how, y, c), c, forward_offers, algorithm, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t how,
                                                           cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm,
                                                           std::size_t* bytes) {
  Convolution c;
  return size_of_workspace(describe(handle, dx, w, how, dy, c), c, data_offers, algorithm, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t how,
    cudnnFilterDescriptor_t dw, cudnnConvolutionBwdFilterAlgo_t algorithm, std::size_t* bytes) {
  Convolution c;
  return size_of_workspace(describe(handle, x, dw, how, dy, c), c, filter_offers, algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_descriptor,
                                      const void* x, cudnnFilterDescriptor_t w_descriptor, const void* w,
                                      cudnnConvolutionDescriptor_t how, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* workspace, std::size_t bytes, const void* beta,
                                      cudnnTensorDescriptor_t y_descriptor, void* y) {
  Convolution c;
  const cudnnStatus_t status = describe(handle, x_descriptor, w_descriptor, how, y_descriptor, c);
  return run(status, handle, c, forward_offers, algorithm, alpha, beta, c.x, x, c.kernel, w, c.y, y, workspace, bytes,
             Forward{});
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           cudnnFilterDescriptor_t w_descriptor, const void* w,
                                           cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                           cudnnConvolutionDescriptor_t how, cudnnConvolutionBwdDataAlgo_t algorithm,
                                           void* workspace, std::size_t bytes, const void* beta,
                                           cudnnTensorDescriptor_t dx_descriptor, void* dx) {
  Convolution c;
  const cudnnStatus_t status = describe(handle, dx_descriptor, w_descriptor, how, dy_descriptor, c);
  return run(status, handle, c, data_offers, algorithm, alpha, beta, c.kernel, w, c.y, dy, c.x, dx, workspace, bytes,
             BackwardData{});
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             cudnnTensorDescriptor_t x_descriptor, const void* x,
                                             cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                             cudnnConvolutionDescriptor_t how,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             std::size_t bytes, const void* beta, cudnnFilterDescriptor_t dw_descriptor,
                                             void* dw) {
  Convolution c;
  const cudnnStatus_t status = describe(handle, x_descriptor, dw_descriptor, how, dy_descriptor, c);
  return run(status, handle, c, filter_offers, algorithm, alpha, beta, c.x, x, c.y, dy, c.kernel, dw, workspace, bytes,
             BackwardFilter{});
}

}  // extern "C"
