#pragma once

#include <algorithm>
#include <utility>

#include "diffarch/denoiser/posterior/ideal_denoiser.hpp"
#include "diffarch/solver/linear_measurement.hpp"

namespace diffarch {

/// The posterior over a training set, given a measurement m of the clean sample too: `Ideal` whose weights are
/// multiplied by the likelihood of m under each training sample,
///   w_i ~ p_i exp(-|m - A x_i|^2 / (2 deviation^2)) exp(-|y - signal x_i|^2 / (2 noise^2)),
/// by Bayes' rule, as y and m are independent given x0. It is again an `IdealDenoiser`, with these likelihoods as prior
/// probabilities, and can be conditioned again. On the host. Cost: a copy of the training set, and A of each sample.
/// Throws DimensionMismatch, InvalidArgument for values that are not finite and unless deviation > 0: no training
/// sample agrees with m exactly.
template <class Scalar, Measurement M>
[[nodiscard]] IdealDenoiser<Scalar> conditioned(const IdealDenoiser<Scalar>& model, const M& measurement) {
  using Real = detail::Dependent<double, Scalar>;
  detail::check_measurement(measurement, model.dimension());
  detail::require(measurement.deviation > 0.0, "measurement: deviation = 0, expected more of a finite training set");
  const Batch<Scalar>& data = model.data();
  Vector<Real> log_prior =
      model.log_prior().size() > 0 ? Vector<Real>(model.log_prior()) : Vector<Real>(Vector<Real>::Zero(data.cols()));
  const Vector<Real>& values = measurement.values;
  constexpr Index block = 1024;
  for (Index first = 0; first < data.cols(); first += block) {
    const Index count = std::min(block, data.cols() - first);
    const Matrix<Real> measured = measurement.of(Batch<Scalar>(data.middleCols(first, count)));
    for (Index i = 0; i < count; ++i)
      log_prior(first + i) -= 0.5 * ((values - measured.col(i)) / measurement.deviation).squaredNorm();
  }
  return IdealDenoiser<Scalar>(data, std::move(log_prior));
}

}  // namespace diffarch
