#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/level_fits.hpp"
#include "diffarch/denoiser/random_feature_fit.hpp"

namespace diffarch {

/// Model of `Polynomial<Degree, RandomFeatures<Averaging>>`: the least-squares fit of x0 on random features,
///   D(y) = mean + Cov(x0, h) (Cov(h) + ridge)^-1 (h(y) - E h).
/// All predictions are mean + (centred data) w, and y enters through R y only: R (data) is computed once per fit, and
/// the sampler works in these coordinates (`SpanDenoiser`). Memory: the centred data, R, and 8 p (n + p) bytes for
/// every level kept. Solved in double.
template <class Averaging, class Scalar_>
class RandomFeatureDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;
  using Features = RandomFeatures<Averaging>;
  using Fit = RandomFeatureFit<Averaging>;
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;

  /// Draws the directions from features.seed. data (d, n). Throws InvalidArgument for degree < 1, width < 1, ridge
  /// <= 0, or a bias with Legacy.
  RandomFeatureDenoiser(int degree, const Features& features, const Batch<Scalar>& data)
      : RandomFeatureDenoiser(degree, features, data, draw_directions(features, data.rows())) {}

  /// The same with given directions: column j of `directions` (d, p) is r_j.
  RandomFeatureDenoiser(int degree, const Features& features, const Batch<Scalar>& data, Batch<Scalar> directions)
      : degree_(degree), features_(features), directions_(std::move(directions)) {
    using Algebra = LinearAlgebra<Cpu>;
    detail::require(degree >= 1, "RandomFeatures: degree = ", degree, ", expected at least 1");
    check(features);
    detail::require<DimensionMismatch>(directions_.rows() == data.rows() && directions_.cols() == features.width,
                                       "RandomFeatures: the directions are ", detail::shape_text(directions_),
                                       "; expected (", data.rows(), ", ", features.width, ")");
    const Vector<double> mean = data.template cast<double>().rowwise().mean();
    mean_ = mean.template cast<Scalar>();
    basis_ = data.colwise() - mean_;
    projected_basis_ = Algebra::multiply_transposed(directions_, basis_).template cast<double>();
    projected_mean_ = Algebra::multiply_transposed(directions_, mean_).template cast<double>();
    noise_covariance_ = Algebra::centred_gram(directions_, Vector<double>::Zero(data.rows()));
    if constexpr (!std::is_same_v<Averaging, ExactAverage>)
      noise_factor_ = detail::noise_factor(noise_covariance_).template cast<Scalar>();
    bias_ = Vector<double>::Zero(features.width);
    if (features.bias) bias_ = normal_batch<double>(features.width, 1, features.seed, streams::biases).col(0);
    if constexpr (is_legacy) {
      const double count = static_cast<double>(data.size());
      const double centre = data.template cast<double>().mean();
      data_deviation_ = std::sqrt((data.template cast<double>().array() - centre).square().sum() / (count - 1.0));
    }
  }

  [[nodiscard]] Index dimension() const noexcept { return mean_.size(); }
  [[nodiscard]] int degree() const noexcept { return degree_; }
  [[nodiscard]] const Features& features() const noexcept { return features_; }
  /// R^T: (d, p).
  [[nodiscard]] const Batch<Scalar>& directions() const noexcept { return directions_; }

  /// Fits a level in advance and keeps it, when features.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (features_.keep_levels) fits_.add(level, fit_at(level));
  }

  /// The fit of a level. Throws NumericalError, naming degree and sigma, when the features overflow or the ridge is too
  /// small to make their covariance positive definite.
  [[nodiscard]] Fit fit_at(NoiseLevel level) const {
    const NoiseLevel vp = level.variance_preserving();
    try {
      if constexpr (std::is_same_v<Averaging, ExactAverage>)
        return detail::fit_random_features(degree_, features_.averaging, preactivations_of_data(vp),
                                           vp.noise * vp.noise * noise_covariance_);
      else
        return fit_to_noise(level, draw_noise(level));
    } catch (const NumericalError& error) {
      throw NumericalError(detail::concat("Polynomial of degree ", degree_, " at sigma = ", level.sigma(), ", ridge ",
                                          features_.averaging.ridge, ": ", error.what()));
    }
  }

  /// SingleDraw and Legacy: the fit to given noise, R epsilon_i in column i of `noise` (p, n).
  [[nodiscard]] Fit fit_to_noise(NoiseLevel level, const Matrix<double>& noise) const
      requires(!std::is_same_v<Averaging, ExactAverage>) {
    const NoiseLevel vp = level.variance_preserving();
    Matrix<double> noisy = preactivations_of_data(vp);
    noisy += vp.noise * noise;
    return detail::fit_random_features(degree_, features_.averaging, std::move(noisy), data_deviation_);
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return materialise(coefficients(project(y), level));
  }

  /// R y: (p, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Matrix<double> project(const Batch<Scalar>& y) const {
    detail::require<DimensionMismatch>(y.rows() == dimension(), "denoise: y is ", detail::shape_text(y),
                                       " but the model has dimension ", dimension());
    return LinearAlgebra<Cpu>::multiply_transposed(directions_, y).template cast<double>();
  }

  /// The weights w (number of training samples, n) of x0_hat = mean + (centred data) w, from R y.
  [[nodiscard]] Matrix<double> coefficients(const Matrix<double>& projected, NoiseLevel level) const {
    return with_fit(level, [&](const Fit& fit) { return coefficients(projected, level, fit); });
  }
  /// The same with a fit made by fit_at or fit_to_noise.
  [[nodiscard]] Matrix<double> coefficients(const Matrix<double>& projected, NoiseLevel level, const Fit& fit) const {
    return fit.weights(fit.centred_features(preactivations(projected, level)));
  }

  /// R x0_hat = R mean + R (centred data) w.
  [[nodiscard]] Matrix<double> project_prediction(const Matrix<double>& w) const {
    return LinearAlgebra<Cpu>::multiply(projected_basis_, w).colwise() + projected_mean_;
  }

  /// x0_hat = mean + (centred data) w.
  [[nodiscard]] Batch<Scalar> materialise(const Matrix<double>& w) const {
    return LinearAlgebra<Cpu>::multiply(basis_, Batch<Scalar>(w.template cast<Scalar>())).colwise() + mean_;
  }

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k). Not for Legacy, which is no polynomial.
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<Scalar>& y, const Matrix<double>& v, NoiseLevel level) const
      requires(!is_legacy) {
    return with_fit(level, [&](const Fit& fit) {
      const Vector<double> a = preactivations(project(y), level).col(0).cwiseQuotient(fit.preactivation_scale);
      const Vector<double> slope = static_cast<double>(degree_) * integer_power(a.array(), degree_ - 1) *
                                   fit.feature_scale.array() / fit.preactivation_scale.array();
      const Matrix<double> derivative =
          slope.asDiagonal() * (directions_.template cast<double>().transpose() * v / level.scale());
      return Matrix<double>(basis_.template cast<double>() * fit.weights(derivative));
    });
  }

  /// The part of highest degree along unit directions theta (d, m): theta . D_degree(theta), in VP units. Negative for
  /// all directions (odd degree): no trajectory can run away.
  [[nodiscard]] Vector<double> leading_form(const Matrix<double>& theta, NoiseLevel level) const requires(!is_legacy) {
    return with_fit(level, [&](const Fit& fit) {
      Matrix<double> h = directions_.template cast<double>().transpose() * theta;
      for (Index column = 0; column < h.cols(); ++column)
        h.col(column) =
            fit.feature_scale.array() * integer_power(h.col(column).array() / fit.preactivation_scale.array(), degree_);
      return Vector<double>(
          (basis_.template cast<double>().transpose() * theta).cwiseProduct(fit.weights(h)).colwise().sum());
    });
  }

  /// Estimate of the condition number of the normal equations of a level, scaled to a unit diagonal, by `iterations` of
  /// the power method on the matrix and its inverse: from below, right to a few per cent.
  [[nodiscard]] double condition(NoiseLevel level, int iterations = 30) const {
    return with_fit(level, [&](const Fit& fit) {
      Vector<double> top = Vector<double>::Ones(fit.factor.rows()).normalized();
      Vector<double> bottom = normal_batch<double>(fit.factor.rows(), 1, Seed{1}).col(0).normalized();
      double largest = 0.0;
      double inverse_smallest = 0.0;
      const auto lower = fit.factor.template triangularView<Eigen::Lower>();
      for (int i = 0; i < iterations; ++i) {
        const Vector<double> root_product = lower.transpose() * top;
        top = lower * root_product;
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

  [[nodiscard]] static Batch<Scalar> draw_directions(const Features& features, Index d) {
    check(features);
    return normal_batch<Scalar>(d, features.width, features.seed, streams::directions) /
           static_cast<Scalar>(std::sqrt(static_cast<double>(d)));
  }

  /// R epsilon_i for every training sample: N(0, R R^T), without drawing epsilon. In the precision of the data.
  [[nodiscard]] Matrix<double> draw_noise(NoiseLevel level) const {
    const Batch<Scalar> normals = normal_batch<Scalar>(features_.width, basis_.cols(), features_.averaging.noise,
                                                       streams::fit_noise(level.sigma()));
    return LinearAlgebra<Cpu>::multiply(noise_factor_, normals).template cast<double>();
  }

  [[nodiscard]] Matrix<double> preactivations(const Matrix<double>& projected, NoiseLevel level) const {
    return (projected / level.scale()).colwise() + bias_;
  }

  /// R (signal x_i) + b, (p, n).
  [[nodiscard]] Matrix<double> preactivations_of_data(NoiseLevel vp) const {
    return (vp.signal * projected_basis_).colwise() + (vp.signal * projected_mean_ + bias_);
  }

  template <class Use>
  [[nodiscard]] auto with_fit(NoiseLevel level, const Use& use) const {
    return fits_.with(
        level, [this](NoiseLevel missing) { return fit_at(missing); }, use);
  }

  int degree_;
  Features features_;
  Batch<Scalar> directions_;
  Vector<Scalar> mean_;
  Batch<Scalar> basis_;
  Matrix<double> projected_basis_;
  Vector<double> projected_mean_;
  Matrix<double> noise_covariance_;
  Matrix<Scalar> noise_factor_;
  Vector<double> bias_;
  double data_deviation_ = 1.0;
  detail::LevelFits<Fit> fits_;
};

/// Data: a batch (d, n).
template <int Degree, class Averaging, class Scalar>
struct Fitter<Polynomial<Degree, RandomFeatures<Averaging>>, Cpu, Scalar> {
  using Model = RandomFeatureDenoiser<Averaging, Scalar>;

  [[nodiscard]] static Model fit(const Polynomial<Degree, RandomFeatures<Averaging>>& architecture,
                                 const Batch<Scalar>& data, const NoiseLevels& levels,
                                 const ProgressCallback& progress) {
    return detail::fit_levels(architecture.name(), levels, progress,
                              [&] { return Model(Degree, architecture.features, data); });
  }
};

}  // namespace diffarch
