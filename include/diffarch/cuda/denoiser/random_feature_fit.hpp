#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/cuda/algebra/power_features.hpp"
#include "diffarch/denoiser/polynomial/random_feature_fit.hpp"

namespace diffarch {

namespace cuda {

/// How the fits of some problems went, on the device until it is asked for.
class FitStatus {
 public:
  explicit FitStatus(Index count) : codes_(count, 2) {}

  /// 1 where features overflow, else 0.
  [[nodiscard]] int* overflow(Index problem) noexcept { return codes_.column(0) + problem; }
  /// Codes of the Cholesky factorisations.
  [[nodiscard]] int* info(Index problem) noexcept { return codes_.column(1) + problem; }

  /// (count, 2): overflow and info. Waits.
  [[nodiscard]] Matrix<int> download() const { return codes_.download(); }

 private:
  DeviceArray<int> codes_;
};

/// Returns the message for a fit of p features that failed, or an empty text when it did not fail.
template <class Averaging>
[[nodiscard]] std::string problem_of(int overflow, int info, Index p, int degree) {
  if (overflow != 0)
    return std::is_same_v<Averaging, ExactAverage> ? diffarch::detail::variance_overflows(degree)
                                                   : diffarch::detail::features_overflow;
  return info != 0 ? not_positive_definite(p, info) : "";
}

}  // namespace cuda

/// On the device, of one problem or of several side by side (see cuda::FeatureLayout), which share degree and ridge.
template <class Averaging>
struct RandomFeatureFit<Averaging, Cuda> {
  using Array = cuda::DeviceArray<double>;
  using Noise = cuda::FeatureNoise;
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;
  static constexpr bool is_exact = std::is_same_v<Averaging, ExactAverage>;

  int degree = 1;
  cuda::FeatureLayout layout;
  Array preactivation_scale;  ///< (p, count)
  Array feature_scale;        ///< (p, count)
  Array feature_mean;         ///< (p, count), scaled
  Array features;             ///< H (p, n count), scaled and centred, divided by n (Legacy: n - 1)
  Array factor;               ///< L (p, p count)

  /// Returns the covariance R R^T of directions R^T (d, p).
  template <class Scalar>
  [[nodiscard]] static Noise noise_of(const cuda::DeviceArray<Scalar>& directions) {
    return cuda::feature_noise(directions);
  }

  /// Returns the factor of R R^T, as the fit of the host does.
  [[nodiscard]] static Array noise_factor(const Noise& noise) {
    const Index p = noise.covariance.rows();
    Array gram = noise.covariance;
    const double largest =
        cuda::reduce<double>(p, cuda::detail::DiagonalAt<double>{noise.covariance.data(), p}, cuda::Maximum<double>{});
    cuda::for_each(
        p, p,
        cuda::detail::FinishCovariance<double>{gram.data(), nullptr, detail::gram_rounding(p, largest), {p, 0, 1}});
    return LinearAlgebra<Cuda>::cholesky(std::move(gram));
  }

  /// ExactAverage, one problem, as on the host. Waits once, at the end.
  [[nodiscard]] static RandomFeatureFit fit(int degree, const Averaging& averaging, const Array& a, const Noise& noise,
                                            double noise_variance) requires(is_exact) {
    cuda::FitStatus status(1);
    RandomFeatureFit result = fit_all({a.rows(), a.cols(), 1}, degree, averaging, a, noise, noise_variance, status, 0);
    result.require_success(status);
    return result;
  }

  /// SingleDraw and Legacy, one problem, as on the host. Waits once, at the end.
  [[nodiscard]] static RandomFeatureFit fit(int degree, const Averaging& averaging, Array noisy,
                                            double data_deviation) requires(!is_exact) {
    cuda::FitStatus status(1);
    const Index p = noisy.rows();
    const Index n = noisy.cols();
    const double scale = is_legacy ? diffarch::detail::legacy_scale(data_deviation) : 1.0;
    RandomFeatureFit result =
        fit_all({p, n, 1}, degree, averaging, std::move(noisy), cuda::filled(p, 1, scale), status, 0);
    result.require_success(status);
    return result;
  }

  /// All problems of a layout; how the first of them goes is left at place `first` of the status. Does not wait.
  [[nodiscard]] static RandomFeatureFit fit_all(const cuda::FeatureLayout& layout, int degree,
                                                const Averaging& averaging, const Array& a, const Noise& noise,
                                                double noise_variance, cuda::FitStatus& status,
                                                Index first) requires(is_exact) {
    auto moments = cuda::power_feature_moments(layout, a, noise, noise_variance, degree, status.overflow(first));
    factorise(layout, moments.covariance, nullptr, averaging.ridge, status.info(first));
    RandomFeatureFit result{degree,
                            layout,
                            std::move(moments.preactivation_scale),
                            std::move(moments.feature_scale),
                            std::move(moments.mean),
                            std::move(moments.sample_means),
                            std::move(moments.covariance)};
    result.scale_features(1.0 / static_cast<double>(layout.n));
    return result;
  }

  /// Overload for noisy preactivations. Features are multiplied with `unit_scale` (p, count) before they are checked.
  [[nodiscard]] static RandomFeatureFit fit_all(const cuda::FeatureLayout& layout, int degree,
                                                const Averaging& averaging, Array noisy, Array unit_scale,
                                                cuda::FitStatus& status, Index first) requires(!is_exact) {
    using namespace cuda::detail;
    const auto [p, n, count] = layout;
    const Index columns = layout.columns();
    const double divisor = static_cast<double>(n - (is_legacy ? 1 : 0));
    RandomFeatureFit result{degree,
                            layout,
                            cuda::filled(p, count, 1.0),
                            std::move(unit_scale),
                            cuda::filled(p, count, 0.0),
                            std::move(noisy),
                            Array(p, p * count)};
    double* const h = result.features.data();
    double* const mean = result.feature_mean.data();
    cuda::power_features_in_place(layout, degree, is_legacy, h, result.preactivation_scale.data(),
                                  result.feature_scale.data(), mean);
    Array unit(p, count);
    cuda::reduce_rows<double>(p * count, n, SampleValue<double>{h, layout},
                              StoreScaled<double>{mean, 1.0 / static_cast<double>(n)});
    cuda::for_each(p, columns, AddVector<double>{h, mean, -1.0, layout});
    cuda::reduce_rows<double>(p * count, n, SampleSquare<double>{h, layout},
                              StoreScaled<double>{unit.data(), 1.0 / divisor});
    cuda::reduce_columns<int>(p, count, IsEitherNotFinite<double>{unit.data(), mean, p},
                              cuda::StoreAt<int>{status.overflow(first)}, cuda::Maximum<int>{});
    cuda::for_each(p * count, 1, InverseRoot<double>{unit.data(), averaging.ridge, 0.0});
    cuda::for_each(p, columns, MultiplyVector<double>{h, unit.data(), 1.0 / std::sqrt(divisor), layout});
    cuda::add_products(layout, h, 0.0, result.factor.data());
    factorise(layout, result.factor, unit.data(), averaging.ridge, status.info(first));
    for (double* const vector : {result.feature_scale.data(), mean})
      cuda::for_each(p * count, 1, elementwise::ScaleRows<double>{vector, unit.data(), p * count});
    result.scale_features(1.0 / std::sqrt(divisor));
    return result;
  }

  /// h - E h of preactivations a = R y + b, (p, columns), in their place. Of one problem.
  [[nodiscard]] Array centred_features(Array a) const {
    cuda::power_features_in_place({layout.p, a.cols(), 1}, degree, is_legacy, a.data(), preactivation_scale.data(),
                                  feature_scale.data(), feature_mean.data());
    return a;
  }

  /// H^T (L L^T)^-1 h: the weights of the training samples, (n, columns), for centred features h. Of one problem.
  [[nodiscard]] Array weights(const Array& h) const {
    using Algebra = LinearAlgebra<Cuda>;
    return Algebra::multiply_transposed(features, Algebra::cholesky_solve(factor, h));
  }

  /// This fit of one problem in host memory.
  [[nodiscard]] RandomFeatureFit<Averaging, Cpu> on_host() const {
    return {degree,
            preactivation_scale.download(),
            feature_scale.download(),
            feature_mean.download(),
            features.download(),
            factor.download()};
  }

 private:
  /// Lower triangles of covariances to the factors of covariance + ridge (ridge times a squared weight).
  static void factorise(const cuda::FeatureLayout& layout, Array& covariance, const double* weight, double ridge,
                        int* info) {
    cuda::for_each(layout.p, layout.p * layout.count,
                   cuda::detail::FinishCovariance<double>{covariance.data(), weight, ridge, layout});
    cuda::factorise_all(layout.p, layout.count, covariance.data(), info);
  }

  void scale_features(double scale) {
    cuda::for_each(layout.p, layout.columns(),
                   elementwise::Scale<double>{features.data(), features.data(), scale, layout.p});
  }

  void require_success(const cuda::FitStatus& status) const {
    const Matrix<int> codes = status.download();
    const std::string problem = cuda::problem_of<Averaging>(codes(0, 0), codes(0, 1), layout.p, degree);
    detail::require<NumericalError>(problem.empty(), problem);
  }
};

}  // namespace diffarch
