// A source file of a program that includes networks and makes none. See cmake/link_kernel_families.cmake.

#include "diffarch/denoiser/bottleneck.hpp"
#ifdef DIFFARCH_EMULATED_DEVICE
#include "diffarch/cuda/nn/network_kernels.hpp"
#endif

diffarch::Index bystander();
diffarch::Index bystander() { return diffarch::ImageShape{1, 1, 12}.size(); }
