#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends.hpp"
#include "diffarch/denoiser/any_denoiser.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/schedule/cosine.hpp"

// Denoisers behind one type, whatever architecture and backend, see backends.hpp. Defined in placed_model_impl.hpp;
// instantiated for Cpu in placed_model.cpp, closed_forms.cpp and the polynomials' files, for Cuda in .cu files.

namespace figures {

/// What sampling went through: y and x0_hat (d, n) of every step, and where it ended.
template <class Scalar>
struct Trajectory {
  std::vector<diffarch::Batch<Scalar>> noisy;
  std::vector<diffarch::Batch<Scalar>> predictions;
  diffarch::Batch<Scalar> samples;
};

/// A denoiser on the backend where it was fitted or trained, and the DDIM sampler of its noise levels. Batches are the
/// host's: noise goes to the backend, samples come back, and nothing moves in between.
template <class Scalar>
class PlacedModel {
 public:
  virtual ~PlacedModel() = default;

  /// x0_hat (d, n) of y (d, n).
  [[nodiscard]] virtual diffarch::Batch<Scalar> denoise(const diffarch::Batch<Scalar>& y,
                                                        diffarch::NoiseLevel level) const = 0;
  /// Samples (d, n), as DiffusionSampler draws them. With a log, those that run away do not end the sampling.
  [[nodiscard]] virtual diffarch::Batch<Scalar> sample(diffarch::Index n, diffarch::Seed seed,
                                                       diffarch::EscapeLog* log = nullptr) const = 0;
  /// The same from noise x_T (d, n).
  [[nodiscard]] virtual diffarch::Batch<Scalar> sample_from(const diffarch::Batch<Scalar>& noise,
                                                            diffarch::EscapeLog* log = nullptr) const = 0;
  /// The same with every step on the way, all samples in one batch.
  [[nodiscard]] virtual Trajectory<Scalar> trajectory(const diffarch::Batch<Scalar>& noise) const = 0;
};

/// Empty where there is no model: only training was asked for.
template <class Scalar>
using PlacedModelPointer = std::shared_ptr<const PlacedModel<Scalar>>;

/// A model of backend B; `architecture` is its name.
template <class B, class Scalar>
[[nodiscard]] PlacedModelPointer<Scalar> placed(diffarch::AnyDenoiser<Scalar, B> model, const std::string& architecture,
                                                const diffarch::CosineSchedule& schedule);

/// Fits an architecture to samples (d, n) on backend B.
template <class B, class A, class Scalar>
[[nodiscard]] PlacedModelPointer<Scalar> fit_placed(const A& architecture, const diffarch::Batch<Scalar>& data,
                                                    const diffarch::CosineSchedule& schedule);

/// Fits it on the backend of --backend.
template <class A, class Scalar>
[[nodiscard]] PlacedModelPointer<Scalar> fit_placed(const std::string& backend, const A& architecture,
                                                    const diffarch::Batch<Scalar>& data,
                                                    const diffarch::CosineSchedule& schedule) {
  PlacedModelPointer<Scalar> model;
  on_backend(backend, [&]<class B>(std::type_identity<B>) { model = fit_placed<B>(architecture, data, schedule); });
  return model;
}

}  // namespace figures
