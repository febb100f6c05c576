#pragma once

#include <cstdint>

#include "diffarch/cuda/algebra/factorisation.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/solver/power_features.hpp"

/// Random features of several least-squares problems at once (the windows of a local denoiser; one for a global one),
/// as they lie on the device, and the element functors on them.
namespace diffarch::cuda {

/// `count` problems of n samples and p features, side by side: values of samples are (p, n count), vectors (p, count),
/// matrices (p, p count).
struct FeatureLayout {
  Index p = 0;
  Index n = 0;
  Index count = 1;

  [[nodiscard]] constexpr Index columns() const { return n * count; }
  /// Returns the position in a vector of the entry that belongs to (row, column) of an array of samples.
  [[nodiscard]] constexpr Index entry(Index row, Index column) const {
    return column < n ? row : quotient(column, n) * p + row;
  }
  /// Returns the position in an array of samples of the i-th sample of entry `at` of a vector.
  [[nodiscard]] constexpr Index element(Index at, Index i) const {
    const Index problem = at < p ? 0 : quotient(at, p);
    return at + (problem * (n - 1) + i) * p;
  }
  /// Column of its own matrix that column `column` of all matrices is.
  [[nodiscard]] constexpr Index column_in_matrix(Index column) const {
    return column < p ? column : column - quotient(column, p) * p;
  }

  /// Division of 64 bits is a long routine on a GPU; arrays have fewer than 2^32 columns.
  [[nodiscard]] static constexpr Index quotient(Index a, Index b) {
    return static_cast<Index>(static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b));
  }
};

namespace detail {

/// a = scale * projected + bias + noise_scale * noise; noise (p, n), the same for every problem, may be missing.
template <class Real, class From>
struct Preactivation {
  Real* a;
  const From* projected;
  const Real* bias;
  const Real* noise;
  Real scale;
  Real noise_scale;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * layout.p + row;
    Real value = scale * static_cast<Real>(projected[i]) + bias[row];
    if (noise != nullptr) {
      const Index sample = column - FeatureLayout::quotient(column, layout.n) * layout.n;
      value += noise_scale * noise[sample * layout.p + row];
    }
    a[i] = value;
  }
};

/// h = feature_scale (a / preactivation_scale / largest)^degree - mean, in place; largest |a| of a sample for Legacy
/// only.
template <class Real>
struct PowerFeature {
  Real* a;
  const Real* inverse_largest;
  const Real* preactivation_scale;
  const Real* feature_scale;
  const Real* mean;
  int degree;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * layout.p + row;
    const Index at = layout.entry(row, column);
    const Real unit = inverse_largest == nullptr ? a[i] : a[i] * inverse_largest[column];
    a[i] = integer_power(unit / preactivation_scale[at], degree) * feature_scale[at] - mean[at];
  }
};

template <class Real>
struct AbsoluteAt {
  const Real* values;
  Index rows;
  constexpr Real operator()(Index row, Index column) const {
    const Real value = values[column * rows + row];
    return value < Real(0) ? -value : value;
  }
};

template <class Real>
struct StoreInverse {
  Real* values;
  constexpr void operator()(Index i, Real value) const { values[i] = Real(1) / value; }
};

/// Samples of an entry, for sums over them.
template <class Real>
struct SampleValue {
  const Real* values;
  FeatureLayout layout;
  constexpr Real operator()(Index at, Index i) const { return values[layout.element(at, i)]; }
};
template <class Real>
struct SampleSquare {
  const Real* values;
  FeatureLayout layout;
  constexpr Real operator()(Index at, Index i) const {
    const Real value = values[layout.element(at, i)];
    return value * value;
  }
};

template <class Real>
struct StoreScaled {
  Real* values;
  Real scale;
  constexpr void operator()(Index i, Real value) const { values[i] = scale * value; }
};
template <class Real>
struct AddAt {
  Real* values;
  constexpr void operator()(Index i, Real value) const { values[i] += value; }
};

/// values += scale * vector, the entries of each sample's problem.
template <class Real>
struct AddVector {
  Real* values;
  const Real* vector;
  Real scale;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    values[column * layout.p + row] += scale * vector[layout.entry(row, column)];
  }
};
/// values = scale * diag(vector) values.
template <class Real>
struct MultiplyVector {
  Real* values;
  const Real* vector;
  Real scale;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    values[column * layout.p + row] *= scale * vector[layout.entry(row, column)];
  }
};

/// vector = 1 / sqrt(vector + shift), with at least `least` below the root.
template <class Real>
struct InverseRoot {
  Real* vector;
  Real shift;
  Real least;
  constexpr void operator()(Index i, Index /*column*/) const {
    const Real value = vector[i] + shift;
    vector[i] = Real(1) / std::sqrt(value < least ? least : value);
  }
};

/// 1 where an entry of one of two vectors (p, count) is not finite, else 0.
template <class Real>
struct IsEitherNotFinite {
  const Real* first;
  const Real* second;
  Index p;
  constexpr int operator()(Index row, Index problem) const {
    const Real a = first[problem * p + row];
    const Real b = second[problem * p + row];
    return a - a == Real(0) && b - b == Real(0) ? 0 : 1;
  }
};

/// Diagonals of all matrices += ridge * weight^2 (weight 1 where there is none); upper triangles become zero.
template <class Real>
struct FinishCovariance {
  Real* m;
  const Real* weight;
  Real ridge;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index j = layout.column_in_matrix(column);
    Real& value = m[column * layout.p + row];
    if (row < j) value = Real(0);
    if (row == j) value += weight == nullptr ? ridge : ridge * (weight[column] * weight[column]);
  }
};

template <class Real>
struct DiagonalAt {
  const Real* m;
  Index p;
  constexpr Real operator()(Index i) const { return m[i * p + i]; }
};

template <class Value>
struct Addresses {
  Value** addresses;
  Value* first;
  Index stride;
  constexpr void operator()(Index i, Index /*column*/) const { addresses[i] = first + i * stride; }
};

/// Factorisations and solutions of matrices larger than this are not batched: one fills the device.
inline constexpr Index largest_in_batch = 256;

template <class Value>
[[nodiscard]] DeviceArray<Value*> addresses(Value* first, Index stride, Index count) {
  DeviceArray<Value*> result(count, 1);
  for_each(count, 1, Addresses<Value>{result.data(), first, stride});
  return result;
}

}  // namespace detail

/// A (rows, cols) array of one value.
[[nodiscard]] inline DeviceArray<double> filled(Index rows, Index cols, double value) {
  DeviceArray<double> result(rows, cols);
  for_each(result.size(), 1, Fill<double>{result.data(), value});
  return result;
}

/// covariance = beta * covariance + H H^T of every problem, H (p, n) at `samples`; lower triangles.
inline void add_products(const FeatureLayout& layout, const double* samples, double beta, double* covariance) {
  const auto [p, n, count] = layout;
  if (count == 1)
    syrk(false, p, n, 1.0, samples, p, beta, covariance, p);
  else
    gemm_batch(false, true, p, p, n, 1.0, samples, p, p * n, samples, p, p * n, beta, covariance, p, p * p, count);
}

/// Cholesky factors of all matrices (p, p count) in their place; info (count) on the device. Does not wait.
inline void factorise_all(Index p, Index count, double* matrices, int* info) {
  if (count == 1 || p > detail::largest_in_batch) {
    for (Index i = 0; i < count; ++i) cholesky_in_place(p, matrices + i * p * p, p, info + i);
    return;
  }
  auto at = detail::addresses(matrices, p * p, count);
  cholesky_batch(p, at.data(), p, info, count);
}

/// x = (L L^T)^-1 x for every problem: factors L (p, p count), x (p, columns count). Does not wait.
inline void solve_all(Index p, Index count, const double* factors, Index columns, double* x) {
  if (count == 1 || p > detail::largest_in_batch) {
    for (Index i = 0; i < count; ++i)
      for (const bool transpose : {false, true})
        solve_lower(transpose, p, columns, factors + i * p * p, p, x + i * p * columns, p);
    return;
  }
  const auto l = detail::addresses(factors, p * p, count);
  const auto b = detail::addresses(x, p * columns, count);
  for (const bool transpose : {false, true}) solve_lower_batch(transpose, p, columns, l.data(), p, b.data(), p, count);
}

/// The features h - E h of preactivations, in their place; vectors (p, count) of the fits. With `divide_by_largest`
/// (Legacy) a sample's preactivations are divided by the largest of them.
inline void power_features_in_place(const FeatureLayout& layout, int degree, bool divide_by_largest, double* a,
                                    const double* preactivation_scale, const double* feature_scale,
                                    const double* feature_mean) {
  DeviceArray<double> inverse_largest(1, divide_by_largest ? layout.columns() : 0);
  if (divide_by_largest)
    reduce_columns<double>(layout.p, layout.columns(), detail::AbsoluteAt<double>{a, layout.p},
                           detail::StoreInverse<double>{inverse_largest.data()}, Maximum<double>{});
  for_each(layout.p, layout.columns(),
           detail::PowerFeature<double>{a, inverse_largest.data(), preactivation_scale, feature_scale, feature_mean,
                                        degree, layout});
}

}  // namespace diffarch::cuda
