#pragma once

#include <string>

#include "diffarch/denoiser/ideal_denoiser.hpp"

namespace diffarch {

/// The minimiser of the training loss over all functions: the posterior mean over the n training samples,
///   D(y) = sum_i w_i x_i,   w_i ~ exp(-|y - signal x_i|^2 / (2 noise^2))
/// (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", eq. 57). It creates
/// nothing: with it every deterministic trajectory ends at a training sample. Whatever a network generates beyond the
/// training set is its architecture's doing.
struct Ideal {
  [[nodiscard]] std::string name() const { return "Ideal"; }
};

static_assert(Architecture<Ideal>);

template <class BackendType, class Scalar>
struct Fitter<Ideal, BackendType, Scalar> {
  using Model = IdealDenoiser<Scalar, BackendType>;

  [[nodiscard]] static Model fit(const Ideal& /*architecture*/, const Batch<Scalar>& data,
                                 const NoiseLevels& /*levels*/, const ProgressCallback& /*progress*/) {
    return Model(data);
  }
};

}  // namespace diffarch
