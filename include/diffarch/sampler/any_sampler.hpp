#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"

namespace diffarch {

/// All that a sampler went through: y and x0_hat (d, n) of every step, on the host, and the samples (d, n) at its end.
template <class Scalar>
struct SampledTrajectory {
  std::vector<Batch<Scalar>> noisy;
  std::vector<Batch<Scalar>> predictions;
  Batch<Scalar> samples;
};

/// Mean and eigenmodes of a model of the linear family, on the host.
template <class Scalar>
struct Spectrum {
  Vector<double> mean;         ///< (d)
  Vector<double> eigenvalues;  ///< (K), decreasing
  Batch<Scalar> basis;         ///< (d, K), orthonormal columns
};

namespace detail {

/// The noise levels of a schedule whose type is forgotten.
struct LevelsOfSchedule {
  std::string label;
  NoiseLevels given;

  [[nodiscard]] std::string name() const { return label; }
  [[nodiscard]] NoiseLevels levels() const { return given; }
};

/// The type in which an AnySampler keeps a model: its own where the sampler knows a quicker way for it.
template <Denoiser M>
using KeptModel = std::conditional_t<SpectralDenoiser<M> || SpanDenoiser<M>, M,
                                     AnyDenoiser<typename M::Scalar, typename M::BackendType>>;

/// What an AnySampler asks of the sampler that it holds; its functions are described there.
template <class Scalar>
class HeldSampler {
 public:
  virtual ~HeldSampler() = default;
  [[nodiscard]] virtual std::unique_ptr<HeldSampler> clone() const = 0;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string backend() const = 0;
  [[nodiscard]] virtual const NoiseLevels& levels() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const void> model() const = 0;
  [[nodiscard]] virtual const std::type_info& model_type() const = 0;
  [[nodiscard]] virtual const void* target(const std::type_info& type) const = 0;
  [[nodiscard]] virtual Index dimension() const = 0;
  virtual void fit(const Batch<Scalar>& data) = 0;
  virtual void set_model(std::shared_ptr<const void> model) = 0;
  virtual void set_batch_size(Index batch_size) = 0;
  virtual void set_clip(double limit) = 0;
  virtual void set_progress(ProgressCallback progress) = 0;
  [[nodiscard]] virtual Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const = 0;
  [[nodiscard]] virtual Batch<Scalar> sample(Index n, Seed seed, EscapeLog* log) const = 0;
  [[nodiscard]] virtual Batch<Scalar> sample_from(const Batch<Scalar>& noise, Seed seed, EscapeLog* log) const = 0;
  [[nodiscard]] virtual Batch<Scalar> continue_from(const Batch<Scalar>& noisy, Seed seed, EscapeLog* log) const = 0;
  [[nodiscard]] virtual SampledTrajectory<Scalar> trajectory(const Batch<Scalar>& noise, Seed seed) const = 0;
  [[nodiscard]] virtual std::optional<Spectrum<Scalar>> spectrum() const = 0;
  [[nodiscard]] virtual std::optional<PredictedDistribution> predicted_distribution() const = 0;
};

/// A HeldSampler for models that are kept as M and a rule R.
template <Denoiser M, SamplerRule R>
class HeldSamplerOf final : public HeldSampler<typename M::Scalar> {
 public:
  using Scalar = typename M::Scalar;
  using B = typename M::BackendType;
  using Sampler = DiffusionSampler<AnyArchitecture<Scalar, B, M>, LevelsOfSchedule, B, R, Scalar>;

  HeldSamplerOf(AnyArchitecture<Scalar, B, M> architecture, LevelsOfSchedule schedule, R rule)
      : sampler_(std::move(architecture), std::move(schedule), std::move(rule)) {}

  [[nodiscard]] std::unique_ptr<HeldSampler<Scalar>> clone() const override {
    return std::make_unique<HeldSamplerOf>(*this);
  }
  [[nodiscard]] std::string name() const override { return sampler_.architecture().name(); }
  [[nodiscard]] std::string backend() const override { return B::name(); }
  [[nodiscard]] const NoiseLevels& levels() const override { return sampler_.levels(); }
  [[nodiscard]] std::shared_ptr<const void> model() const override { return sampler_.shared_model(); }
  [[nodiscard]] const std::type_info& model_type() const override { return typeid(M); }
  [[nodiscard]] const void* target(const std::type_info& type) const override {
    if (!sampler_.shared_model()) return nullptr;
    if constexpr (requires { sampler_.model().target(type); })
      return sampler_.model().target(type);
    else
      return type == typeid(M) ? sampler_.shared_model().get() : nullptr;
  }
  [[nodiscard]] Index dimension() const override { return sampler_.model().dimension(); }
  void fit(const Batch<Scalar>& data) override {
    require(static_cast<bool>(sampler_.architecture().fit_model), "AnySampler: ", name(),
            " was made of a fitted model, or is not fitted to samples; there is nothing to fit");
    sampler_.fit(data);
  }
  void set_model(std::shared_ptr<const void> model) override {
    sampler_.set_model(std::static_pointer_cast<const M>(std::move(model)));
  }
  void set_batch_size(Index batch_size) override { sampler_.set_batch_size(batch_size); }
  void set_clip(double limit) override { sampler_.set_clip(limit); }
  void set_progress(ProgressCallback progress) override { sampler_.set_progress(std::move(progress)); }

  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const override {
    return B::download(sampler_.model().denoise(B::upload(y), level));
  }
  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed, EscapeLog* log) const override {
    return log == nullptr ? sampler_.sample(n, seed) : sampler_.sample(n, seed, *log);
  }
  [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, Seed seed, EscapeLog* log) const override {
    return log == nullptr ? sampler_.sample_from(noise, seed) : sampler_.sample_from(noise, seed, *log);
  }
  [[nodiscard]] Batch<Scalar> continue_from(const Batch<Scalar>& noisy, Seed seed, EscapeLog* log) const override {
    return log == nullptr ? sampler_.continue_from(noisy, seed) : sampler_.continue_from(noisy, seed, *log);
  }
  [[nodiscard]] SampledTrajectory<Scalar> trajectory(const Batch<Scalar>& noise, Seed seed) const override {
    Sampler sampler = sampler_;
    sampler.set_batch_size(std::max<Index>(noise.cols(), 1));
    SampledTrajectory<Scalar> result;
    result.samples = sampler.sample_from(noise, seed, [&](const typename Sampler::Step& step) {
      result.noisy.push_back(B::download(step.y));
      result.predictions.push_back(B::download(step.x0_hat));
    });
    return result;
  }

  [[nodiscard]] std::optional<Spectrum<Scalar>> spectrum() const override {
    if constexpr (SpectralDenoiser<M>)
      if constexpr (requires(const M& model) { B::download(model.basis()); })
        return Spectrum<Scalar>{sampler_.model().mean(), sampler_.model().eigenvalues(),
                                B::download(sampler_.model().basis())};
    return std::nullopt;
  }
  [[nodiscard]] std::optional<PredictedDistribution> predicted_distribution() const override {
    if constexpr (SpectralDenoiser<M> && PredictableRule<R>)
      return diffarch::predicted_distribution(sampler_.model(), sampler_.schedule(), sampler_.rule());
    else
      return std::nullopt;
  }

 private:
  Sampler sampler_;
};

}  // namespace detail

/// A sampler whose architecture, schedule, rule and backend were chosen at run time:
///
///   auto sampler = AnySampler<float>::on<Cpu, Cuda>(backend_name, RankK{.rank = 100}, CosineSchedule{.steps = 10});
///   sampler.fit(faces);
///   auto images = sampler.sample(16, Seed{7});
///
/// or any `DiffusionSampler` (`AnySampler<float> any = sampler;`). It draws bitwise the samples that this
/// DiffusionSampler draws, by the same ways: gains of a SpectralDenoiser are collapsed, a SpanDenoiser is sampled in
/// its coordinates. Data and noise are the host's; they go to the backend, samples come back, and nothing moves in
/// between. Copies share the model. An AnySampler is itself a `Denoiser` of the host, so that what takes a model (psnr,
/// jacobian, denoiser_agreement) takes an AnySampler.
template <class Scalar_ = float>
class AnySampler {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  /// Shares the model of a DiffusionSampler, fitted or not, and takes over its batch size, clip and progress.
  template <class A, class S, class B, class R>
  AnySampler(const DiffusionSampler<A, S, B, R, Scalar>& sampler)  // NOLINT: a conversion that loses nothing
      : AnySampler(AnySampler::template made<B>(sampler.architecture(), sampler.schedule(), sampler.rule())) {
    using Model = typename DiffusionSampler<A, S, B, R, Scalar>::Model;
    if (sampler.shared_model()) held_->set_model(kept<Model>(sampler.shared_model()));
    held_->set_batch_size(sampler.batch_size());
    held_->set_progress(sampler.progress());
    if (sampler.clip()) held_->set_clip(*sampler.clip());
  }

  /// A model that was fitted elsewhere, for the noise levels of a schedule. `name`: that of its architecture.
  template <Denoiser M, Schedule S, SamplerRule R = Ddim>
  requires std::same_as<typename M::Scalar, Scalar> AnySampler(M model, std::string name, const S& schedule,
                                                               const R& rule = {})
      : held_(std::make_unique<detail::HeldSamplerOf<detail::KeptModel<M>, R>>(
            AnyArchitecture<Scalar, typename M::BackendType, detail::KeptModel<M>>{std::move(name)},
            detail::LevelsOfSchedule{schedule.name(), schedule.levels()}, rule)) {
    held_->set_model(kept<M>(std::make_shared<const M>(std::move(model))));
  }

  /// A sampler that is not fitted yet, on the backend of this name out of a list of backends. Throws InvalidArgument
  /// for a name that is not among theirs.
  template <Backend... Backends, class A, Schedule S, SamplerRule R = Ddim>
  [[nodiscard]] static AnySampler on(const std::string& backend, const A& architecture, const S& schedule,
                                     const R& rule = {}) {
    std::optional<AnySampler> result;
    static_cast<void>(
        ((backend == Backends::name() && (result.emplace(made<Backends>(architecture, schedule, rule)), true)) || ...));
    std::string names;
    ((names += (names.empty() ? "" : ", ") + Backends::name()), ...);
    detail::require(result.has_value(), "AnySampler: there is no backend '", backend, "'; expected one of ", names);
    return *std::move(result);
  }

  AnySampler(const AnySampler& other) : held_(other.held_->clone()) {}
  AnySampler(AnySampler&&) noexcept = default;
  AnySampler& operator=(const AnySampler& other) {
    held_ = other.held_->clone();
    return *this;
  }
  AnySampler& operator=(AnySampler&&) noexcept = default;
  ~AnySampler() = default;

  /// Fits the denoisers of all noise levels to `data` (d, n). Throws what `fit` of the architecture throws, and
  /// InvalidArgument for a sampler that was made of a model.
  template <SamplesOf<Scalar> Data>
  AnySampler& fit(const Data& data) {
    held_->fit(as_batch(data));
    return *this;
  }

  /// Takes the model of another sampler, to sample along another schedule or by another rule. Throws InvalidArgument
  /// when it is a model of another type, of another backend say, or when there is none.
  AnySampler& set_model_of(const AnySampler& other) {
    detail::require(other.held_->model() != nullptr, "AnySampler: ", other.name(), " has no model yet; call fit first");
    detail::require(held_->model_type() == other.held_->model_type(), "AnySampler: the model of ", other.name(), " on ",
                    other.backend(), " is not of the type of those of ", name(), " on ", backend());
    held_->set_model(other.held_->model());
    return *this;
  }

  /// x0_hat (d, n) of y (d, n). Throws Error before `fit`, and what the model throws.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return held_->denoise(y, level);
  }

  /// n samples (d, n): see `DiffusionSampler::sample`. With a log, samples that run away do not end the sampling.
  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed) const { return held_->sample(n, seed, nullptr); }
  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed, EscapeLog& log) const { return held_->sample(n, seed, &log); }

  /// Samples from noise x_T (d, n): see `DiffusionSampler::sample_from`. `seed` feeds stochastic rules.
  [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, Seed seed = {}) const {
    return held_->sample_from(noise, seed, nullptr);
  }
  [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, EscapeLog& log, Seed seed = {}) const {
    return held_->sample_from(noise, seed, &log);
  }

  /// Samples that continue from y (d, n) at the first level, for a schedule that is a part of a trajectory (`part`,
  /// `from_sigma`): see `DiffusionSampler::continue_from`. `seed` feeds stochastic rules.
  [[nodiscard]] Batch<Scalar> continue_from(const Batch<Scalar>& noisy, Seed seed = {}) const {
    return held_->continue_from(noisy, seed, nullptr);
  }
  [[nodiscard]] Batch<Scalar> continue_from(const Batch<Scalar>& noisy, EscapeLog& log, Seed seed = {}) const {
    return held_->continue_from(noisy, seed, &log);
  }

  /// Returns the samples from noise x_T (d, n), and y and x0_hat of every step, all in one batch.
  [[nodiscard]] SampledTrajectory<Scalar> trajectory(const Batch<Scalar>& noise, Seed seed = {}) const {
    return held_->trajectory(noise, seed);
  }

  /// Mean and modes of a model of the linear family; nothing for other models. Throws Error before `fit`.
  [[nodiscard]] std::optional<Spectrum<Scalar>> spectrum() const { return held_->spectrum(); }
  /// See `diffarch::predicted_distribution`; nothing for a model or a rule without a spectrum. Throws Error before
  /// `fit`.
  [[nodiscard]] std::optional<PredictedDistribution> predicted_distribution() const {
    return held_->predicted_distribution();
  }
  /// The model, or nullptr when there is none or it is not of the type M.
  template <Denoiser M>
  [[nodiscard]] const M* target() const {
    return static_cast<const M*>(held_->target(typeid(M)));
  }

  /// d. Throws Error before `fit`.
  [[nodiscard]] Index dimension() const { return held_->dimension(); }
  /// That of the architecture.
  [[nodiscard]] std::string name() const { return held_->name(); }
  /// Name of the backend.
  [[nodiscard]] std::string backend() const { return held_->backend(); }
  [[nodiscard]] const NoiseLevels& levels() const { return held_->levels(); }

  /// See `DiffusionSampler`.
  AnySampler& set_batch_size(Index batch_size) {
    held_->set_batch_size(batch_size);
    return *this;
  }
  AnySampler& set_clip(double limit) {
    held_->set_clip(limit);
    return *this;
  }
  AnySampler& set_progress(ProgressCallback progress) {
    held_->set_progress(std::move(progress));
    return *this;
  }

 private:
  explicit AnySampler(std::unique_ptr<detail::HeldSampler<Scalar>> held) : held_(std::move(held)) {}

  template <class B, class A, class S, class R>
  [[nodiscard]] static AnySampler made(const A& architecture, const S& schedule, const R& rule) {
    using Kept = detail::KeptModel<typename detail::ModelOf<A, B, Scalar>::Type>;
    AnyArchitecture<Scalar, B, Kept> any{architecture.name()};
    if constexpr (detail::FitterTakes<A, B, Scalar, Batch<Scalar>>)
      any = AnyArchitecture<Scalar, B, Kept>::of(architecture);
    return AnySampler(std::make_unique<detail::HeldSamplerOf<Kept, R>>(
        std::move(any), detail::LevelsOfSchedule{schedule.name(), schedule.levels()}, rule));
  }

  /// A model in the type in which it is kept.
  template <class M>
  [[nodiscard]] static std::shared_ptr<const void> kept(std::shared_ptr<const M> model) {
    if constexpr (std::same_as<detail::KeptModel<M>, M>)
      return model;
    else
      return std::make_shared<const detail::KeptModel<M>>(std::move(model));
  }

  std::unique_ptr<detail::HeldSampler<Scalar>> held_;
};

static_assert(Denoiser<AnySampler<float>> && Denoiser<AnySampler<double>>);

}  // namespace diffarch
