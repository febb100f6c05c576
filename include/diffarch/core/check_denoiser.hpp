#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/core/checked_denoise.hpp"

namespace diffarch {

namespace detail {

/// The prediction, on the host, for some columns of y as a batch of their own.
template <Denoiser M>
[[nodiscard]] Batch<typename M::Scalar> predict_columns(const M& model, const Batch<typename M::Scalar>& y, Index first,
                                                        Index count, NoiseLevel level) {
  using BackendType = typename M::BackendType;
  return BackendType::download(
      checked_denoise(model, BackendType::upload(Batch<typename M::Scalar>(y.middleCols(first, count))), level));
}

/// Throws InvalidArgument where `again`, the columns of `x0_hat` from `first` on, differs by more than `tolerance`
/// times the largest value of the column.
template <class Scalar, class... Parts>
void require_same_predictions(const Batch<Scalar>& x0_hat, const Batch<Scalar>& again, Index first, double tolerance,
                              NoiseLevel level, const Parts&... how) {
  for (Index column = 0; column < again.cols(); ++column) {
    Scalar largest(0);
    for (Index row = 0; row < again.rows(); ++row) largest = std::max(largest, std::abs(x0_hat(row, first + column)));
    for (Index row = 0; row < again.rows(); ++row) {
      const Scalar one = x0_hat(row, first + column);
      const Scalar other = again(row, column);
      const bool is_same = std::abs(one - other) <= static_cast<Scalar>(tolerance) * largest;
      if (is_same) continue;
      throw InvalidArgument(concat("check_denoiser: at sigma = ", level.sigma(), ", row ", row,
                                   " of the prediction for column ", first + column, " is ", one, " in a batch of ",
                                   x0_hat.cols(), " columns and ", other, how..., " (difference ",
                                   std::abs(static_cast<double>(one) - static_cast<double>(other)), ")"));
    }
  }
}

}  // namespace detail

/// Tries whether a model does what the concept Denoiser promises and no compiler can see, at every noisy level of
/// `levels` (those of a schedule: `schedule.levels()`), on 19 columns of normal numbers of the size of y:
///  - the prediction has the shape of y, else DimensionMismatch with both shapes;
///  - every value is finite, else NumericalError with row, column and value;
///  - a second call gives the same prediction, and so do batches of 1, 2 and 16 of the columns: the prediction for a
///    column depends on this column alone. Else InvalidArgument with row, column and both values.
/// The sampler's promise that sample i is bitwise the same in every batch rests on the last point. `tolerance` lets
/// pass differences of up to this part of a column's largest value: 0, the default, wants equal bits, and 1e-6 (float)
/// or 1e-14 (double) lets rounding pass, as of Eigen's products, which take other ways for few columns
/// (`LinearAlgebra<Cpu>::multiply` does not). Cost: three predictions of 19 columns a level.
template <Denoiser M>
void check_denoiser(const M& model, const NoiseLevels& levels, double tolerance = 0.0) {
  using Scalar = typename M::Scalar;
  detail::require(tolerance >= 0.0, "check_denoiser: tolerance = ", tolerance, ", expected at least 0");
  const Index d = model.dimension();
  detail::require(d >= 1, "check_denoiser: the model has dimension ", d, ", expected at least 1");
  const std::vector<Index> batches = {1, 2, 16};
  constexpr Index columns = 19;
  for (Index step = 0; step < levels.steps(); ++step) {
    const NoiseLevel level = levels[step];
    const Batch<Scalar> y =
        static_cast<Scalar>(level.scale()) * normal_batch<Scalar>(d, columns, Seed{}, streams::data);
    const Batch<Scalar> x0_hat = detail::predict_columns(model, y, 0, columns, level);
    for (Index column = 0; column < columns; ++column)
      for (Index row = 0; row < d; ++row)
        detail::require<NumericalError>(std::isfinite(x0_hat(row, column)),
                                        "check_denoiser: at sigma = ", level.sigma(), ", row ", row,
                                        " of the prediction for column ", column, " is ", x0_hat(row, column));
    detail::require_same_predictions(x0_hat, detail::predict_columns(model, y, 0, columns, level), 0, tolerance, level,
                                     " at a second call");
    Index first = 0;
    for (const Index count : batches) {
      detail::require_same_predictions(x0_hat, detail::predict_columns(model, y, first, count, level), first, tolerance,
                                       level, " in a batch of ", count,
                                       "; a prediction may depend on its own column alone");
      first += count;
    }
  }
}

}  // namespace diffarch
