#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/checked_denoise.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// Two models that can be guided by each other: of one Scalar on one backend.
template <class C, class U>
concept GuidancePair = Denoiser<C> && Denoiser<U> && std::same_as<typename C::Scalar, typename U::Scalar> &&
    std::same_as<typename C::BackendType, typename U::BackendType>;

/// Model of classifier-free guidance: see `guided`.
template <class Conditional, class Unconditional>
requires GuidancePair<Conditional, Unconditional>
class GuidedDenoiser {
 public:
  using Scalar = typename Conditional::Scalar;
  using BackendType = typename Conditional::BackendType;
  using Storage = typename BackendType::template Storage<Scalar>;

  /// Throws DimensionMismatch unless both models have one dimension, InvalidArgument for a weight that is not finite.
  GuidedDenoiser(Conditional conditional, Unconditional unconditional, double weight)
      : conditional_(std::move(conditional)), unconditional_(std::move(unconditional)), weight_(weight) {
    detail::require<DimensionMismatch>(conditional_.dimension() == unconditional_.dimension(),
                                       "guided: the conditional model has dimension ", conditional_.dimension(),
                                       " but the unconditional one ", unconditional_.dimension());
    detail::require(std::isfinite(weight), "guided: weight = ", weight, ", expected a finite number");
  }

  [[nodiscard]] Index dimension() const { return conditional_.dimension(); }
  [[nodiscard]] const Conditional& conditional() const noexcept { return conditional_; }
  [[nodiscard]] const Unconditional& unconditional() const noexcept { return unconditional_; }
  [[nodiscard]] double weight() const noexcept { return weight_; }

  /// D_u + weight (D_c - D_u), (d, n); with weight 1 or 0 the one model alone is called. Throws what the models throw.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    if (weight_ == 1.0) return checked_denoise(conditional_, y, level);
    Storage x0_hat = checked_denoise(unconditional_, y, level);
    if (weight_ == 0.0) return x0_hat;
    scale<GuidedDenoiser>(x0_hat, 1.0 - weight_);
    add_scaled<GuidedDenoiser>(x0_hat, checked_denoise(conditional_, y, level), weight_);
    return x0_hat;
  }

  /// Rows (rows, d) of the Jacobian at one y (d, 1), where both models have them.
  [[nodiscard]] auto jacobian_rows(const Batch<Scalar>& y, NoiseLevel level,
                                   const std::vector<Index>& rows) const requires
      requires(const Conditional& c, const Unconditional& u) {
    c.jacobian_rows(y, level, rows);
    u.jacobian_rows(y, level, rows);
  }
  {
    detail::Dependent<Matrix<double>, Scalar> of_both = conditional_.jacobian_rows(y, level, rows);
    of_both = weight_ * of_both + (1.0 - weight_) * unconditional_.jacobian_rows(y, level, rows);
    return of_both;
  }

 private:
  Conditional conditional_;
  Unconditional unconditional_;
  double weight_;
};

/// Classifier-free guidance: the model whose predictions are
///   x0_hat = D_u + weight (D_c - D_u)
/// of a conditional model D_c, of samples with a label say, and an unconditional one D_u (Ho and Salimans 2022, eq. 6,
/// which is linear and so the same for x0_hat and epsilon_hat). Their w is `weight` - 1: weight 0 is the unconditional
/// model, 1 the conditional one (both bitwise), more exaggerates what the condition changes. What it samples has no
/// name: scores add to that of p_c^weight p_u^(1 - weight) at each level, and these are not the noisy versions of any
/// one distribution. The models live on one backend, are moved or copied in, and keep column j of the result a function
/// of column j of y. Cost: a prediction of each. Throws DimensionMismatch, InvalidArgument for a weight that is not
/// finite.
template <class Conditional, class Unconditional>
requires GuidancePair<Conditional, Unconditional>
[[nodiscard]] GuidedDenoiser<Conditional, Unconditional> guided(Conditional conditional, Unconditional unconditional,
                                                                double weight) {
  return {std::move(conditional), std::move(unconditional), weight};
}

}  // namespace diffarch
