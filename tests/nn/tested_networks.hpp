#pragma once

// The library's networks with the kernels of the tested backend.

#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/unet.hpp"
#include "tested_kernels.hpp"

namespace diffarch::test {

template <int Pools, class Scalar = float, class Normalisation = nn::StandardNormalisation>
using TestedUNet = nn::UNet<Pools, Scalar, Normalisation, TestedKernels>;
template <class Scalar>
using TestedMlp = nn::Mlp<Scalar, TestedKernels>;
template <class Scalar>
using TestedTwoDMlp = nn::TwoDMlp<Scalar, TestedKernels>;

}  // namespace diffarch::test
