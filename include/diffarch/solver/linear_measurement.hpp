#pragma once

#include <cmath>
#include <concepts>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// What is known of one clean sample x (d): k numbers m = A x + N(0, deviation^2 I), A any matrix: a blur, a
/// projection, means of pixels.
struct LinearMeasurement {
  Matrix<double> matrix;   ///< A, (k, d)
  Vector<double> values;   ///< m, (k)
  double deviation = 0.0;  ///< standard deviation of the noise of each number, >= 0; 0: they are exact

  /// A x, (k, n), of samples x (d, n).
  template <class Scalar>
  [[nodiscard]] Matrix<double> of(const Batch<Scalar>& x) const {
    return matrix * x.template cast<double>();
  }
  [[nodiscard]] Index size() const noexcept { return matrix.rows(); }
  /// Throws DimensionMismatch unless samples of this dimension can be measured.
  void check_dimension(Index dimension) const {
    detail::require<DimensionMismatch>(matrix.cols() == dimension, "measurement: the matrix is ",
                                       detail::shape_text(matrix), " but samples have dimension ", dimension);
  }
};

/// The same where A is rows of the identity: some elements of x are known, the pixels that an image to be filled in
/// has.
struct ElementMeasurement {
  std::vector<Index> elements;  ///< k of 0 ... d - 1, each once where the numbers are exact
  Vector<double> values;        ///< m, (k)
  double deviation = 0.0;       ///< as in `LinearMeasurement`

  /// A x, (k, n), of samples x (d, n).
  template <class Scalar>
  [[nodiscard]] Matrix<double> of(const Batch<Scalar>& x) const {
    return x(elements, Eigen::all).template cast<double>();
  }
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(elements.size()); }
  /// Throws DimensionMismatch for an element that samples of this dimension do not have.
  void check_dimension(Index dimension) const {
    for (const Index element : elements)
      detail::require<DimensionMismatch>(element >= 0 && element < dimension, "measurement: element ", element,
                                         " of samples of dimension ", dimension);
  }
};

/// A linear measurement of clean samples: `LinearMeasurement`, `ElementMeasurement`, or a type of yours with their
/// members, for an A that is best applied by a function.
template <class M>
concept Measurement = requires(const M& measurement, const Batch<double>& x, const Batch<float>& in_float) {
  { measurement.of(x) } -> std::convertible_to<Matrix<double>>;
  { measurement.of(in_float) } -> std::convertible_to<Matrix<double>>;
  { measurement.values } -> std::convertible_to<Vector<double>>;
  { measurement.deviation } -> std::convertible_to<double>;
  { measurement.size() } -> std::convertible_to<Index>;
  measurement.check_dimension(Index{});
};

namespace detail {

/// Throws DimensionMismatch or InvalidArgument unless samples of this dimension can be conditioned on the measurement.
template <Measurement M>
void check_measurement(const M& measurement, Index dimension) {
  measurement.check_dimension(dimension);
  const Vector<Dependent<double, M>>& values = measurement.values;
  require(measurement.size() >= 1, "measurement: no numbers; expected at least one");
  require<DimensionMismatch>(values.size() == measurement.size(), "measurement: ", values.size(), " values for ",
                             measurement.size(), " rows of A");
  require(values.allFinite(), "measurement: a value is not finite");
  if constexpr (requires { measurement.matrix; }) {
    const Matrix<Dependent<double, M>>& matrix = measurement.matrix;
    require(matrix.allFinite(), "measurement: an element of A is not finite");
  }
  require(measurement.deviation >= 0.0 && std::isfinite(measurement.deviation),
          "measurement: deviation = ", measurement.deviation, ", expected a finite number >= 0");
}

}  // namespace detail
}  // namespace diffarch
