#pragma once

#include <array>
#include <memory>
#include <type_traits>

#include "diffarch/cuda/runtime/context.hpp"

namespace diffarch::cuda {

namespace detail {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;
using ExecutableGraph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;

}  // namespace detail

/// `Recording` of CudaKernels: work of many small kernels as a graph of the CUDA runtime, which launches them in a
/// fraction of the time that the host needs to give them to the stream one by one. The first run is done as it is, as
/// libraries load their kernels and take memory then; the second is recorded, and repeated from then on. The work must
/// not allocate, wait, or copy from or to the host. Moves, never copies.
class Recording {
 public:
  /// Throws what work() throws, and CudaError when it cannot be recorded.
  template <class Work>
  bool run(std::array<const void*, 3> place, const Work& work) {
    if (!has_run_ || place != place_) {
      forget();
      work();
      has_run_ = true;
      place_ = place;
      return true;
    }
    const bool is_new = graph_ == nullptr;
    if (is_new) record(work);
    check(cudaGraphLaunch(graph_.get(), Context::current().stream()), "cudaGraphLaunch");
    return is_new;
  }

  void forget() {
    has_run_ = false;
    graph_.reset();
  }

 private:
  template <class Work>
  void record(const Work& work) {
    const cudaStream_t stream = Context::current().stream();
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    cudaGraph_t recorded = nullptr;
    try {
      work();
    } catch (...) {
      static_cast<void>(cudaStreamEndCapture(stream, &recorded));
      static_cast<void>(cudaGetLastError());
      const detail::Graph owner(recorded);
      throw;
    }
    check(cudaStreamEndCapture(stream, &recorded), "cudaStreamEndCapture");
    const detail::Graph owner(recorded);
    cudaGraphExec_t executable = nullptr;
    check(cudaGraphInstantiate(&executable, recorded, 0), "cudaGraphInstantiate");
    graph_.reset(executable);
  }

  bool has_run_ = false;
  std::array<const void*, 3> place_{};
  detail::ExecutableGraph graph_;
};

}  // namespace diffarch::cuda
