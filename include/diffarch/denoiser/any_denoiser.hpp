#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "diffarch/core/fitter.hpp"

namespace diffarch {

/// Any denoiser of the CPU behind one type, for tables whose rows are architectures chosen at run time. Copies share
/// the model. What a sampler knows of special models (SpectralDenoiser, SpanDenoiser) is forgotten with the type: the
/// steps are then taken one by one, with the same samples up to rounding.
template <class Scalar_ = float>
class AnyDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  template <Denoiser M>
  requires(!std::same_as<M, AnyDenoiser> && std::same_as<typename M::BackendType, Cpu> &&
           std::same_as<typename M::Scalar, Scalar>) explicit AnyDenoiser(M model)
      : dimension_(model.dimension()) {
    auto shared = std::make_shared<const M>(std::move(model));
    denoise_ = [shared](const Batch<Scalar>& y, NoiseLevel level) -> Batch<Scalar> {
      return shared->denoise(y, level);
    };
  }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// x0_hat (d, n) of y (d, n). Throws what the model throws.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const { return denoise_(y, level); }

 private:
  Index dimension_;
  std::function<Batch<Scalar>(const Batch<Scalar>&, NoiseLevel)> denoise_;
};

static_assert(Denoiser<AnyDenoiser<float>> && Denoiser<AnyDenoiser<double>>);

/// Any architecture that can be fitted to samples on the CPU behind one type: `AnyArchitecture<float>::of(RankK{10})`.
/// One instantiation of DiffusionSampler then serves all.
template <class Scalar = float>
struct AnyArchitecture {
  using FitModel =
      std::function<AnyDenoiser<Scalar>(const Batch<Scalar>&, const NoiseLevels&, const ProgressCallback&)>;

  std::string label = "AnyArchitecture";  ///< name of the architecture
  FitModel fit_model = {};                ///< empty: only models fitted elsewhere (DiffusionSampler::set_model)

  template <class A>
  requires FittableArchitecture<A, Cpu, Scalar>
  [[nodiscard]] static AnyArchitecture of(const A& architecture) {
    return {architecture.name(),
            [architecture](const Batch<Scalar>& data, const NoiseLevels& levels, const ProgressCallback& progress) {
              return AnyDenoiser<Scalar>(Fitter<A, Cpu, Scalar>::fit(architecture, data, levels, progress));
            }};
  }

  [[nodiscard]] std::string name() const { return label; }
};

static_assert(Architecture<AnyArchitecture<float>>);

template <class Scalar>
struct Fitter<AnyArchitecture<Scalar>, Cpu, Scalar> {
  using Model = AnyDenoiser<Scalar>;

  /// Throws what the architecture throws, InvalidArgument when there is none.
  [[nodiscard]] static Model fit(const AnyArchitecture<Scalar>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    detail::require(static_cast<bool>(architecture.fit_model), "AnyArchitecture '", architecture.label,
                    "' holds no architecture; make it with AnyArchitecture::of");
    return architecture.fit_model(data, levels, progress);
  }
};

}  // namespace diffarch
