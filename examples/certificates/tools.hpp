#pragma once

// What several certificates measure with. Oracles here are closed forms and quadrature of their own, not the library's.

#include <functional>
#include <string>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/noise_levels.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/io/gnuplot.hpp"
#include "diffarch/solver/moment_table.hpp"

namespace certificates {

using namespace diffarch;

[[nodiscard]] constexpr double real(Index value) noexcept { return static_cast<double>(value); }

/// Largest |a - b| over the largest |b|.
[[nodiscard]] double relative_difference(const Matrix<double>& a, const Matrix<double>& b);

/// Eigenvalues of a symmetric matrix, and singular values, decreasing.
[[nodiscard]] Vector<double> eigenvalues(const Matrix<double>& symmetric);
[[nodiscard]] Vector<double> singular_values(const Matrix<double>& matrix);

/// Points (d, m) with weights that sum to 1.
struct WeightedPoints {
  Batch<double> points;
  Vector<double> weights;
};

/// Gauss quadrature of N(0, 1) with m nodes: exact for polynomials of degree 2 m - 1 (Golub and Welsch 1969).
[[nodiscard]] WeightedPoints gauss_hermite(Index nodes);
/// Gauss quadrature of the empirical distribution of x (1, n), by the Lanczos process.
[[nodiscard]] WeightedPoints gauss_quadrature(const Batch<double>& x, Index nodes);
/// Points with all moments of a mixture up to `order`: quadrature in each component.
[[nodiscard]] WeightedPoints quadrature_of(const GaussianMixture<double>& mixture, int order);
/// Moments of a mixture up to `order`.
[[nodiscard]] MomentTable<double> moments_of(const GaussianMixture<double>& mixture, int order);

/// Mixture on the line: weights, means and standard deviations.
[[nodiscard]] GaussianMixture<double> mixture_on_line(const std::vector<double>& weights,
                                                      const std::vector<double>& means,
                                                      const std::vector<double>& deviations);

/// `count` numbers from `first` to `last`, equally spaced.
[[nodiscard]] Vector<double> equally_spaced(double first, double last, Index count);

[[nodiscard]] double normal_density(double z);
/// P(N(0, 1) <= z).
[[nodiscard]] double normal_distribution(double z);

/// Series of (x, y); values of y below `floor` are drawn there, for logarithmic axes.
[[nodiscard]] Series series_of(std::string label, const Vector<double>& x, const Vector<double>& y, SeriesStyle style,
                               double floor = -1e300);

/// Adds a predicted line in a colour of its own, and the measured points on it in black.
void add_prediction(Panel& panel, std::string label, const Vector<double>& x, const Vector<double>& predicted,
                    const Vector<double>& measured);

/// An observer that looks at nothing. It keeps DiffusionSampler from collapsing the
/// steps of a linear denoiser into one product, so that every step is really taken.
struct TakeEveryStep {
  template <class Step>
  void operator()(const Step& /*step*/) const {}
};

/// Samples of an affine denoiser are x = map x_T + offset: found by sending zero and the unit vectors through every
/// step of the sampler. From x_T ~ N(0, I) the samples are N(offset, map map^T), with no sampling error.
struct AffineSampler {
  Matrix<double> map;
  Vector<double> offset;
  [[nodiscard]] Matrix<double> covariance() const { return map * map.transpose(); }
};

template <class Sampler>
[[nodiscard]] AffineSampler affine_map_of(const Sampler& sampler) {
  const Index d = sampler.model().dimension();
  Batch<double> starts = Batch<double>::Zero(d, d + 1);
  starts.rightCols(d).setIdentity();
  const Batch<double> ends = sampler.sample_from(starts, TakeEveryStep{});
  return {ends.rightCols(d).colwise() - ends.col(0), ends.col(0)};
}

}  // namespace certificates
