#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "diffarch/sampler/any_sampler.hpp"

namespace figures {

/// The directions and images at which the diagnostics of all models are computed.
struct PolynomialProbes {
  diffarch::Matrix<double> theta;       ///< unit directions: towards training images, and random ones in their span
  diffarch::Matrix<double> directions;  ///< orthonormal, for the Jacobian
  diffarch::Batch<float> clean;         ///< images to which noise is added ...
  diffarch::Batch<float> noise;         ///< ... and the noise
};

/// Diagnostics of a true polynomial at one noise level.
struct PolynomialLevel {
  double sigma;
  double leading_form_positive_fraction;
  double curl_asymmetry;
  std::optional<double> condition = {};
};

/// Sign of the leading form, curl and condition of the model of an architecture on backend B at some of its noise
/// levels; empty, without a call of `probes`, unless the model is a true polynomial. Defined in instances.hpp.
template <class B, class A>
[[nodiscard]] std::vector<PolynomialLevel> polynomial_levels_on(const diffarch::AnySampler<float>& sampler,
                                                                const std::function<PolynomialProbes()>& probes);

}  // namespace figures
