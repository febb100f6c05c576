#pragma once

#include <string>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// All monomials up to the degree: the complete basis, for low dimensions (see MonomialDenoiser).
struct Monomials {
  [[nodiscard]] std::string name() const { return ""; }
};

/// All monomials, and at each noise level a denoiser that is the gradient of a polynomial potential (see
/// MonomialDenoiser): zero curl. What is generated has no closed form.
struct Conservative {
  [[nodiscard]] std::string name() const { return "conservative"; }
};

/// The best polynomial denoiser of a degree at every noise level (paper, Theorem 5),
///   D(y) = argmin E |x0 - D(y)|^2   over polynomials of total degree <= Degree in the span of the features,
/// with the expectation over the noise taken exactly. It depends on the moments of the data up to 2 Degree only.
/// `Features` says which polynomials: Monomials, Conservative, or RandomFeatures (for images).
///
/// Polynomials can run away: where the leading form y . D_Degree(y) is positive, a trajectory that comes far enough out
/// escapes to infinity. For even degrees it is positive in one of every two opposite directions unless it vanishes, so
/// some trajectories of an even-degree denoiser may always escape. Models report `leading_form`; pass an `EscapeLog` to
/// the sampler to count.
template <int Degree, class Features = Monomials>
struct Polynomial {
  static_assert(Degree >= 1, "diffarch: Polynomial<Degree> needs Degree >= 1; degree 0 is the mean of the data");
  static constexpr int degree = Degree;
  Features features = {};

  [[nodiscard]] std::string name() const {
    const std::string kind = features.name();
    return "Polynomial<" + std::to_string(Degree) + (kind.empty() ? "" : ", ") + kind + ">";
  }
};

static_assert(Architecture<Polynomial<1>> && Architecture<Polynomial<3, Conservative>>);

}  // namespace diffarch
