#pragma once

#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include "diffarch/core/fitter.hpp"

namespace diffarch {

/// Any denoiser of a backend behind one type, for tables whose rows are architectures chosen at run time. Copies share
/// the model. What a sampler knows of special models (SpectralDenoiser, SpanDenoiser) is forgotten with the type: the
/// steps are then taken one by one, with the same samples up to rounding. `AnySampler` does not forget it.
template <class Scalar_ = float, Backend B = Cpu>
class AnyDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = B;
  using Storage = typename B::template Storage<Scalar>;

  template <Denoiser M>
  requires(!std::same_as<M, AnyDenoiser> && std::same_as<typename M::BackendType, B> &&
           std::same_as<typename M::Scalar, Scalar>) explicit AnyDenoiser(M model)
      : AnyDenoiser(std::make_shared<const M>(std::move(model))) {}

  /// Overload that shares the model with its other owners. Precondition: the pointer is not empty.
  template <Denoiser M>
  explicit AnyDenoiser(std::shared_ptr<const M> model)
      : dimension_(model->dimension()),
        model_(model),
        type_(&typeid(M)),
        denoise_([at = model.get()](const Storage& y, NoiseLevel level) -> Storage { return at->denoise(y, level); }) {}

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// x0_hat (d, n) of y (d, n). Throws what the model throws.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const { return denoise_(y, level); }
  /// The model, or nullptr when it is not of the type M.
  template <class M>
  [[nodiscard]] const M* target() const noexcept {
    return static_cast<const M*>(target(typeid(M)));
  }
  /// Overload for a type that is known at run time.
  [[nodiscard]] const void* target(const std::type_info& type) const noexcept {
    return *type_ == type ? model_.get() : nullptr;
  }

 private:
  Index dimension_;
  std::shared_ptr<const void> model_;
  const std::type_info* type_;
  std::function<Storage(const Storage&, NoiseLevel)> denoise_;
};

static_assert(Denoiser<AnyDenoiser<float>> && Denoiser<AnyDenoiser<double>>);

/// Any architecture that can be fitted to samples on a backend behind one type:
/// `AnyArchitecture<float>::of(RankK{10})`. One instantiation of DiffusionSampler then serves all that have models of
/// the type M, which is AnyDenoiser unless another is given.
template <class Scalar_ = float, Backend B = Cpu, Denoiser M = AnyDenoiser<Scalar_, B>>
struct AnyArchitecture {
  using Scalar = Scalar_;
  using BackendType = B;
  using FitModel = std::function<M(const Batch<Scalar>&, const NoiseLevels&, const ProgressCallback&)>;

  std::string label = "AnyArchitecture";  ///< name of the architecture
  FitModel fit_model = {};                ///< empty: only models fitted elsewhere (DiffusionSampler::set_model)

  template <class A>
  [[nodiscard]] static AnyArchitecture of(const A& architecture) {
    static_assert(detail::explain_fit_to<A, B, Batch<Scalar>>());
    return {architecture.name(),
            [architecture](const Batch<Scalar>& data, const NoiseLevels& levels, const ProgressCallback& progress) {
              return M(Fitter<A, B, Scalar>::fit(architecture, data, levels, progress));
            }};
  }

  [[nodiscard]] std::string name() const { return label; }
};

static_assert(Architecture<AnyArchitecture<float>>);

template <class Scalar, class B, Denoiser M>
struct Fitter<AnyArchitecture<Scalar, B, M>, B, Scalar> {
  using Model = M;

  /// Throws what the architecture throws, InvalidArgument when there is none.
  [[nodiscard]] static Model fit(const AnyArchitecture<Scalar, B, M>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    detail::require(static_cast<bool>(architecture.fit_model), "AnyArchitecture '", architecture.label,
                    "' holds no architecture; make it with AnyArchitecture::of");
    return architecture.fit_model(data, levels, progress);
  }
};

}  // namespace diffarch
