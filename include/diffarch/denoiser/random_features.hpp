#pragma once

#include <string>

#include "diffarch/core/random.hpp"
#include "diffarch/denoiser/polynomial.hpp"

namespace diffarch {

/// The expectation over the noise taken exactly (see power_feature_moments): the fit that infinitely many noise draws
/// of every image tend to. Deterministic.
struct ExactAverage {
  double ridge = 1e-6;  ///< > 0, added to the covariance of the features, which have variance 1

  static constexpr bool default_bias = true;
  [[nodiscard]] std::string name() const { return "exact average"; }
};

/// The paper's procedure on true polynomials: one noise draw of every image at every level, and a regression on these n
/// samples. Interpolates when width is about n, where its error blows up (double descent): compare ExactAverage.
struct SingleDraw {
  double ridge = 1e-5;  ///< > 0, added to the covariance of the features as they are
  Seed noise = {};      ///< of the noise that is drawn

  static constexpr bool default_bias = true;
  [[nodiscard]] std::string name() const { return "single draw"; }
};

/// The published reference code to the letter (ItamarLevine/ArchitectureAndCreativity, PolynomialDenoiser):
///   h(y) = (R y / max_j |r_j . y|)^degree / std(data),
/// no bias, one noise draw of every image, covariances divided by n - 1, ridge 1e-5.
/// **It is not a polynomial**: dividing by the largest |r_j . y| makes h(c y) = h(y), so the denoiser ignores the scale
/// of its input, and the paper's Theorem 5 does not apply to it. For large degrees h is close to a signed one-hot code
/// of the direction r_j nearest to y, a hash with `width` buckets. Kept to reproduce the paper's figures 7 and 8.
struct Legacy {
  double ridge = 1e-5;
  Seed noise = {};

  static constexpr bool default_bias = false;
  [[nodiscard]] std::string name() const { return "legacy"; }
};

/// Polynomials in random directions, for images: the span of
///   h_j(y) = (r_j . y + b_j)^Degree,   j = 1 ... width,
/// with fixed Gaussian directions r_j ~ N(0, I / d) and biases b_j ~ N(0, 1) (or none), y in VP units, plus a constant.
/// Without a bias h is homogeneous: Degree-th powers only, no linear part. Spans all polynomials of the degree when
/// width is at least binomial(d + Degree, Degree).
template <class Averaging = ExactAverage>
struct RandomFeatures {
  Index width = 1024;                   ///< p >= 1
  bool bias = Averaging::default_bias;  ///< Legacy has none
  Averaging averaging = {};
  Seed seed = {};           ///< of directions and biases
  bool keep_levels = true;  ///< false: fit every level again when it is needed, in the memory of one level

  [[nodiscard]] std::string name() const {
    return std::to_string(width) + " random features" + (bias ? ", " : " without bias, ") + averaging.name();
  }
};

static_assert(Architecture<Polynomial<3, RandomFeatures<>>>);

}  // namespace diffarch
