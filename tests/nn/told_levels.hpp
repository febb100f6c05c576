#pragma once

// Networks that are told the noise level, in tests.

#include <vector>

#include "diffarch/nn/kernels/level_features.hpp"
#include "diffarch/nn/network.hpp"

namespace diffarch::test {

/// Tells a conditioned network the level of every sample of a batch.
template <class Body>
void tell_levels(nn::Network<Body>& network, const std::vector<NoiseLevel>& levels) {
  using Scalar = typename Body::Scalar;
  std::vector<Scalar> features;
  for (const NoiseLevel& level : levels)
    for (const double feature : nn::level_features(level)) features.push_back(static_cast<Scalar>(feature));
  Body::Kernels::copy_from_host(features.data(), static_cast<Index>(features.size()),
                                network.level_features(static_cast<Index>(levels.size())));
}

}  // namespace diffarch::test
