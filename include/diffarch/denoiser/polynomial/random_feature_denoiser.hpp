#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/polynomial/level_fits.hpp"
#include "diffarch/denoiser/polynomial/random_feature_fit.hpp"

namespace diffarch {

/// Model of `Polynomial<Degree, RandomFeatures<Averaging>>`: the least-squares fit of x0 on random features,
///   D(y) = mean + Cov(x0, h) (Cov(h) + ridge)^-1 (h(y) - E h).
/// All predictions are mean + (centred data) w, and y enters through R y only: R (data) is computed once per fit, and
/// the sampler works in these coordinates (`SpanDenoiser`). Memory, of the backend: the centred data, R, and
/// 8 p (n + p) bytes for every level kept. Solved in double.
template <class Averaging, class Scalar_, class BackendType_ = Cpu>
requires FitsRandomFeatures<BackendType_, Averaging>
class RandomFeatureDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = BackendType_;
  using Storage = typename BackendType::template Storage<Scalar>;
  /// R y, the weights of samples, preactivations: always in double.
  using Coordinates = typename BackendType::template Storage<double>;
  using Features = RandomFeatures<Averaging>;
  using Fit = RandomFeatureFit<Averaging, BackendType>;
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;
  static constexpr bool is_exact = std::is_same_v<Averaging, ExactAverage>;

  /// Draws the directions from features.seed. data (d, n). Throws InvalidArgument for degree < 1, width < 1, ridge
  /// <= 0, a bias with Legacy, or Legacy of a single sample.
  RandomFeatureDenoiser(int degree, const Features& features, const Batch<Scalar>& data)
      : RandomFeatureDenoiser(degree, features, data, draw_directions(features, data.rows())) {}

  /// Takes the directions from the caller: column j of `directions` (d, p) is r_j.
  RandomFeatureDenoiser(int degree, const Features& features, const Batch<Scalar>& data, Storage directions)
      : degree_(degree), features_(features), directions_(std::move(directions)) {
    detail::require(degree >= 1, "RandomFeatures: degree = ", degree, ", expected at least 1");
    check(features);
    detail::require<DimensionMismatch>(directions_.rows() == data.rows() && directions_.cols() == features.width,
                                       "RandomFeatures: the directions are ", detail::shape_text(directions_),
                                       "; expected (", data.rows(), ", ", features.width, ")");
    detail::check_samples<Averaging>(data.cols());
    centre(data);
    projected_basis_ = project_vectors(basis_);
    projected_mean_ = project_vectors(mean_);
    noise_ = Fit::noise_of(directions_);
    if constexpr (!is_exact) noise_factor_ = converted<Scalar, BackendType>(Fit::noise_factor(noise_));
    bias_ = detail::draw_biases<BackendType>(features.width, features.bias, features.seed);
  }

  [[nodiscard]] Index dimension() const noexcept { return mean_.rows(); }
  [[nodiscard]] int degree() const noexcept { return degree_; }
  [[nodiscard]] const Features& features() const noexcept { return features_; }
  /// R^T: (d, p).
  [[nodiscard]] const Storage& directions() const noexcept { return directions_; }

  /// Fits a level in advance and keeps it, when features.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (features_.keep_levels) fits_.add(level, fit_at(level));
  }

  /// The fit of a level. Throws NumericalError, naming degree and sigma, when the features overflow or the ridge is too
  /// small to make their covariance positive definite.
  [[nodiscard]] Fit fit_at(NoiseLevel level) const {
    const NoiseLevel vp = level.variance_preserving();
    try {
      if constexpr (is_exact)
        return Fit::fit(degree_, features_.averaging, preactivations_of_data(vp), noise_, vp.noise * vp.noise);
      else
        return fit_to_noise(level, draw_noise(level));
    } catch (const NumericalError& error) {
      throw NumericalError(detail::concat("Polynomial of degree ", degree_, " at sigma = ", level.sigma(), ", ridge ",
                                          features_.averaging.ridge, ": ", error.what()));
    }
  }

  /// SingleDraw and Legacy: the fit to given noise, R epsilon_i in column i of `noise` (p, n).
  [[nodiscard]] Fit fit_to_noise(NoiseLevel level, const Coordinates& noise) const requires(!is_exact) {
    const NoiseLevel vp = level.variance_preserving();
    Coordinates noisy = preactivations_of_data(vp);
    BackendType::for_each(noisy.rows(), noisy.cols(),
                          elementwise::AddScaled<double>{noisy.data(), noise.data(), vp.noise, noisy.rows()});
    return Fit::fit(degree_, features_.averaging, std::move(noisy), data_deviation_);
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return materialise(coefficients(project(y), level));
  }

  /// R y: (p, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Coordinates project(const Storage& y) const {
    detail::require_dimension(y, dimension());
    return project_vectors(y);
  }

  /// The weights w (number of training samples, n) of x0_hat = mean + (centred data) w, from R y.
  [[nodiscard]] Coordinates coefficients(const Coordinates& projected, NoiseLevel level) const {
    return with_fit(level, [&](const Fit& fit) { return coefficients(projected, level, fit); });
  }
  /// Overload for a fit that fit_at or fit_to_noise made.
  [[nodiscard]] Coordinates coefficients(const Coordinates& projected, NoiseLevel level, const Fit& fit) const {
    return fit.weights(fit.centred_features(preactivations(projected, level)));
  }

  /// R x0_hat = R mean + R (centred data) w.
  [[nodiscard]] Coordinates project_prediction(const Coordinates& w) const {
    return plus_vector(LinearAlgebra<BackendType>::multiply(projected_basis_, w), projected_mean_);
  }

  /// x0_hat = mean + (centred data) w.
  [[nodiscard]] Storage materialise(const Coordinates& w) const {
    return plus_vector(LinearAlgebra<BackendType>::multiply(basis_, converted<Scalar, BackendType>(w)), mean_);
  }

  /// ||mean|| + ||centred data|| ||w||, by Frobenius's norm.
  [[nodiscard]] Vector<double> largest_norms(const Coordinates& w) const {
    return mean_norm_ + basis_norm_ * BackendType::column_norms(w).array();
  }

  // The members below are for analysis. They work on the host, whatever the backend.

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k). Not for Legacy, which is no polynomial.
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<Scalar>& y, const Matrix<double>& v, NoiseLevel level) const
      requires(!is_legacy) {
    return with_fit(level, [&](const Fit& kept) {
      const auto& fit = kept.on_host();
      const Coordinates preactivation = preactivations(project(BackendType::upload(y)), level);
      const Vector<double> a = host_array<BackendType>(preactivation).col(0).cwiseQuotient(fit.preactivation_scale);
      const Vector<double> slope = static_cast<double>(degree_) * integer_power(a.array(), degree_ - 1) *
                                   fit.feature_scale.array() / fit.preactivation_scale.array();
      const Matrix<double> derivative = slope.asDiagonal() * (projections(v) / level.scale());
      return Matrix<double>(host_array<BackendType>(basis_).template cast<double>() * fit.weights(derivative));
    });
  }

  /// The part of highest degree along unit directions theta (d, m): theta . D_degree(theta), in the coordinates of the
  /// level: the limit of theta . D(r theta) / r^degree for large r. Negative for all directions (odd degree): no
  /// trajectory can run away.
  [[nodiscard]] Vector<double> leading_form(const Matrix<double>& theta, NoiseLevel level) const requires(!is_legacy) {
    return with_fit(level, [&](const Fit& kept) {
      const auto& fit = kept.on_host();
      Matrix<double> h = projections(theta) / level.scale();
      for (Index column = 0; column < h.cols(); ++column)
        h.col(column) =
            fit.feature_scale.array() * integer_power(h.col(column).array() / fit.preactivation_scale.array(), degree_);
      const auto& basis = host_array<BackendType>(basis_);
      return Vector<double>(
          (basis.template cast<double>().transpose() * theta).cwiseProduct(fit.weights(h)).colwise().sum());
    });
  }

  /// Estimate of the condition number of the normal equations of a level, scaled to a unit diagonal, by `iterations` of
  /// the power method on the matrix and its inverse: from below, right to a few per cent.
  [[nodiscard]] double condition(NoiseLevel level, int iterations = 30) const {
    return with_fit(level, [&](const Fit& kept) {
      const auto& fit = kept.on_host();
      Vector<double> top = Vector<double>::Ones(fit.factor.rows()).normalized();
      Vector<double> bottom = normal_batch<double>(fit.factor.rows(), 1, Seed{1}).col(0).normalized();
      double largest = 0.0;
      double inverse_smallest = 0.0;
      const auto lower = fit.factor.template triangularView<Eigen::Lower>();
      for (int i = 0; i < iterations; ++i) {
        const Vector<double> rotated = lower.transpose() * top;
        top = lower * rotated;
        largest = top.norm();
        top /= largest;
        lower.solveInPlace(bottom);
        lower.transpose().solveInPlace(bottom);
        inverse_smallest = bottom.norm();
        bottom /= inverse_smallest;
      }
      return largest * inverse_smallest;
    });
  }

 private:
  static void check(const Features& features) {
    detail::require(features.width >= 1, "RandomFeatures: width = ", features.width, ", expected at least 1");
    detail::check_averaging(features.averaging, features.bias);
  }

  [[nodiscard]] static Storage draw_directions(const Features& features, Index d) {
    check(features);
    return detail::draw_directions<BackendType, Scalar>(d, features.width, features.seed, streams::directions);
  }

  /// The mean of the data, the data less it, and the standard deviation of all their values.
  void centre(const Batch<Scalar>& data) {
    const Vector<double> mean = LinearAlgebra<Cpu>::mean(data);
    Vector<double> squares = Vector<double>::Zero(data.rows());
    Batch<Scalar> centred(data.rows(), data.cols());
    parallel_for_rows(centred, [&](Index first, auto rows) {
      const auto x = data.middleRows(first, rows.rows());
      const Vector<double> exact = mean.segment(first, rows.rows());
      const Vector<Scalar> rounded = exact.template cast<Scalar>();
      for (Index sample = 0; sample < x.cols(); ++sample) {
        squares.segment(first, rows.rows()) += (x.col(sample).template cast<double>() - exact).cwiseAbs2();
        rows.col(sample) = x.col(sample) - rounded;
      }
    });
    mean_norm_ = mean.norm();
    basis_norm_ = std::sqrt(squares.sum());
    data_deviation_ = detail::deviation_of_values(mean, squares, data.cols());
    mean_ = BackendType::upload(Batch<Scalar>(mean.template cast<Scalar>()));
    basis_ = BackendType::upload(std::move(centred));
  }

  /// R epsilon_i for every training sample: N(0, R R^T), without drawing epsilon. In the precision of the data.
  [[nodiscard]] Coordinates draw_noise(NoiseLevel level) const {
    const Storage normals = BackendType::template normal<Scalar>(
        features_.width, basis_.cols(), features_.averaging.noise, streams::fit_noise(level.sigma()), 0);
    return converted<double, BackendType>(LinearAlgebra<BackendType>::multiply_lower(noise_factor_, normals));
  }

  /// R y in double.
  [[nodiscard]] Coordinates project_vectors(const Storage& y) const {
    return converted<double, BackendType>(LinearAlgebra<BackendType>::multiply_transposed(directions_, y));
  }

  /// R v of vectors of the host, on the host.
  [[nodiscard]] Matrix<double> projections(const Matrix<double>& v) const {
    return host_array<BackendType>(directions_).template cast<double>().transpose() * v;
  }

  /// Every column of `array` plus `vector`, in its place.
  template <class Array>
  [[nodiscard]] static Array plus_vector(Array array, const Array& vector) {
    using Value = std::remove_cvref_t<decltype(*array.data())>;
    BackendType::for_each(array.rows(), array.cols(),
                          elementwise::AddScaledVector<Value>{array.data(), vector.data(), Value(1), array.rows()});
    return array;
  }

  /// scale * array + vector in every column.
  [[nodiscard]] static Coordinates scaled_plus_vector(const Coordinates& array, double scale,
                                                      const Coordinates& vector) {
    Coordinates result(array.rows(), array.cols());
    BackendType::for_each(
        array.rows(), array.cols(),
        elementwise::ScaleAddVector<double>{result.data(), array.data(), vector.data(), scale, array.rows()});
    return result;
  }

  /// R y / scale + b.
  [[nodiscard]] Coordinates preactivations(const Coordinates& projected, NoiseLevel level) const {
    return scaled_plus_vector(projected, 1.0 / level.scale(), bias_);
  }

  /// R (signal x_i) + b, (p, n).
  [[nodiscard]] Coordinates preactivations_of_data(NoiseLevel vp) const {
    return scaled_plus_vector(projected_basis_, vp.signal, scaled_plus_vector(projected_mean_, vp.signal, bias_));
  }

  template <class Use>
  [[nodiscard]] auto with_fit(NoiseLevel level, const Use& use) const {
    return fits_.with(
        level, [this](NoiseLevel missing) { return fit_at(missing); }, use);
  }

  int degree_;
  Features features_;
  Storage directions_;
  Storage mean_;
  Storage basis_;
  Coordinates projected_basis_;
  Coordinates projected_mean_;
  typename Fit::Noise noise_;
  Storage noise_factor_;
  Coordinates bias_;
  double mean_norm_ = 0.0;
  double basis_norm_ = 0.0;
  double data_deviation_ = 1.0;  // of Legacy
  detail::LevelFits<Fit> fits_;
};

/// Data: a batch (d, n).
template <int Degree, class Averaging, class BackendType, class Scalar>
requires FitsRandomFeatures<BackendType, Averaging>
struct Fitter<Polynomial<Degree, RandomFeatures<Averaging>>, BackendType, Scalar> {
  using Model = RandomFeatureDenoiser<Averaging, Scalar, BackendType>;

  [[nodiscard]] static Model fit(const Polynomial<Degree, RandomFeatures<Averaging>>& architecture,
                                 const Batch<Scalar>& data, const NoiseLevels& levels,
                                 const ProgressCallback& progress) {
    return detail::fit_levels(architecture.name(), levels, progress,
                              [&] { return Model(Degree, architecture.features, data); });
  }
};

}  // namespace diffarch
