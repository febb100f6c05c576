#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "diffarch/core/checked_denoise.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/solver/singular_values.hpp"

namespace diffarch {

namespace detail {

template <class Model>
inline constexpr bool has_jacobian = requires(const Model& model, const Batch<typename Model::Scalar>& y,
                                              NoiseLevel level) {
  model.jacobian(y, level);
};
template <class Model>
inline constexpr bool has_jacobian_rows = requires(const Model& model, const Batch<typename Model::Scalar>& y,
                                                   NoiseLevel level, const std::vector<Index>& rows) {
  model.jacobian_rows(y, level, rows);
};
template <class Model>
inline constexpr bool has_jacobian_product = requires(const Model& model, const Batch<typename Model::Scalar>& y,
                                                      NoiseLevel level, const Matrix<double>& v) {
  model.jacobian_product(y, v, level);
};

/// J = U diag(gains) U^T, with U = basis().
template <class Model>
inline constexpr bool has_spectral_jacobian = [] {
  if constexpr (SpectralDenoiser<Model>) return requires(const Model& model) {
      Model::BackendType::download(model.basis());
    };
  else
    return false;
}();

template <class Scalar>
void check_jacobian_point(const Batch<Scalar>& y, Index dimension) {
  require<DimensionMismatch>(y.rows() == dimension && y.cols() == 1, "jacobian: y is ", shape_text(y), ", expected (",
                             dimension, ", 1)");
  require(y.allFinite(), "jacobian: y holds a value that is not finite");
}

inline void check_jacobian_rows(const std::vector<Index>& rows, Index dimension) {
  for (const Index row : rows)
    require(row >= 0 && row < dimension, "jacobian: row ", row, " of a model of dimension ", dimension,
            "; expected 0 <= row < ", dimension);
}

template <class Scalar>
void check_jacobian(const Matrix<Scalar>& j, Index rows, Index columns, NoiseLevel level) {
  require_shape(j, rows, columns, "jacobian: what the model returns for sigma = ", level.sigma());
  require<NumericalError>(j.allFinite(), "jacobian: a derivative is not finite at sigma = ", level.sigma());
}

inline void check_directions(const Matrix<double>& v, Index dimension) {
  require<DimensionMismatch>(v.rows() == dimension, "jacobian: the directions are ", shape_text(v), ", expected (",
                             dimension, ", k)");
}

/// d; that of y (d, 1) for a model that has products with its Jacobian and no `dimension`.
template <class Model, class Y>
[[nodiscard]] Index dimension_at(const Model& model, const Y& y) {
  if constexpr (requires { model.dimension(); })
    return model.dimension();
  else
    return y.rows();
}

/// Returns the Jacobian of a model that has a member `jacobian`, checked for shape and finiteness.
template <class Model>
[[nodiscard]] Matrix<double> jacobian_of_model(const Model& model, const Batch<typename Model::Scalar>& y,
                                               NoiseLevel level) {
  Matrix<double> j = model.jacobian(y, level);
  check_jacobian(j, dimension_at(model, y), dimension_at(model, y), level);
  return j;
}

/// Wiener gains (K) of the model's modes.
template <class Model>
[[nodiscard]] Vector<double> spectral_gains(const Model& model, NoiseLevel level) {
  Vector<double> gains = model.eigenvalues();
  for (Index mode = 0; mode < gains.size(); ++mode) gains(mode) = wiener_gain(gains(mode), level);
  return gains;
}

/// U, (d, K), in double.
template <class Model>
[[nodiscard]] Matrix<double> spectral_basis(const Model& model) {
  return Model::BackendType::download(model.basis()).template cast<double>();
}

}  // namespace detail

/// The step of `jacobian_by_differences` that balances its two errors when D varies over distances of the noise, as a
/// posterior mean does: (epsilon s l^2)^(1/3), l the noise and s the larger of it and the root mean square of y;
/// without noise, l = s.
template <class Scalar>
[[nodiscard]] double difference_step(const Batch<Scalar>& y, NoiseLevel level) {
  const double rms = std::sqrt(y.template cast<double>().squaredNorm() / static_cast<double>(y.size()));
  const double size = std::max(rms, level.noise) > 0.0 ? std::max(rms, level.noise) : 1.0;
  const double length = level.is_clean() ? size : level.noise;
  return std::cbrt(static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * size * length * length);
}

/// J v by central differences, J = dD/dy at one y (d, 1): column k is (D(y + h v_k) - D(y - h v_k)) / (2 h) with h =
/// step / max |v_k|, for directions v (d, k). The differences are taken in double of values in the model's Scalar,
/// whose rounding epsilon decides: error h^2 |D'''| / 6 + epsilon |D| / h, with the step of `difference_step` about
/// epsilon^(2/3), 4e-11 in double and 2e-5 in float, times (|y| / noise)^(2/3) when y is much larger than the noise. At
/// a kink (ReLU, nearest sample) within h of y, the mean of both slopes. Cost: 2 k predictions.
/// Throws DimensionMismatch; InvalidArgument unless step > 0; NumericalError when a prediction is not finite.
template <Denoiser Model>
[[nodiscard]] Matrix<double> jacobian_product_by_differences(const Model& model, const Batch<typename Model::Scalar>& y,
                                                             const Matrix<double>& v, NoiseLevel level, double step) {
  using Scalar = typename Model::Scalar;
  using Real = detail::Dependent<double, Scalar>;
  using BackendType = typename Model::BackendType;
  const Index d = model.dimension();
  detail::check_jacobian_point(y, d);
  detail::check_directions(v, d);
  detail::require(step > 0.0 && std::isfinite(step), "jacobian: step = ", step, ", expected a finite step > 0");
  constexpr Index block = 64;
  Matrix<Real> product(d, v.cols());
  for (Index first = 0; first < v.cols(); first += block) {
    const Index count = std::min(block, v.cols() - first);
    Batch<Scalar> moved(d, 2 * count);
    Vector<Real> h(count);
    for (Index k = 0; k < count; ++k) {
      const double largest = v.col(first + k).cwiseAbs().maxCoeff();
      h(k) = largest > 0.0 ? step / largest : step;
      const Vector<Scalar> offset = (h(k) * v.col(first + k)).template cast<Scalar>();
      moved.col(k) = y.col(0) + offset;
      moved.col(count + k) = y.col(0) - offset;
    }
    const Batch<Scalar> x0_hat = BackendType::download(checked_denoise(model, BackendType::upload(moved), level));
    for (Index k = 0; k < count; ++k) {
      // The distance that rounding left of 2 h, along v.
      const Vector<Real> difference =
          moved.col(k).template cast<double>() - moved.col(count + k).template cast<double>();
      const double squared = v.col(first + k).squaredNorm();
      const double distance = squared > 0.0 ? difference.dot(v.col(first + k)) / squared : 2.0 * h(k);
      product.col(first + k) =
          (x0_hat.col(k).template cast<double>() - x0_hat.col(count + k).template cast<double>()) / distance;
    }
  }
  detail::check_jacobian(product, d, v.cols(), level);
  return product;
}

/// J v with J = dD/dy at one y (d, 1), for directions v (d, k), by the best means that the model has: its own
/// `jacobian_product` or `jacobian`, U diag(gains) U^T v of a SpectralDenoiser with `basis()`, else
/// `jacobian_product_by_differences`. J is the derivative by y in the coordinates of the level: in VE coordinates it is
/// 1 / sqrt(1 + sigma^2) times what it is in VP.
/// Throws DimensionMismatch; NumericalError when a derivative is not finite.
template <class Model>
[[nodiscard]] Matrix<double> jacobian_product(const Model& model, const Batch<typename Model::Scalar>& y,
                                              const Matrix<double>& v, NoiseLevel level) {
  const Index d = detail::dimension_at(model, y);
  detail::check_jacobian_point(y, d);
  detail::check_directions(v, d);
  using Real = detail::Dependent<double, Model>;
  Matrix<Real> product;
  if constexpr (detail::has_jacobian_product<Model>) {
    product = model.jacobian_product(y, v, level);
  } else if constexpr (detail::has_jacobian<Model>) {
    product = detail::jacobian_of_model(model, y, level) * v;
  } else if constexpr (detail::has_spectral_jacobian<Model>) {
    const Matrix<Real> basis = detail::spectral_basis(model);
    product = basis * (detail::spectral_gains(model, level).asDiagonal() * (basis.transpose() * v));
  } else {
    product = jacobian_product_by_differences(model, y, v, level, difference_step(y, level));
  }
  detail::check_jacobian(product, d, v.cols(), level);
  return product;
}

/// Some rows of J = dD/dy at one y (d, 1): (rows, d), the gradients of these elements of x0_hat. By the model's own
/// `jacobian_rows` (networks: a backward pass for every 16 rows) or `jacobian`, for a SpectralDenoiser in closed form,
/// else by `jacobian_product` with all unit vectors, in blocks: no more than the rows that are asked for is kept.
/// Throws like jacobian_product; InvalidArgument for a row outside [0, d).
template <Denoiser Model>
[[nodiscard]] Matrix<double> jacobian_rows(const Model& model, const Batch<typename Model::Scalar>& y, NoiseLevel level,
                                           const std::vector<Index>& rows) {
  const Index d = model.dimension();
  detail::check_jacobian_point(y, d);
  detail::check_jacobian_rows(rows, d);
  using Real = detail::Dependent<double, Model>;
  Matrix<Real> j(static_cast<Index>(rows.size()), d);
  if constexpr (detail::has_jacobian_rows<Model>) {
    j = model.jacobian_rows(y, level, rows);
  } else if constexpr (detail::has_jacobian<Model>) {
    j = detail::jacobian_of_model(model, y, level)(rows, Eigen::all);
  } else if constexpr (detail::has_spectral_jacobian<Model>) {
    const Matrix<Real> basis = detail::spectral_basis(model);
    j = basis(rows, Eigen::all) * (detail::spectral_gains(model, level).asDiagonal() * basis.transpose());
  } else {
    constexpr Index block = 256;
    for (Index first = 0; first < d; first += block) {
      const Index count = std::min(block, d - first);
      Matrix<Real> directions = Matrix<Real>::Zero(d, count);
      directions.middleRows(first, count).setIdentity();
      j.middleCols(first, count) = jacobian_product(model, y, directions, level)(rows, Eigen::all);
    }
  }
  detail::check_jacobian(j, static_cast<Index>(rows.size()), d, level);
  return j;
}

/// J = dD/dy at one y (d, 1): (d, d), all rows of `jacobian_rows`. Throws like it.
template <Denoiser Model>
[[nodiscard]] Matrix<double> jacobian(const Model& model, const Batch<typename Model::Scalar>& y, NoiseLevel level) {
  std::vector<Index> rows(static_cast<std::size_t>(model.dimension()));
  std::iota(rows.begin(), rows.end(), Index{0});
  return jacobian_rows(model, y, level, rows);
}

/// Rank of a Jacobian: the number of its singular values above `tolerance` times the largest; 0 for a zero matrix.
/// `tolerance` in (0, 1) has to lie above the relative error of the Jacobian: 1e-12 is safe for closed forms and
/// networks in double, 1e-5 for networks in float, 1e-8 (double) and 1e-3 (float) for differences. A singular value
/// below it counts as none, also one that is small for a reason, such as a Wiener gain lambda / sigma^2.
/// Throws InvalidArgument for another tolerance, NumericalError when an element is not finite.
template <class Scalar>
[[nodiscard]] Index jacobian_rank(const Matrix<Scalar>& jacobian, double tolerance) {
  detail::require(tolerance > 0.0 && tolerance < 1.0, "jacobian_rank: tolerance = ", tolerance,
                  ", expected 0 < tolerance < 1");
  detail::require<NumericalError>(jacobian.allFinite(), "jacobian_rank: an element of the Jacobian is not finite");
  if (jacobian.size() == 0) return 0;
  const Vector<detail::Dependent<double, Scalar>> values = singular_values(jacobian);
  return (values.array() > std::max(tolerance * values(0), std::numeric_limits<double>::min())).count();
}

/// Local intrinsic dimension of what a denoiser predicts: the rank of its Jacobian at every column of y (d, n), (n
/// ranks). Where the rank is k in a neighbourhood, its predictions lie on a manifold of dimension k (constant rank
/// theorem); samples, which are predictions of the last step, then do too. See jacobian_rank for `tolerance`.
template <Denoiser Model>
[[nodiscard]] std::vector<Index> jacobian_ranks(const Model& model, const Batch<typename Model::Scalar>& y,
                                                NoiseLevel level, double tolerance,
                                                const ProgressCallback& progress = {}) {
  ProgressReporter reporter(progress, "ranks of Jacobians", y.cols(), "samples");
  std::vector<Index> ranks;
  for (Index column = 0; column < y.cols(); ++column) {
    ranks.push_back(jacobian_rank(jacobian(model, Batch<typename Model::Scalar>(y.col(column)), level), tolerance));
    reporter.advance();
  }
  return ranks;
}

}  // namespace diffarch
