#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "diffarch/core/concepts.hpp"
#include "diffarch/core/requirements.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/sampler/rule_model.hpp"
#include "diffarch/sampler/rule_step.hpp"
#include "diffarch/sampler/step_weights.hpp"

namespace diffarch {

/// The data that an observer of the sampler sees at every step: the noisy batch y at `level`, shape (d, n), and the
/// prediction x0_hat made from it, before the step to `next` is taken. Column j is sample `first_sample + j`.
template <class Storage>
struct SamplerStep {
  Index step;   ///< 0 ... steps - 1
  Index steps;  ///< N
  NoiseLevel level;
  NoiseLevel next;
  Index first_sample;
  const Storage& y;
  const Storage& x0_hat;
};

/// A callable that takes a `const SamplerStep<Storage>&`, or an EscapeLog.
template <class F, class M>
concept SamplerObserver = std::same_as<std::remove_cvref_t<F>, EscapeLog> || std::is_invocable_v < F&,
        const SamplerStep<StorageOf<M>>
& > ;

namespace detail {

/// Does not compile, saying what to write (see core/requirements.hpp), unless F observes samples of the model M.
template <class F, class M>
consteval bool explain_observer() {
  if constexpr (std::integral<std::remove_cvref_t<F>>)
    static_assert(never<F>, "diffarch: a seed is written Seed{7}; what follows it are observers");
  else
    static_assert(SamplerObserver<F, M>,
                  "diffarch: an observer is an EscapeLog or is called with a `const SamplerStep<Storage>&` of the "
                  "sampler's storage, which is Batch<float> for samples of float: write [](const auto& step) { ... }");
  return true;
}

/// One of the observers is an EscapeLog, so that predictions that are not finite are recorded and not thrown.
template <class... Observers>
inline constexpr bool tolerates_divergence = (std::same_as<std::remove_cvref_t<Observers>, EscapeLog> || ...);

template <Backend B, class Storage, class Observer>
void observe(Observer& observer, const SamplerStep<Storage>& step) {
  if constexpr (std::same_as<std::remove_cvref_t<Observer>, EscapeLog>)
    observer.template record<B>(step.x0_hat, step.step, step.level, step.first_sample);
  else
    observer(step);
}

template <class Model>
void require_finite(const StorageOf<Model>& batch, const char* what, Index step, const NoiseLevels& levels) {
  require<NumericalError>(Model::BackendType::all_finite(batch), "sample: ", what, " is not finite at step ", step + 1,
                          " of ", levels.steps(), " (sigma = ", levels[step].sigma(), ")");
}

/// Start of a trajectory: y_T = sqrt(signal_T^2 + noise_T^2) x_T. For VP levels that is x_T itself, and VP and VE
/// levels of equal sigma give the same samples. (EDM starts from sigma_T x_T: smaller by 1 / (2 sigma_T^2).)
template <class Model>
void scale_initial_noise(StorageOf<Model>& noise, NoiseLevel level) {
  if (static_cast<typename Model::Scalar>(level.scale()) != 1) scale<Model>(noise, level.scale());
}

/// Takes every step of the rule, starting from y (d, n) at the first level; stochastic rules draw their noise from
/// `seed`. With `clip` every element of every x0_hat, also of those that the rule asks for, is moved into [-clip,
/// clip]; NaN stays NaN. Throws NumericalError, naming step and sigma, when a prediction is not finite, unless an
/// EscapeLog observes; DimensionMismatch when a prediction or what the rule makes of y has another shape.
template <Denoiser Model, SamplerRule Rule, class... Observers>
[[nodiscard]] StorageOf<Model> take_steps(const Model& model, const NoiseLevels& levels, const Rule& rule,
                                          StorageOf<Model> y, Seed seed, Index first_sample, std::optional<double> clip,
                                          Observers&... observers) {
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  const RuleModel<Model> rule_model(model, clip);
  const Index count = y.cols();
  typename StateOf<Rule, RuleModel<Model>>::Type state{};
  const auto noise_of = [&](Stream stream) {
    return BackendType::template normal<Scalar>(y.rows(), y.cols(), seed, stream, first_sample);
  };
  for (Index step = 0; step < levels.steps(); ++step) {
    const NoiseLevel level = raise_noise<Model>(rule, y, levels, step, noise_of);
    const NoiseLevel next = levels[step + 1];
    const StorageOf<Model> x0_hat = rule_model.denoise(y, level);
    if constexpr (!tolerates_divergence<Observers...>) require_finite<Model>(x0_hat, "x0_hat", step, levels);
    [[maybe_unused]] const SamplerStep<StorageOf<Model>> seen{step, levels.steps(), level, next, first_sample,
                                                              y,    x0_hat};
    (observe<BackendType>(observers, seen), ...);
    advance(rule, rule_model, state, y, x0_hat, level, next);
    require_shape(y, x0_hat.rows(), count, "sample: after a step of the rule ", rule.name(), ", y");
    if (const double fresh = rule.noise_scale(level, next); fresh > 0.0)
      add_scaled<Model>(y, noise_of(streams::step_noise(levels.first_step() + step)), fresh);
  }
  return y;
}

}  // namespace detail
}  // namespace diffarch
