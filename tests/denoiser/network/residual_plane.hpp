#pragma once

// A network of points of the plane to whose output a multiple of y is added, unlike a bottleneck's, and Gaussian data
// of which the best denoisers are known.

#include <vector>

#include "diffarch/denoiser/network/network_training.hpp"
#include "diffarch/nn/mlp.hpp"
#include "support.hpp"

namespace diffarch::test {

/// d -> 64 -> 16 -> 64 -> d (nn::TwoDMlp).
struct ResidualPlane {
  TrainingOptions training = {};
  [[nodiscard]] std::string name() const { return "ResidualPlane"; }
};

/// The same, but its networks are told no noise level.
struct BlindPlane {
  TrainingOptions training = {};
  [[nodiscard]] std::string name() const { return "BlindPlane"; }
};

/// Samples (2, n) of a Gaussian of mean 0 whose variances along the axes are, for this sample, exactly these.
[[nodiscard]] inline Matrix<double> plane_gaussian(const Vector<double>& variances, Index n, unsigned seed) {
  Matrix<double> x = random_matrix(2, n, seed);
  x.colwise() -= Vector<double>(x.rowwise().mean());
  for (Index i = 0; i < 2; ++i) x.row(i) *= std::sqrt(variances(i) * real(n)) / x.row(i).norm();
  return x;
}

/// Mean squared error of x0_hat per value at a level, for these x0 and noise of a generator of its own.
template <class Denoise>
[[nodiscard]] double error_at(const Matrix<double>& x0, NoiseLevel level, const Denoise& denoise) {
  const Matrix<double> y = level.signal * x0 + level.noise * random_matrix(x0.rows(), x0.cols(), 99);
  return (denoise(y, level) - x0).squaredNorm() / real(x0.size());
}

/// The Wiener denoiser of a Gaussian.
[[nodiscard]] inline Matrix<double> wiener(const Vector<double>& variances, const Matrix<double>& y, NoiseLevel level) {
  const Vector<double> noisy = level.signal * level.signal * variances.array() + level.noise * level.noise;
  return Vector<double>(level.signal * variances.array() / noisy.array()).asDiagonal() * y;
}

/// The best denoiser of a Gaussian that sees y times `input` of its level, but not the level: E[target | input] over
/// all levels, each weighted by how likely it makes this input.
[[nodiscard]] inline Matrix<double> blind_wiener(const Vector<double>& variances, const NoiseLevels& levels,
                                                 const nn::Preconditioning& joint, const Matrix<double>& y,
                                                 NoiseLevel level) {
  const auto [input, skip, output] = joint.factors(level);
  Matrix<double> x0_hat(y.rows(), y.cols());
  for (Index j = 0; j < y.cols(); ++j) {
    const Vector<double> u = input * y.col(j);
    Vector<double> mean = Vector<double>::Zero(2);
    double total = 0.0;
    for (Index l = 0; l < levels.steps(); ++l) {
      const nn::Preconditioning::Sums s = joint.sums(levels[l]);
      double density = 1.0;
      Vector<double> expected(2);
      for (Index i = 0; i < 2; ++i) {
        const double variance = s.input_signal * s.input_signal * variances(i) + s.input_noise * s.input_noise;
        density *= std::exp(-0.5 * u(i) * u(i) / variance) / std::sqrt(variance);
        expected(i) =
            (s.target_signal * s.input_signal * variances(i) + s.target_noise * s.input_noise) / variance * u(i);
      }
      mean += density * expected;
      total += density;
    }
    x0_hat.col(j) = skip * y.col(j) + output / total * mean;
  }
  return x0_hat;
}

}  // namespace diffarch::test

namespace diffarch {

template <nn::NetworkBackend B, class Scalar>
struct Fitter<test::ResidualPlane, B, Scalar> {
  using Kernels = typename nn::KernelsOf<B>::type;
  using Body = nn::TwoDMlp<Scalar, Kernels>;
  using Model = NetworkDenoiser<Body>;

  [[nodiscard]] static ImageShape input_shape(const test::ResidualPlane& /*architecture*/, Index d) {
    return {1, 1, d};
  }
  [[nodiscard]] static Body make_body(const test::ResidualPlane& architecture, const ImageShape& shape) {
    return Body(16, shape.size(), 64, 1, are_conditioned(architecture.training));
  }
  [[nodiscard]] static Model fit(const test::ResidualPlane& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return detail::train_model<B>(architecture, data, levels, progress);
  }
};

template <nn::NetworkBackend B, class Scalar>
struct Fitter<test::BlindPlane, B, Scalar> {
  using Body = nn::TwoDMlp<Scalar, typename nn::KernelsOf<B>::type>;
  using Model = NetworkDenoiser<Body>;

  [[nodiscard]] static ImageShape input_shape(const test::BlindPlane& /*architecture*/, Index d) { return {1, 1, d}; }
  [[nodiscard]] static Body make_body(const test::BlindPlane& /*architecture*/, const ImageShape& shape) {
    return Body(16, shape.size());
  }
  [[nodiscard]] static Model fit(const test::BlindPlane& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return detail::train_model<B>(architecture, data, levels, progress);
  }
};

}  // namespace diffarch
