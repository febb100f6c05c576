#pragma once

#include <algorithm>
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

/// Draws samples with a denoiser of a given architecture along a given schedule:
///
///   auto sampler = DiffusionSampler<RankK, CosineSchedule>{RankK{.rank = 100}, CosineSchedule{.steps = 10}};
///   sampler.fit(faces);                           // (d, n) training samples
///   auto images = sampler.sample(16, Seed{7});    // (d, 16)
///
/// Sample i is a function of (model, schedule, rule, seed, i) alone, bitwise: not of the number of samples drawn, the
/// batch size or the number of threads. Deterministic rules on a SpectralDenoiser are collapsed to one gain per
/// eigenmode, so that their cost does not depend on the number of steps, unless an observer asks to see the steps.
/// A SpanDenoiser is sampled in its own coordinates, with the same exception.
///
/// A: Architecture. S: Schedule. B: Backend. R: SamplerRule. Scalar: type of the samples, float or double.
template <class A, class S, class B = Cpu, class R = Ddim, class Scalar_ = float>
class DiffusionSampler {
  static_assert(
      Architecture<A>,
      "diffarch: the denoiser of DiffusionSampler must satisfy the concept Architecture: a copyable aggregate "
      "of hyper-parameters with name() (core/concepts.hpp)");
  static_assert(Schedule<S>,
                "diffarch: the schedule of DiffusionSampler must satisfy the concept Schedule: copyable, with "
                "levels() -> NoiseLevels and name() (core/concepts.hpp)");
  static_assert(Backend<B>,
                "diffarch: the backend of DiffusionSampler must satisfy the concept Backend (core/backend.hpp)");
  static_assert(SamplerRule<R>,
                "diffarch: the rule of DiffusionSampler must satisfy the concept SamplerRule (core/concepts.hpp)");
  static_assert(FittableArchitecture<A, B, Scalar_>,
                "diffarch: no Fitter for this pair of architecture and backend, so the concept FittableArchitecture is "
                "not satisfied: specialise diffarch::Fitter<A, Backend, Scalar> (core/fitter.hpp)");

 public:
  using Scalar = Scalar_;
  using Model = std::remove_cvref_t<decltype(Fitter<A, B, Scalar>::fit(
      std::declval<const A&>(), std::declval<const Batch<Scalar>&>(), std::declval<const NoiseLevels&>(),
      std::declval<const ProgressCallback&>()))>;
  using Step = SamplerStep<StorageOf<Model>>;

  /// Throws InvalidArgument when the schedule's parameters are out of range.
  explicit DiffusionSampler(A architecture, S schedule = {}, R rule = {})
      : architecture_(std::move(architecture)),
        schedule_(std::move(schedule)),
        rule_(std::move(rule)),
        levels_(schedule_.levels()) {}

  /// Fits the denoisers of all noise levels. `data`: a Batch (d, n), a Dataset, or statistics that the architecture
  /// accepts, of the same Scalar. Throws InvalidArgument for data or hyper-parameters that do not fit each other.
  template <class Data>
  DiffusionSampler& fit(const Data& data) {
    static_assert(std::is_same_v<typename Data::Scalar, Scalar>,
                  "diffarch: DiffusionSampler::fit needs data of the sampler's Scalar (its last template argument)");
    model_.emplace(diffarch::fit(architecture_, data, schedule_, B{}, progress_));
    return *this;
  }

  /// Takes a model that was fitted elsewhere, for the same noise levels, in place of fitting one.
  DiffusionSampler& set_model(Model model) {
    model_.emplace(std::move(model));
    return *this;
  }

  /// n >= 1 samples, shape (d, n), started from x_T = normal_batch(d, n, seed).
  /// Observers are callables that take a `const Step&`; each sees every step of every batch. An `EscapeLog` among them
  /// records the samples that run away, which otherwise end the sampling with NumericalError.
  /// Throws Error before `fit`, InvalidArgument for n < 1, NumericalError when a prediction is not finite.
  template <class... Observers>
  requires(SamplerObserver<Observers, Model>&&...)
      [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed, Observers&&... observers) const {
    detail::require(n >= 1, "sample: n = ", n, ", expected at least 1 sample");
    return run(
        n, seed,
        [&](Index first, Index count) {
          return B::template normal<Scalar>(model().dimension(), count, seed, streams::initial_noise, first);
        },
        observers...);
  }

  /// Samples started from the given x_T (d, n), standard normal noise; column i gives sample i. `seed` feeds the fresh
  /// noise of stochastic rules. Throws like `sample`, and DimensionMismatch when noise does not have d rows.
  template <class... Observers>
  requires(SamplerObserver<Observers, Model>&&...)
      [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, Seed seed, Observers&&... observers) const {
    detail::require<DimensionMismatch>(noise.rows() == model().dimension() && noise.cols() >= 1,
                                       "sample_from: the noise is ", detail::shape_text(noise),
                                       " but the model has dimension ", model().dimension(), "; expected (",
                                       model().dimension(), ", n) with n >= 1");
    detail::require(Cpu::all_finite(noise), "sample_from: the noise holds a value that is not finite");
    return run(
        noise.cols(), seed,
        [&](Index first, Index count) { return B::upload(Batch<Scalar>(noise.middleCols(first, count))); },
        observers...);
  }

  template <class... Observers>
  requires(SamplerObserver<Observers, Model>&&...)
      [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, Observers&&... observers) const {
    return sample_from(noise, Seed{}, observers...);
  }

  /// Throws Error before `fit`.
  [[nodiscard]] const Model& model() const {
    detail::require<Error>(model_.has_value(), "DiffusionSampler: no model yet; call fit(data) first");
    return *model_;
  }
  [[nodiscard]] const A& architecture() const noexcept { return architecture_; }
  [[nodiscard]] const S& schedule() const noexcept { return schedule_; }
  [[nodiscard]] const R& rule() const noexcept { return rule_; }
  [[nodiscard]] const NoiseLevels& levels() const noexcept { return levels_; }

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
  template <class NoiseOf, class... Observers>
  [[nodiscard]] Batch<Scalar> run(Index n, Seed seed, const NoiseOf& noise_of, Observers&... observers) const {
    ProgressReporter reporter(progress_, "sample " + architecture_.name(), n);
    detail::require_memory<Scalar>(model().dimension(), n, "samples");
    Batch<Scalar> samples(model().dimension(), n);
    Vector<double> gains;
    constexpr bool can_collapse = SpectralDenoiser<Model> && sizeof...(Observers) == 0;
    constexpr bool can_span = SpanDenoiser<Model> && (std::same_as<std::remove_cvref_t<Observers>, EscapeLog> && ...);
    const bool is_collapsed = can_collapse && rule_.stochasticity() == 0.0 && !clip_;
    if constexpr (can_collapse)
      if (is_collapsed) gains = trajectory_gains(rule_, model().eigenvalues(), levels_);
    for (Index first = 0; first < n; first += batch_size_) {
      const Index count = std::min(batch_size_, n - first);
      const auto batch = [&] {
        if constexpr (can_collapse)
          if (is_collapsed) return detail::run_collapsed(model(), levels_, gains, noise_of(first, count));
        if constexpr (can_span)
          if (!clip_)
            return detail::run_in_span(model(), levels_, rule_, noise_of(first, count), seed, first, observers...);
        return detail::run_steps(model(), levels_, rule_, noise_of(first, count), seed, first, clip_, observers...);
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
  std::optional<Model> model_;
  ProgressCallback progress_;
  std::optional<double> clip_;
  Index batch_size_ = 256;
};

}  // namespace diffarch
