#pragma once

#include <type_traits>

#include "diffarch/core/concepts.hpp"
#include "diffarch/core/elementwise.hpp"

namespace diffarch::detail {

/// A step that calls the denoiser once: y' = y_weight * y + x0_weight * x0_hat (+ fresh noise).
struct StepWeights {
  double y;
  double x0;

  /// The factor of the step along one eigenmode of a Gaussian denoiser: (y' - signal' mean) / (y - signal mean).
  [[nodiscard]] double mode_gain(double response) const noexcept { return y + x0 * response; }
};

/// Takes the step in place. A y-weight of zero (the clean end) copies the prediction, whatever y is.
template <class Backend, class Storage>
void take_step(Storage& y, const Storage& x0_hat, StepWeights weights) {
  using Scalar = std::remove_cvref_t<decltype(*y.data())>;
  const Index rows = y.rows();
  if (weights.y == 0.0)
    Backend::for_each(rows, y.cols(),
                      elementwise::Scale<Scalar>{y.data(), x0_hat.data(), static_cast<Scalar>(weights.x0), rows});
  else
    Backend::for_each(rows, y.cols(),
                      elementwise::Combine<Scalar>{y.data(), x0_hat.data(), static_cast<Scalar>(weights.y),
                                                   static_cast<Scalar>(weights.x0 / weights.y), rows});
}

}  // namespace diffarch::detail
