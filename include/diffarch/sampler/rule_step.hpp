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

/// Raises y to the level from which a rule takes step number `step`, by `noise_of(stream)` that it lacks, and returns
/// this level.
template <class M, class R, class NoiseOf>
[[nodiscard]] NoiseLevel raise_noise(const R& rule, StorageOf<M>& y, const NoiseLevels& levels, Index step,
                                     const NoiseOf& noise_of) {
  const NoiseLevel level = levels[step];
  if constexpr (RaisingRule<R>) {
    const NoiseLevel raised = rule.raised(level, levels.steps());
    require(raised.signal == level.signal && raised.noise >= level.noise, rule.name(), ": raised from signal ",
            level.signal, " and noise ", level.noise, " to ", raised.signal, " and ", raised.noise,
            ", expected the same signal and no less noise");
    if (raised.noise > level.noise)
      add_scaled<M>(y, noise_of(streams::raising_noise(step)),
                    std::sqrt((raised.noise - level.noise) * (raised.noise + level.noise)));
    return raised;
  } else {
    return level;
  }
}

}  // namespace detail
}  // namespace diffarch
