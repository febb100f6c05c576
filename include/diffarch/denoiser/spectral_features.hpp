#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "diffarch/core/random.hpp"
#include "diffarch/denoiser/polynomial.hpp"

namespace diffarch {

/// Polynomials for images that follow the data: the best linear denoiser (all modes, exactly) plus Hermite polynomials
///   He_k(r_j . u),   k = 2 ... Degree,   j = 1 ... width,
/// of the whitened variable u of each noise level (see SpectralPolynomialDenoiser), in unit directions r_j that are
/// drawn with the spectrum of the data: r_j,k ~ N(0, 1) rho_k^exponent with rho_k^2 = lambda_k / (lambda_k + sigma^2),
/// the share of signal in mode k. So directions look where there is signal, at every level; isotropic ones
/// (RandomFeatures) see mostly noise. The expectation over the noise is exact.
///
/// Form: Conservative (default): D = y + sigma^2 grad Q, every feature acts along its own direction, zero curl.
/// Monomials: every feature acts on every mode, by a full matrix of coefficients.
template <class Form = Conservative>
struct SpectralFeatures {
  static_assert(std::is_same_v<Form, Conservative> || std::is_same_v<Form, Monomials>,
                "diffarch: the Form of SpectralFeatures is Conservative or Monomials");
  static constexpr bool is_conservative = std::is_same_v<Form, Conservative>;

  Index width = 512;                              ///< number of directions, >= 1
  std::vector<double> exponents = {2, 4, 8, 16};  ///< shared out among the directions in turn
  Index modes = 300;                              ///< leading modes that directions may use, >= 1
  /// All > 0, added to the normal equations, whose diagonal is about 1. Of several, each level takes the one with the
  /// least cross-validated error: in closed form, five folds, some 5 x (number of ridges) fits; the basis and the
  /// linear part are those of all samples. The free form has a coefficient for every mode and feature: it needs a
  /// larger ridge, and its cross-validation takes minutes on images.
  std::vector<double> ridges = is_conservative ? std::vector{1e-3, 1e-2, 1e-1, 1.0} : std::vector{3.0};
  /// Conservative only: the weights of degree Degree are kept <= 0 (a convex problem, solved exactly). For odd degrees
  /// the leading form is then nowhere positive, and no continuous trajectory can run away.
  bool bounded = is_conservative;
  Seed seed = {};           ///< of the directions
  bool keep_levels = true;  ///< false: fit every level again when it is needed, in the memory of one level

  [[nodiscard]] std::string name() const {
    return std::to_string(width) + " spectral features" + (is_conservative ? ", conservative" : "") +
           (bounded ? ", bounded" : "");
  }
};

static_assert(Architecture<Polynomial<3, SpectralFeatures<>>>);

}  // namespace diffarch
