#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/span_trajectory.hpp"
#include "diffarch/sampler/trajectory.hpp"

namespace diffarch {

namespace detail {

/// Backend and Scalar of an architecture that is made for one of them (AnyArchitecture), else Cpu and float.
template <class A>
struct DefaultBackend {
  using Type = Cpu;
};
template <class A>
requires requires { typename A::BackendType; }
struct DefaultBackend<A> {
  using Type = typename A::BackendType;
};
template <class A>
struct DefaultScalar {
  using Type = float;
};
template <class A>
requires requires { typename A::Scalar; }
struct DefaultScalar<A> {
  using Type = typename A::Scalar;
};

/// Does not compile, saying what is wrong (see core/requirements.hpp), unless a DiffusionSampler can be made of these.
template <class A, class S, class B, class R, class Scalar>
consteval bool explain_sampler() {
  if constexpr (Schedule<A> && !Schedule<S>)
    static_assert(never<A>,
                  "diffarch: a schedule stands where the architecture belongs: write DiffusionSampler<Architecture, "
                  "Schedule, Backend, Rule, Scalar>, in this order, and its arguments in the same");
  else if constexpr (!Architecture<A>)
    return explain_architecture<A>();
  else if constexpr (!Schedule<S>)
    return explain_schedule<S>();
  else if constexpr (!Backend<B>)
    return explain_backend<B>();
  else if constexpr (!SamplerRule<R>)
    return explain_rule<R>();
  else
    return explain_fitter<A, B, Scalar>();
  return true;
}

}  // namespace detail

/// Draws samples with a denoiser of a given architecture along a given schedule:
///
///   auto sampler = DiffusionSampler{RankK{.rank = 100}, CosineSchedule{.steps = 10}};
///   sampler.fit(faces);                           // (d, n) training samples
///   auto images = sampler.sample(16, Seed{7});    // (d, 16)
///
/// Sample i is a function of (model, schedule, rule, seed, i) alone, bitwise: not of the number of samples drawn, the
/// batch size or the number of threads. Deterministic rules on a SpectralDenoiser are collapsed to one gain per
/// eigenmode, so that their cost does not depend on the number of steps, unless an observer asks to see the steps.
/// A SpanDenoiser is sampled in its own coordinates, with the same exception.
///
/// A: Architecture. S: Schedule. B: Backend. R: SamplerRule. Scalar: type of the samples, float or double. All of them
/// but Scalar can be deduced, from `DiffusionSampler{architecture, schedule, rule}` or `{architecture, schedule,
/// backend, rule}`; the rule may be left out.
template <class A, class S, class B = typename detail::DefaultBackend<A>::Type, class R = Ddim,
          class Scalar_ = typename detail::DefaultScalar<A>::Type>
class DiffusionSampler {
  static_assert(detail::explain_sampler<A, S, B, R, Scalar_>());

 public:
  using Scalar = Scalar_;
  using Model = typename detail::ModelOf<A, B, Scalar>::Type;
  using Step = SamplerStep<StorageOf<Model>>;

  /// Throws InvalidArgument when the schedule's parameters are out of range.
  explicit DiffusionSampler(A architecture, S schedule = {}, R rule = {}) requires(!Backend<R>)
      : architecture_(std::move(architecture)),
        schedule_(std::move(schedule)),
        rule_(std::move(rule)),
        levels_(schedule_.levels()) {}

  /// Overload that names the backend, for the deduction of the template arguments.
  DiffusionSampler(A architecture, S schedule, B /*backend*/, R rule = {}) requires Backend<B>
      : DiffusionSampler(std::move(architecture), std::move(schedule), std::move(rule)) {}

  /// Fits the denoisers of all noise levels. `data`: Samples, i.e. a Batch (d, n), a Dataset or a matrix expression of
  /// Eigen, or statistics that the architecture accepts, of the same Scalar. Throws InvalidArgument for data or
  /// hyper-parameters that do not fit each other.
  template <class Data>
  DiffusionSampler& fit(const Data& data) {
    if constexpr (!requires { typename Data::Scalar; }) {
      static_assert(detail::explain_fit<A, Data, S, B>());
    } else if constexpr (!std::is_same_v<typename Data::Scalar, Scalar>) {
      static_assert(detail::never<Data>,
                    "diffarch: DiffusionSampler::fit needs data of the sampler's Scalar (its last template argument): "
                    "write data.cast<float>(), or DiffusionSampler<Architecture, Schedule, Cpu, Ddim, double>");
    } else {
      set_model(diffarch::fit(architecture_, data, schedule_, B{}, progress_));
    }
    return *this;
  }

  /// Takes a model that was fitted elsewhere, for the same noise levels, in place of fitting one.
  DiffusionSampler& set_model(Model model) { return set_model(std::make_shared<const Model>(std::move(model))); }
  /// Overload that shares the model with its other owners. Throws InvalidArgument for an empty pointer.
  DiffusionSampler& set_model(std::shared_ptr<const Model> model) {
    detail::require(model != nullptr, "DiffusionSampler: set_model was given an empty pointer; expected a model");
    model_ = std::move(model);
    return *this;
  }

  /// n >= 1 samples, shape (d, n), started from x_T = normal_batch(d, n, seed).
  /// Observers are callables that take a `const Step&`; each sees every step of every batch. An `EscapeLog` among them
  /// records the samples that run away, which otherwise end the sampling with NumericalError.
  /// Throws Error before `fit`, InvalidArgument for n < 1, NumericalError when a prediction is not finite.
  template <class... Observers>
  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed, Observers&&... observers) const {
    static_assert((detail::explain_observer<Observers, Model>() && ...));
    detail::require(n >= 1, "sample: n = ", n, ", expected at least 1 sample");
    return run<Start::noise>(
        n, seed,
        [&](Index first, Index count) {
          return B::template normal<Scalar>(model().dimension(), count, seed, streams::initial_noise, first);
        },
        observers...);
  }

  /// A seed is a `Seed`, so that it is not taken for a number of samples.
  template <std::integral Number, class... Observers>
  [[nodiscard]] Batch<Scalar> sample(Index /*n*/, Number /*seed*/, Observers&&... /*observers*/) const {
    static_assert(detail::never<Number>, "diffarch: a seed is written Seed{7}: sample(16, Seed{7})");
    return {};
  }

  /// Samples started from the given x_T (d, n), standard normal noise (`Samples`); column i gives sample i. `seed`
  /// feeds the fresh noise of stochastic rules. Throws like `sample`, and DimensionMismatch when noise does not have d
  /// rows.
  template <SamplesOf<Scalar> Noise, class... Observers>
  [[nodiscard]] Batch<Scalar> sample_from(const Noise& noise, Seed seed, Observers&&... observers) const {
    static_assert((detail::explain_observer<Observers, Model>() && ...));
    return run_from<Start::noise>("sample_from", "the noise", as_batch(noise), seed, observers...);
  }

  template <SamplesOf<Scalar> Noise, class... Observers>
  requires(!std::same_as<std::remove_cvref_t<Observers>, Seed> && ...)
      [[nodiscard]] Batch<Scalar> sample_from(const Noise& noise, Observers&&... observers) const {
    return sample_from(noise, Seed{}, observers...);
  }

  /// Samples that continue from the given y (d, n) at the first level, for levels that are a part of a trajectory: the
  /// rest of one whose first steps were taken elsewhere, or noisy images (`noisy_samples`). Column i has the fresh
  /// noise of sample i of `seed`. Where the levels stop before the clean one, what is returned is y at the last of
  /// them. Throws like `sample_from`.
  template <SamplesOf<Scalar> Y, class... Observers>
  [[nodiscard]] Batch<Scalar> continue_from(const Y& noisy, Seed seed, Observers&&... observers) const {
    static_assert((detail::explain_observer<Observers, Model>() && ...));
    return run_from<Start::level>("continue_from", "y", as_batch(noisy), seed, observers...);
  }

  /// Throws Error before `fit`.
  [[nodiscard]] const Model& model() const {
    detail::require<Error>(model_ != nullptr, "DiffusionSampler: no model yet; call fit(data) first");
    return *model_;
  }
  /// The model, which copies of the sampler share; empty before `fit`.
  [[nodiscard]] const std::shared_ptr<const Model>& shared_model() const noexcept { return model_; }
  [[nodiscard]] const A& architecture() const noexcept { return architecture_; }
  [[nodiscard]] const S& schedule() const noexcept { return schedule_; }
  [[nodiscard]] const R& rule() const noexcept { return rule_; }
  [[nodiscard]] const NoiseLevels& levels() const noexcept { return levels_; }

  [[nodiscard]] Index batch_size() const noexcept { return batch_size_; }
  [[nodiscard]] const std::optional<double>& clip() const noexcept { return clip_; }
  [[nodiscard]] const ProgressCallback& progress() const noexcept { return progress_; }

  /// Largest number of samples held at once (default 256): memory, never the result.
  DiffusionSampler& set_batch_size(Index batch_size) {
    detail::require(batch_size >= 1, "set_batch_size: ", batch_size, ", expected at least 1");
    batch_size_ = batch_size;
    return *this;
  }
  /// Moves every element of every x0_hat into [-limit, limit], also of those that a rule asks for within a step. Off by
  /// default: it hides divergence, and what is sampled then is no longer what the denoiser defines.
  DiffusionSampler& set_clip(double limit) {
    detail::require(limit > 0.0, "set_clip: ", limit, ", expected a limit > 0");
    clip_ = limit;
    return *this;
  }
  /// Reports fitting and the samples done to `progress`.
  DiffusionSampler& set_progress(ProgressCallback progress) {
    progress_ = std::move(progress);
    return *this;
  }

 private:
  /// A trajectory starts from x_T ~ N(0, I), or from y at the first level.
  enum class Start { noise, level };

  /// Samples that start from a given array (d, n), which messages call `what`.
  template <Start start, class... Observers>
  [[nodiscard]] Batch<Scalar> run_from(const char* function, const char* what, const Batch<Scalar>& given, Seed seed,
                                       Observers&... observers) const {
    const Index d = model().dimension();
    detail::require<DimensionMismatch>(given.rows() == d && given.cols() >= 1, function, ": ", what, " is ",
                                       detail::shape_text(given), " but the model has dimension ", d, "; expected (", d,
                                       ", n) with n >= 1");
    detail::require(Cpu::all_finite(given), function, ": ", what, " holds a value that is not finite");
    return run<start>(
        given.cols(), seed,
        [&](Index first, Index count) { return B::upload(Batch<Scalar>(given.middleCols(first, count))); },
        observers...);
  }

  template <Start start, class StartOf, class... Observers>
  [[nodiscard]] Batch<Scalar> run(Index n, Seed seed, const StartOf& start_of, Observers&... observers) const {
    ProgressReporter reporter(progress_, "sample " + architecture_.name(), n);
    detail::require_memory<Scalar>(model().dimension(), n, "samples");
    return detail::with_memory_for([&] { return run_batches<start>(n, seed, start_of, reporter, observers...); },
                                   "sample ", n, " of dimension ", model().dimension());
  }

  template <Start start, class StartOf, class... Observers>
  [[nodiscard]] Batch<Scalar> run_batches(Index n, Seed seed, const StartOf& start_of, ProgressReporter& reporter,
                                          Observers&... observers) const {
    Batch<Scalar> samples(model().dimension(), n);
    Vector<double> gains;
    constexpr bool can_collapse = SpectralDenoiser<Model> && PredictableRule<R> && sizeof...(Observers) == 0;
    constexpr bool can_span = start == Start::noise && SpanDenoiser<Model> &&
                              (std::same_as<std::remove_cvref_t<Observers>, EscapeLog> && ...);
    const bool is_collapsed =
        can_collapse && !detail::RaisingRule<R> && rule_.stochasticity() == 0.0 && !clip_ && levels_.ends_clean();
    if constexpr (can_collapse)
      if (is_collapsed) gains = trajectory_gains(rule_, model().eigenvalues(), levels_);
    for (Index first = 0; first < n; first += batch_size_) {
      const Index count = std::min(batch_size_, n - first);
      const auto batch = [&] {
        StorageOf<Model> y = start_of(first, count);
        if constexpr (can_span)
          if (!clip_ && levels_.ends_clean())
            return detail::run_in_span(model(), levels_, rule_, std::move(y), seed, first, observers...);
        if constexpr (start == Start::noise) detail::scale_initial_noise<Model>(y, levels_[0]);
        if constexpr (can_collapse)
          if (is_collapsed) return detail::take_collapsed_steps(model(), levels_, gains, y);
        return detail::take_steps(model(), levels_, rule_, std::move(y), seed, first, clip_, observers...);
      }();
      B::download_columns(batch, samples, first);
      reporter.advance(count);
    }
    return samples;
  }

  A architecture_;
  S schedule_;
  R rule_;
  NoiseLevels levels_;
  std::shared_ptr<const Model> model_;
  ProgressCallback progress_;
  std::optional<double> clip_;
  Index batch_size_ = 256;
};

}  // namespace diffarch
