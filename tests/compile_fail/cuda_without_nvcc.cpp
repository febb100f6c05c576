// The CUDA backend in a program that the host's compiler compiles.
#include <diffarch/cuda/runtime/backend.hpp>

int main() { return diffarch::Cuda::name().empty() ? 1 : 0; }
