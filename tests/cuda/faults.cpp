// diffarch_cuda_faults FAULT: fits and samples on the emulated device with one fault switched on, and prints what
// noticed it. Exit status 0 when the samples are those of the host.

#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "cuda/emulated_device/device.hpp"
#include "diffarch/cuda/algebra/linear_algebra.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;
using emulated_device::Fault;

const std::map<std::string, Fault> faults{{"none", Fault::none},
                                          {"short_leading_dimension", Fault::short_leading_dimension},
                                          {"long_leading_dimension", Fault::long_leading_dimension},
                                          {"swapped_transpose", Fault::swapped_transpose},
                                          {"short_workspace", Fault::short_workspace},
                                          {"no_stream_wait", Fault::no_stream_wait},
                                          {"no_block_wait", Fault::no_block_wait},
                                          {"wrong_copy_size", Fault::wrong_copy_size}};

template <class B>
Batch<double> samples(const Batch<double>& data) {
  DiffusionSampler<Linear, CosineSchedule, B, Ddim, double> sampler{Linear{}, CosineSchedule{.steps = 5}};
  sampler.fit(data);
  // An observer sees every step, so that none are collapsed.
  return sampler.sample(20, Seed{1}, [](const auto&) {});
}

/// The sum of 1, 2, ..., 1000 by one block.
struct Number {
  constexpr double operator()(Index i) const { return static_cast<double>(i + 1); }
};

}  // namespace

int main(int argc, char** argv) {
  const auto fault = argc == 2 ? faults.find(argv[1]) : faults.end();
  if (fault == faults.end()) {
    std::fprintf(stderr, "usage: diffarch_cuda_faults FAULT\n");
    return 2;
  }
  const Batch<double> data = normal_batch<double>(30, 12, Seed{7});
  const Batch<double> expected = samples<Cpu>(data);
  emulated_device::set_fault(fault->second);
  try {
    const Batch<double> result = samples<Cuda>(data);
    const double difference = (result - expected).cwiseAbs().maxCoeff();
    const double sum = cuda::reduce<double>(1000, Number{});
    if (difference < 1e-12 && sum == 500500.0) return 0;
    std::printf("caught: samples differ by %g, the sum of 1 ... 1000 is %g\n", difference, sum);
  } catch (const std::exception& error) {
    std::printf("caught: %s\n", error.what());
  }
  return 1;
}
