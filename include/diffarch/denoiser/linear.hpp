#pragma once

#include <string>

#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"

namespace diffarch {

/// The best affine denoiser at every noise level (paper, Theorem 3):
///   D(y) = mean + Sigma signal (signal^2 Sigma + noise^2 I)^-1 (y - signal * mean),
/// with mean and covariance Sigma of the training set (divided by n: the minimiser of the training loss). The sampler
/// then generates N(mean, Sigma) for many steps and a large sigma_T; for finitely many see `predicted_distribution`.
/// Computed in the eigenbasis of Sigma, where it is one Wiener gain per mode: see GaussianDenoiser.
struct Linear {
  /// Without a bias the denoiser is D(y) = W y, and second moments about zero take the place of mean and covariance.
  bool bias = true;

  [[nodiscard]] std::string name() const { return bias ? "Linear" : "Linear (no bias)"; }
  [[nodiscard]] Index modes(Index rank) const noexcept { return rank; }
};

static_assert(GaussianArchitecture<Linear>);

}  // namespace diffarch
