#pragma once

#include <cmath>

#include "diffarch/analysis/jacobian.hpp"

namespace diffarch {

/// How far a denoiser is from the gradient of a potential: sqrt(sum |J - J^T|^2 / sum |J|^2), Frobenius norms of J =
/// dD/dy summed over the columns of y (d, n). 0: its score (D - y) / sigma^2 has a log density; 2: J is antisymmetric.
/// `directions` (d, k), orthonormal: J is taken in their span, as V^T J V; the identity for all of J.
/// By `jacobian_product(model, y, v, level)`: any model. Throws DimensionMismatch.
template <class Model>
[[nodiscard]] double curl_asymmetry(const Model& model, const Batch<typename Model::Scalar>& y,
                                    const Matrix<double>& directions, NoiseLevel level) {
  detail::require<DimensionMismatch>(y.rows() == directions.rows(), "curl_asymmetry: y is ", detail::shape_text(y),
                                     ", the directions are ", detail::shape_text(directions));
  double antisymmetric = 0.0;
  double total = 0.0;
  for (Index column = 0; column < y.cols(); ++column) {
    const Matrix<double> j = directions.transpose() * jacobian_product(model, y.col(column), directions, level);
    antisymmetric += (j - j.transpose()).squaredNorm();
    total += j.squaredNorm();
  }
  return total > 0.0 ? std::sqrt(antisymmetric / total) : 0.0;
}

}  // namespace diffarch
