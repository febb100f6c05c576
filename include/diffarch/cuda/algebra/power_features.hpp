#pragma once

#include <limits>
#include <utility>

#include "diffarch/cuda/algebra/feature_arrays.hpp"
#include "diffarch/cuda/algebra/linear_algebra.hpp"

namespace diffarch::cuda {

/// Noise of the preactivations of random features, as all levels share it.
struct FeatureNoise {
  DeviceArray<double> covariance;         ///< R R^T (p, p), at unit noise
  DeviceArray<double> inverse_deviation;  ///< (p), 0 where there is no noise
  double largest_correlation = 0.0;       ///< of two features
};

namespace detail {

template <class Real>
struct InverseDeviation {
  Real* inverse;
  const Real* covariance;
  Index p;
  constexpr void operator()(Index i, Index /*column*/) const {
    const Real variance = covariance[i * p + i];
    inverse[i] = variance > Real(0) ? Real(1) / std::sqrt(variance) : Real(0);
  }
};

/// |correlation| below the diagonal, 0 elsewhere.
template <class Real>
struct AbsoluteCorrelation {
  const Real* covariance;
  const Real* inverse_deviation;
  Index p;
  constexpr Real operator()(Index i) const {
    const Index row = i % p;
    const Index column = i / p;
    if (row <= column) return Real(0);
    const Real value = covariance[i] * inverse_deviation[row] * inverse_deviation[column];
    return value < Real(0) ? -value : value;
  }
};

/// From sums of squares over samples: root mean squares with the noise, and the noise's share of them.
template <class Real>
struct StorePreactivationScale {
  Real* scale;
  Real* relative_variance;
  const Real* covariance;
  Real noise_variance;
  Real n;
  Real least;
  Index p;
  constexpr void operator()(Index at, Real sum) const {
    const Index row = at < p ? at : at - FeatureLayout::quotient(at, p) * p;
    const Real variance = noise_variance * covariance[row * p + row];
    const Real root = std::sqrt(sum / n + variance);
    const Real larger = root < least ? least : root;
    scale[at] = larger;
    relative_variance[at] = variance / larger / larger;
  }
};

/// M_q = a M_{q-1} + (q - 1) s^2 M_{q-2} in the place of M_{q-2}, and its term of the expansion.
template <class Real>
struct HermiteTerm {
  Real* next;
  Real* term;
  const Real* current;
  const Real* a;
  const Real* scale;
  const Real* relative_variance;
  Real factor;
  int q;
  int m;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * layout.p + row;
    const Index at = layout.entry(row, column);
    const Real variance = relative_variance[at];
    Real value(1);
    if (q > 0) value = a[i] / scale[at] * current[i];
    if (q > 1) value += static_cast<Real>(q - 1) * variance * next[i];
    next[i] = value;
    term[i] = factor * integer_power(std::sqrt(variance), m) * value;
  }
};

/// Horner's rule: lower triangles of all covariances times the correlation of the noise.
template <class Real>
struct TimesCorrelation {
  Real* m;
  const Real* covariance;
  const Real* inverse_deviation;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index j = layout.column_in_matrix(column);
    if (row >= j)
      m[column * layout.p + row] *= covariance[j * layout.p + row] * inverse_deviation[row] * inverse_deviation[j];
  }
};

/// Lower triangles to unit diagonals.
template <class Real>
struct ScaleCovariance {
  Real* m;
  const Real* feature_scale;
  const Real* diagonal;
  FeatureLayout layout;
  constexpr void operator()(Index row, Index column) const {
    const Index j = layout.column_in_matrix(column);
    if (row < j) return;
    const Real own = feature_scale[column];
    const Real other = feature_scale[column - j + row];
    Real& value = m[column * layout.p + row];
    value = row == j ? diagonal[column] * own * own : value * (other * own);
  }
};

}  // namespace detail

/// Returns the noise of features with the directions R^T (d, p). Waits once.
template <class Scalar>
[[nodiscard]] FeatureNoise feature_noise(const DeviceArray<Scalar>& directions) {
  FeatureNoise noise{LinearAlgebra<Cuda>::gram(directions), DeviceArray<double>(directions.cols(), 1)};
  const Index p = directions.cols();
  for_each(p, 1, detail::InverseDeviation<double>{noise.inverse_deviation.data(), noise.covariance.data(), p});
  noise.largest_correlation = reduce<double>(
      p * p,
      detail::AbsoluteCorrelation<double>{std::as_const(noise.covariance).data(), noise.inverse_deviation.data(), p},
      Maximum<double>{});
  return noise;
}

/// `PowerFeatureMoments` of several problems that share the noise, on the device; upper triangles of the covariances
/// hold nothing of use.
struct DevicePowerMoments {
  DeviceArray<double> preactivation_scale;  ///< (p, count)
  DeviceArray<double> feature_scale;        ///< (p, count)
  DeviceArray<double> mean;                 ///< (p, count)
  DeviceArray<double> sample_means;         ///< (p, n count)
  DeviceArray<double> covariance;           ///< (p, p count)
};

/// `power_feature_moments` of `layout.count` problems, a (p, n count), noise of `noise_variance` times the covariance.
/// Does not wait: overflow (count) on the device becomes 1 where a feature's variance overflows, else 0.
[[nodiscard]] inline DevicePowerMoments power_feature_moments(const FeatureLayout& layout, const DeviceArray<double>& a,
                                                              const FeatureNoise& noise, double noise_variance,
                                                              int degree, int* overflow) {
  const auto [p, n, count] = layout;
  constexpr double least = std::numeric_limits<double>::min();
  const auto sample_count = static_cast<double>(n);
  const double root_count = std::sqrt(sample_count);
  DevicePowerMoments moments{DeviceArray<double>(p, count), DeviceArray<double>(p, count),
                             DeviceArray<double>(p, count), DeviceArray<double>(p, layout.columns()),
                             DeviceArray<double>(p, p * count)};
  DeviceArray<double> relative_variance(p, count);
  reduce_rows<double>(
      p * count, n, detail::SampleSquare<double>{a.data(), layout},
      detail::StorePreactivationScale<double>{moments.preactivation_scale.data(), relative_variance.data(),
                                              noise.covariance.data(), noise_variance, sample_count, least, p});

  DeviceArray<double> current(p, layout.columns());
  DeviceArray<double> previous(p, layout.columns());
  double* const term = moments.sample_means.data();
  DeviceArray<double>& diagonal = moments.feature_scale;
  diagonal.set_zero();
  bool is_begun = false;
  for (int q = 0; q <= degree; ++q) {
    const int m = degree - q;
    const double factor = diffarch::detail::power_term_factor<double>(degree, m) / root_count;
    for_each(
        p, layout.columns(),
        detail::HermiteTerm<double>{previous.data(), term, current.data(), a.data(), moments.preactivation_scale.data(),
                                    relative_variance.data(), factor, q, m, layout});
    std::swap(current, previous);
    if (m == 0) {
      reduce_rows<double>(p * count, n, detail::SampleValue<double>{current.data(), layout},
                          detail::StoreScaled<double>{moments.mean.data(), 1.0 / sample_count});
      for_each(p, layout.columns(), detail::AddVector<double>{term, moments.mean.data(), -1.0 / root_count, layout});
    }
    reduce_rows<double>(p * count, n, detail::SampleSquare<double>{term, layout},
                        detail::AddAt<double>{diagonal.data()});
    if (diffarch::detail::power_term_is_negligible(noise.largest_correlation, m)) continue;
    if (is_begun)
      for_each(p, p * count,
               detail::TimesCorrelation<double>{moments.covariance.data(), noise.covariance.data(),
                                                noise.inverse_deviation.data(), layout});
    add_products(layout, term, is_begun ? 1.0 : 0.0, moments.covariance.data());
    is_begun = true;
  }
  reduce_columns<int>(p, count, detail::IsEitherNotFinite<double>{diagonal.data(), moments.mean.data(), p},
                      StoreAt<int>{overflow}, Maximum<int>{});
  const DeviceArray<double> variance = diagonal;
  for_each(p * count, 1, detail::InverseRoot<double>{moments.feature_scale.data(), 0.0, least});
  for_each(p * count, 1, elementwise::ScaleRows<double>{moments.mean.data(), moments.feature_scale.data(), p * count});
  for_each(p, layout.columns(), detail::MultiplyVector<double>{term, moments.feature_scale.data(), root_count, layout});
  for_each(p, p * count,
           detail::ScaleCovariance<double>{moments.covariance.data(), moments.feature_scale.data(), variance.data(),
                                           layout});
  return moments;
}

}  // namespace diffarch::cuda
