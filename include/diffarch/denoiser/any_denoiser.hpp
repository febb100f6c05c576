#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "diffarch/core/fitter.hpp"

namespace diffarch {

/// Any denoiser of a backend behind one type, for tables whose rows are architectures chosen at run time. Copies share
/// the model. What a sampler knows of special models (SpectralDenoiser, SpanDenoiser) is forgotten with the type: the
/// steps are then taken one by one, with the same samples up to rounding.
template <class Scalar_ = float, Backend B = Cpu>
class AnyDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = B;
  using Storage = typename B::template Storage<Scalar>;

  template <Denoiser M>
  requires(!std::same_as<M, AnyDenoiser> && std::same_as<typename M::BackendType, B> &&
           std::same_as<typename M::Scalar, Scalar>) explicit AnyDenoiser(M model)
      : dimension_(model.dimension()) {
    auto shared = std::make_shared<const M>(std::move(model));
    denoise_ = [shared](const Storage& y, NoiseLevel level) -> Storage { return shared->denoise(y, level); };
  }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// x0_hat (d, n) of y (d, n). Throws what the model throws.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const { return denoise_(y, level); }

 private:
  Index dimension_;
  std::function<Storage(const Storage&, NoiseLevel)> denoise_;
};

static_assert(Denoiser<AnyDenoiser<float>> && Denoiser<AnyDenoiser<double>>);

/// Any architecture that can be fitted to samples on a backend behind one type:
/// `AnyArchitecture<float>::of(RankK{10})`. One instantiation of DiffusionSampler then serves all.
template <class Scalar_ = float, Backend B = Cpu>
struct AnyArchitecture {
  using Scalar = Scalar_;
  using BackendType = B;
  using FitModel =
      std::function<AnyDenoiser<Scalar, B>(const Batch<Scalar>&, const NoiseLevels&, const ProgressCallback&)>;

  std::string label = "AnyArchitecture";  ///< name of the architecture
  FitModel fit_model = {};                ///< empty: only models fitted elsewhere (DiffusionSampler::set_model)

  template <class A>
  [[nodiscard]] static AnyArchitecture of(const A& architecture) {
    static_assert(detail::explain_fit_to<A, B, Batch<Scalar>>());
    return {architecture.name(),
            [architecture](const Batch<Scalar>& data, const NoiseLevels& levels, const ProgressCallback& progress) {
              return AnyDenoiser<Scalar, B>(Fitter<A, B, Scalar>::fit(architecture, data, levels, progress));
            }};
  }

  [[nodiscard]] std::string name() const { return label; }
};

static_assert(Architecture<AnyArchitecture<float>>);

template <class Scalar, class B>
struct Fitter<AnyArchitecture<Scalar, B>, B, Scalar> {
  using Model = AnyDenoiser<Scalar, B>;

  /// Throws what the architecture throws, InvalidArgument when there is none.
  [[nodiscard]] static Model fit(const AnyArchitecture<Scalar, B>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    detail::require(static_cast<bool>(architecture.fit_model), "AnyArchitecture '", architecture.label,
                    "' holds no architecture; make it with AnyArchitecture::of");
    return architecture.fit_model(data, levels, progress);
  }
};

}  // namespace diffarch
