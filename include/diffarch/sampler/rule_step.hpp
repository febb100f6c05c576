#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>

#include "diffarch/core/concepts.hpp"
#include "diffarch/core/elementwise.hpp"

namespace diffarch {

/// y += weight * x, arrays of the model M on its backend. The weight is rounded to the Scalar of M.
template <class M>
void add_scaled(StorageOf<M>& y, const StorageOf<M>& x, double weight) {
  using Scalar = typename M::Scalar;
  M::BackendType::for_each(y.rows(), y.cols(),
                           elementwise::AddScaled<Scalar>{y.data(), x.data(), static_cast<Scalar>(weight), y.rows()});
}

/// y *= weight, an array of the model M on its backend.
template <class M>
void scale(StorageOf<M>& y, double weight) {
  using Scalar = typename M::Scalar;
  M::BackendType::for_each(y.rows(), y.cols(),
                           elementwise::Scale<Scalar>{y.data(), y.data(), static_cast<Scalar>(weight), y.rows()});
}

namespace detail {

/// The state of a rule without a memory.
struct NoState {};

/// `StateOf<R, M>::Type`: the state of a rule on models M.
template <class R, class M>
struct StateOf {
  using Type = NoState;
};
template <class R, class M>
requires requires { typename R::template State<M>; }
struct StateOf<R, M> {
  using Type = typename R::template State<M>;
};

/// A rule that adds noise before the denoiser is called.
template <class R>
concept RaisingRule = requires(const R& rule, NoiseLevel level) {
  { rule.raised(level, Index{}) } -> std::same_as<NoiseLevel>;
};

/// Takes the step of a rule, with a memory or without.
template <class R, class M, class State>
void advance(const R& rule, const M& model, State& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
             NoiseLevel next) {
  if constexpr (std::is_same_v<State, NoState>)
    rule.advance(model, y, x0_hat, level, next);
  else
    rule.advance(model, state, y, x0_hat, level, next);
}

/// The level from which a rule takes step number `step`, of the same signal as the level of the schedule.
template <class R>
[[nodiscard]] NoiseLevel raised_level(const R& rule, const NoiseLevels& levels, Index step) {
  const NoiseLevel level = levels[step];
  if constexpr (RaisingRule<R>) {
    const NoiseLevel raised = rule.raised(level, levels.whole_steps());
    require(raised.signal == level.signal && raised.noise >= level.noise, rule.name(), ": raised from signal ",
            level.signal, " and noise ", level.noise, " to ", raised.signal, " and ", raised.noise,
            ", expected the same signal and no less noise");
    return raised;
  } else {
    return level;
  }
}

/// Standard deviation of the noise that makes a level the noisier one of the same signal.
[[nodiscard]] inline double missing_noise(NoiseLevel level, NoiseLevel raised) noexcept {
  return std::sqrt((raised.noise - level.noise) * (raised.noise + level.noise));
}

/// Raises y to the level from which a rule takes step number `step`, by `noise_of(stream)` that it lacks, and returns
/// this level.
template <class M, class R, class NoiseOf>
[[nodiscard]] NoiseLevel raise_noise(const R& rule, StorageOf<M>& y, const NoiseLevels& levels, Index step,
                                     const NoiseOf& noise_of) {
  const NoiseLevel raised = raised_level(rule, levels, step);
  if constexpr (RaisingRule<R>)
    if (const double missing = missing_noise(levels[step], raised); missing > 0.0)
      add_scaled<M>(y, noise_of(streams::raising_noise(levels.first_step() + step)), missing);
  return raised;
}

/// Throws InvalidArgument where a rule that works in sigma would start from pure noise.
inline void require_finite_sigma(const char* rule, NoiseLevel level) {
  require(level.signal > 0.0, rule, ": sampling starts from pure noise (alpha_bar = 0); expected a finite sigma_T");
}

/// The slope of the probability-flow ODE in sigma, which is the predicted noise: (y / signal - x0_hat) / sigma.
template <class M>
[[nodiscard]] StorageOf<M> slope_of(const StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level) {
  StorageOf<M> slope = y;
  scale<M>(slope, 1.0 / level.noise);
  add_scaled<M>(slope, x0_hat, -1.0 / level.sigma());
  return slope;
}

}  // namespace detail
}  // namespace diffarch
