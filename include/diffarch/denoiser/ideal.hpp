#pragma once

#include <string>

#include "diffarch/denoiser/posterior/ideal_denoiser.hpp"

namespace diffarch {

/// The minimiser of the training loss over all functions: the posterior mean over the n training samples,
///   D(y) = sum_i w_i x_i,   w_i ~ exp(-|y - signal x_i|^2 / (2 noise^2))
/// (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", eq. 57). The last
/// prediction is the sample: a training sample to the extent that one weight at the last noise level is 1. Where that
/// level is far below the distances between training samples, as between images, every trajectory ends at a training
/// sample, and whatever a network generates beyond the training set is its architecture's doing. Where training samples
/// are as dense as the last noise, as many points of a plane are, samples are averages of a few of them.
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
