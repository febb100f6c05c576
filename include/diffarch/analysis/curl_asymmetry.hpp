#pragma once

#include <cmath>

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

namespace detail {

template <class Model>
[[nodiscard]] double curl_asymmetry(const Model& model, const Batch<typename Model::Scalar>& y,
                                    const Matrix<double>& directions, NoiseLevel level,
                                    const ProgressCallback& callback) {
  require<DimensionMismatch>(y.rows() == directions.rows(), "curl_asymmetry: y is ", shape_text(y),
                             ", the directions are ", shape_text(directions));
  double antisymmetric = 0.0;
  double total = 0.0;
  ProgressReporter progress(callback, "curl", y.cols(), "samples");
  for (Index column = 0; column < y.cols(); ++column) {
    const Matrix<double> j = directions.transpose() * jacobian_product(model, y.col(column), directions, level);
    antisymmetric += (j - j.transpose()).squaredNorm();
    total += j.squaredNorm();
    progress.advance();
  }
  return total > 0.0 ? std::sqrt(antisymmetric / total) : 0.0;
}

}  // namespace detail

/// How far a denoiser is from the gradient of a potential: sqrt(sum |J - J^T|^2 / sum |J|^2), Frobenius norms of J =
/// dD/dy summed over the columns of y (d, n). 0: at this level its score (D - y) / sigma^2 is the gradient of a
/// potential; 2: J is antisymmetric. `directions` (d, k), orthonormal: J is taken in their span, as V^T J V; the
/// identity for all of J. By `jacobian_product(model, y, v, level)`: any model. Throws DimensionMismatch.
template <class Model, SamplesOf<typename Model::Scalar> Y>
[[nodiscard]] double curl_asymmetry(const Model& model, const Y& y, const Matrix<double>& directions, NoiseLevel level,
                                    const ProgressCallback& progress = {}) {
  return detail::curl_asymmetry(model, as_batch(y), directions, level, progress);
}

}  // namespace diffarch
