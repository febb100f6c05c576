#pragma once

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/random.hpp"

namespace diffarch {

/// Trace of J = dD/dy at one y (d, 1), in the coordinates of the level. For a SpectralDenoiser the sum of the Wiener
/// gains, whatever y; else that of the whole `jacobian`, so that by differences the cost is 2 d predictions.
/// Throws DimensionMismatch; InvalidArgument when y is not finite; NumericalError when a derivative is not finite.
template <Denoiser Model>
[[nodiscard]] double jacobian_trace(const Model& model, const Batch<typename Model::Scalar>& y, NoiseLevel level) {
  if constexpr (SpectralDenoiser<Model>) {
    detail::check_jacobian_point(y, model.dimension());
    return detail::spectral_gains(model, level).sum();
  } else {
    return jacobian(model, y, level).trace();
  }
}

/// v_k^T J v_k with J = dD/dy at one y (d, 1), for the columns of `v` (d, k): (k) numbers. Of random v with E[v v^T] =
/// I each is an unbiased estimate of the trace of J (Hutchinson 1990). By `jacobian_product`; for a model that has rows
/// of J only by backward passes, a network, by `jacobian_product_by_differences`: 2 k predictions in place of d / 16
/// passes. Throws like them.
template <Denoiser Model>
[[nodiscard]] Vector<double> jacobian_forms(const Model& model, const Batch<typename Model::Scalar>& y,
                                            const Matrix<double>& v, NoiseLevel level) {
  using Real = detail::Dependent<double, Model>;
  Matrix<Real> product;
  if constexpr (detail::has_jacobian_rows<Model>)
    product = jacobian_product_by_differences(model, y, v, level, difference_step(y, level));
  else
    product = jacobian_product(model, y, v, level);
  Vector<Real> forms(v.cols());
  for (Index k = 0; k < v.cols(); ++k) {
    double sum = 0.0;  // in the order of the rows, so that the bits do not depend on where a column lies in memory
    for (Index row = 0; row < v.rows(); ++row) sum += v(row, k) * product(row, k);
    forms(k) = sum;
  }
  return forms;
}

/// `probes` vectors (d, probes) whose elements are 1 or -1 with equal probability, those of sample `sample`: a function
/// of (seed, sample) alone, by `streams::trace_probes`. Their first k columns are those of k probes. Of all random
/// vectors with independent elements these give the trace of a symmetric matrix the least variance, 2 sum of the
/// squares of its elements off the diagonal (Hutchinson 1990). Throws InvalidArgument for d or probes < 1, sample < 0;
/// OutOfMemory.
template <class Real = double>
[[nodiscard]] Matrix<Real> trace_probes(Index d, Index probes, Seed seed, Index sample) {
  detail::require(d >= 1 && probes >= 1 && sample >= 0, "trace_probes: d = ", d, ", probes = ", probes,
                  ", sample = ", sample, "; expected d >= 1, probes >= 1, sample >= 0");
  detail::require_memory<Real>(d, probes, "trace_probes");
  const CounterRandom random(seed, streams::trace_probes);
  Matrix<Real> v(d, probes);
  for (Index i = 0; i < v.size(); ++i) v.data()[i] = random.uniform(sample, i) < 0.5 ? Real(-1) : Real(1);
  return v;
}

}  // namespace diffarch
