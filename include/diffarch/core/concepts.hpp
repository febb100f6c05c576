#pragma once

#include <concepts>
#include <string>
#include <type_traits>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/noise_levels.hpp"

namespace diffarch {

/// The type of a model's arrays: `Storage<Scalar>` of its backend.
template <class M>
using StorageOf = typename M::BackendType::template Storage<typename M::Scalar>;

/// The type of the coordinates of a `SpanDenoiser`.
template <class M>
using CoordinatesOf = typename M::BackendType::template Storage<double>;

/// A policy type: an aggregate of hyper-parameters with a name and no fitted state, e.g. `RankK{.rank = 100}`.
/// Fitting an architecture to data gives its model (see `Fitter`).
template <class A>
concept Architecture = std::is_aggregate_v<A> && std::copyable<A> && requires(const A& architecture) {
  { architecture.name() } -> std::convertible_to<std::string>;
};

/// A fitted model: `denoise(y, level)` returns x0_hat, the prediction of the clean samples behind the noisy batch y.
/// Shapes (d, n) -> (d, n) with d = dimension(); column j of the result depends on column j of y only, and bitwise so:
/// neither n nor the other columns may change it. denoise is const and may be called at any level in any order. It
/// returns an array, not an expression of Eigen, which would refer to arrays that are gone: not `auto`.
template <class M>
concept Denoiser = Backend<typename M::BackendType> && std::floating_point<typename M::Scalar> &&
    requires(const M& model, const StorageOf<M>& y, NoiseLevel level) {
  { model.dimension() } -> std::convertible_to<Index>;
  requires std::same_as<std::remove_cvref_t<decltype(model.denoise(y, level))>, StorageOf<M>>;
};

/// A denoiser that is the posterior mean of a Gaussian, and so acts on each eigenmode of its covariance separately:
///   x0_hat = mean + U diag(lambda signal / (lambda signal^2 + noise^2)) U^T (y - signal * mean).
/// A deterministic sampler then collapses to one gain per mode, applied by `apply_gains(y, signal, gains)`:
///   mean + U diag(gains) U^T (y - signal * mean).
/// eigenvalues() are the K variances lambda > 0, decreasing, in double; mean_coordinates() is U^T mean (K).
template <class M>
concept SpectralDenoiser = Denoiser<M> &&
    requires(const M& model, const StorageOf<M>& y, double signal, const Vector<double>& gains) {
  { model.mean() } -> std::convertible_to<Vector<double>>;
  { model.mean_coordinates() } -> std::convertible_to<Vector<double>>;
  { model.eigenvalues() } -> std::convertible_to<Vector<double>>;
  { model.apply_gains(y, signal, gains) } -> std::convertible_to<StorageOf<M>>;
};

/// A denoiser whose predictions lie in a fixed affine subspace, mean + span(basis), and depend on y through a few fixed
/// linear functions P y only. A trajectory can then run in these coordinates, and a batch of d values per sample is
/// touched twice, at the start and at the end. Coordinates are arrays of the model's backend, in double whatever the
/// Scalar. For a batch of n columns:
///  - project(y) = P y, (q, n);
///  - coefficients(P y, level) = w, (m, n): x0_hat = mean + basis w;
///  - project_prediction(w) = P x0_hat, (q, n);
///  - materialise(w) = x0_hat, (d, n);
///  - largest_norms(w), (n), on the host: no column of x0_hat has a larger Euclidean norm.
template <class M>
concept SpanDenoiser = Denoiser<M> &&
    requires(const M& model, const StorageOf<M>& y, const CoordinatesOf<M>& coordinates, NoiseLevel level) {
  { model.project(y) } -> std::convertible_to<CoordinatesOf<M>>;
  { model.coefficients(coordinates, level) } -> std::convertible_to<CoordinatesOf<M>>;
  { model.project_prediction(coordinates) } -> std::convertible_to<CoordinatesOf<M>>;
  { model.materialise(coordinates) } -> std::convertible_to<StorageOf<M>>;
  { model.largest_norms(coordinates) } -> std::convertible_to<Vector<double>>;
};

/// A decreasing list of noise levels with the parameters it was made from, e.g. `CosineSchedule{.steps = 10}`.
/// levels() throws InvalidArgument when a parameter is out of range.
template <class S>
concept Schedule = std::copyable<S> && requires(const S& schedule) {
  { schedule.levels() } -> std::same_as<NoiseLevels>;
  { schedule.name() } -> std::convertible_to<std::string>;
};

namespace detail {
/// The least a Denoiser can be: what SamplerRule is checked against.
struct MinimalDenoiser {
  using Scalar = double;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 1; }
  [[nodiscard]] Batch<double> denoise(const Batch<double>& y, NoiseLevel /*level*/) const { return y; }
};
static_assert(Denoiser<MinimalDenoiser>);
}  // namespace detail

namespace detail {

/// A rule whose step depends on y and x0_hat only.
template <class R>
concept RuleWithoutMemory = requires(const R& rule, const MinimalDenoiser& model, Batch<double>& y,
                                     const Batch<double>& x0_hat, NoiseLevel level) {
  rule.advance(model, y, x0_hat, level, level);
};

/// A rule whose step also depends on a state, which lives as long as one trajectory of a batch.
template <class R>
concept RuleWithMemory = std::default_initializable<typename R::template State<MinimalDenoiser>> &&
    requires(const R& rule, const MinimalDenoiser& model, typename R::template State<MinimalDenoiser>& state,
             Batch<double>& y, const Batch<double>& x0_hat, NoiseLevel level) {
  rule.advance(model, state, y, x0_hat, level, level);
};

}  // namespace detail

/// How one step from `level` to the cleaner level `next` is taken. For a batch y (d, n) at `level` and the prediction
/// x0_hat = model.denoise(y, level):
///  - `advance(model, y, x0_hat, level, next)` moves y to `next`, all but the fresh noise, for any Denoiser;
///  - `noise_scale(level, next)` is the standard deviation of the fresh noise the sampler then adds (0: none);
///  - `stochasticity()` is eta of the SDE that the rule tends to for many steps (0: the probability-flow ODE, 1: the
///    reverse-time SDE).
/// A rule with a memory has a member `template <Denoiser M> struct State`, which is default-constructible, and
/// `advance(model, state, y, x0_hat, level, next)`. The sampler makes a state for each trajectory of a batch and hands
/// it to every step, in order. Arrays that a state keeps are `StorageOf<M>`. A rule that adds noise before the denoiser
/// is called has a member `raised(level, steps)`: the noisier level, of the same signal, to which the sampler raises y
/// first; `level` and x0_hat are then those of the raised y. At the last step (`next` clean) y must become the clean
/// prediction itself. The model that a rule gets from the sampler is a `RuleModel` of the one that was fitted, whose
/// predictions are checked and clipped. See also `SpectralRule`. Weights are numbers or arrays of the model's Scalar:
/// Eigen does not multiply float by double ("no type named ReturnType in ScalarBinaryOpTraits<double, float, ...>");
/// write `w.cast<typename M::Scalar>().asDiagonal() * y`.
template <class R>
concept SamplerRule = std::copyable<R> &&
    (detail::RuleWithoutMemory<R> || detail::RuleWithMemory<R>)&&requires(const R& rule, NoiseLevel level) {
  { rule.name() } -> std::convertible_to<std::string>;
  { rule.noise_scale(level, level) } -> std::convertible_to<double>;
  { rule.stochasticity() } -> std::convertible_to<double>;
};

/// A rule that knows what its step does to one eigenmode of a SpectralDenoiser, in the direction of variance
/// lambda >= 0:
///   y' - signal' mean = mode_gain(lambda, level, next) * (y - signal mean),
/// up to fresh noise. Where the rule raises y before the step, `level` is the raised one, and so is y.
/// The steps of such a rule are collapsed to one gain per eigenmode, and `predicted_distribution` knows what it
/// generates.
template <class R>
concept SpectralRule = SamplerRule<R> && requires(const R& rule, NoiseLevel level, double lambda) {
  { rule.mode_gain(lambda, level, level) } -> std::convertible_to<double>;
};

/// A rule whose effect on a SpectralDenoiser is computed: a SpectralRule, or one that says by `static constexpr bool
/// is_linear = true` that every step makes y a sum of y, predictions of this step and of earlier ones, with weights
/// that depend on the noise levels only. Its effect on each eigenmode is then found by taking the steps on that mode.
template <class R>
concept PredictableRule = SpectralRule<R> ||(SamplerRule<R>&& requires { requires R::is_linear; });

}  // namespace diffarch
