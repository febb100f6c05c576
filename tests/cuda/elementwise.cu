// Every element functor compiled as device code: constexpr members are callable on the device under
// --expt-relaxed-constexpr, so the library needs no __device__ annotation. Compiled only; nothing is launched here.

#include "diffarch/core/elementwise.hpp"

namespace {

template <class Functor>
__global__ void for_each_kernel(Functor functor, diffarch::elementwise::Index rows,
                                diffarch::elementwise::Index columns) {
  const auto i = static_cast<diffarch::elementwise::Index>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < rows * columns) functor(i % rows, i / rows);
}

template <class Scalar>
void instantiate() {
  using namespace diffarch::elementwise;
  for_each_kernel<<<1, 1>>>(Scale<Scalar>{}, 0, 0);
  for_each_kernel<<<1, 1>>>(AddScaled<Scalar>{}, 0, 0);
  for_each_kernel<<<1, 1>>>(Combine<Scalar>{}, 0, 0);
  for_each_kernel<<<1, 1>>>(AddScaledVector<Scalar>{}, 0, 0);
  for_each_kernel<<<1, 1>>>(ScaleRows<Scalar>{}, 0, 0);
}

}  // namespace

void instantiate_elementwise_kernels() {
  instantiate<float>();
  instantiate<double>();
}
