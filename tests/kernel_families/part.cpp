// One source file of a program that makes a network; its function is PART. See cmake/link_kernel_families.cmake.

#include "diffarch/denoiser/bottleneck.hpp"
#ifdef DIFFARCH_EMULATED_DEVICE
#include "diffarch/cuda/nn/network_kernels.hpp"
using NetworkBackend = diffarch::Cuda;
#else
using NetworkBackend = diffarch::Cpu;
#endif

using namespace diffarch;

Index PART();
Index PART() {
  using Networks = Fitter<Bottleneck<3>, NetworkBackend, float>;
  return Networks::make_body({}, ImageShape{1, 1, 12}).output_shape({1, 1, 12}).size();
}
