#pragma once

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// Where the probability-flow ODE takes y (d, n) from one noise level to another, exactly, for a model of the linear
/// family: along each eigenmode of variance lambda, and outside the modes with lambda = 0,
///   y' - signal' mean = exact_flow_gain(lambda, from, to) (y - signal mean).
/// Either level may be the noisier one; going there and back gives y again, to rounding, except from the clean level,
/// where what lies outside the modes is lost. A sampler with many steps tends to it: compare yours with it. Cost: two
/// products. Throws DimensionMismatch, and InvalidArgument from the clean level to another.
template <SpectralDenoiser M>
[[nodiscard]] StorageOf<M> exact_flow(const M& model, const StorageOf<M>& y, NoiseLevel from, NoiseLevel to) {
  using BackendType = typename M::BackendType;
  using Scalar = typename M::Scalar;
  detail::require_dimension(y, model.dimension());
  detail::require(!from.is_clean() || to.is_clean(), "exact_flow: from the clean level to sigma = ", to.sigma(),
                  ", expected to begin at a level with noise");
  const double outside = from.is_clean() ? to.signal / from.signal : to.noise / from.noise;
  Vector<double> gains = model.eigenvalues();
  for (Index mode = 0; mode < gains.size(); ++mode) gains(mode) = exact_flow_gain(gains(mode), from, to) - outside;
  StorageOf<M> result = model.apply_gains(y, from.signal, gains);  // mean + U diag(gains) U^T (y - signal mean)
  add_scaled<M>(result, y, outside);
  const StorageOf<M> mean = BackendType::upload(Batch<Scalar>(model.mean().template cast<Scalar>()));
  const auto share = static_cast<Scalar>(to.signal - 1.0 - outside * from.signal);
  BackendType::for_each(result.rows(), result.cols(),
                        elementwise::AddScaledVector<Scalar>{result.data(), mean.data(), share, result.rows()});
  return result;
}

}  // namespace diffarch
