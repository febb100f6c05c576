#pragma once

#include <concepts>
#include <utility>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// A function (y, level) -> x0_hat as a model: see `make_denoiser`.
template <class Scalar_, class F, Backend B = Cpu>
class FunctionDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = B;
  using Storage = typename B::template Storage<Scalar>;

  FunctionDenoiser(Index dimension, F function) : dimension_(dimension), function_(std::move(function)) {
    detail::require(dimension >= 1, "make_denoiser: dimension = ", dimension, ", expected at least 1");
  }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  /// The function's value, as an array. Throws what the function throws.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const { return function_(y, level); }

 private:
  Index dimension_;
  F function_;
};

/// Any function of a noisy batch y (d, n) and its noise level that predicts the clean batch x0_hat (d, n), as a
/// `Denoiser` that can be sampled and analysed:
///
///   auto model = make_denoiser<float>(2, [](const Batch<float>& y, NoiseLevel level) -> Batch<float> { ... });
///   auto samples = sample(model, CosineSchedule{.steps = 50}, 1000, Seed{7});
///
/// The function is called as a const object, with any number of columns, and column j of what it returns depends on
/// column j of y only; `check_denoiser` tries whether it does. A value that is an expression of Eigen is evaluated.
/// Throws InvalidArgument for a dimension below 1.
template <class Scalar, class F, Backend B = Cpu>
requires std::convertible_to < std::invoke_result_t < const F&, const typename B::template Storage<Scalar>
&, NoiseLevel >,
    typename B::template Storage < Scalar >>
        [[nodiscard]] FunctionDenoiser<Scalar, F, B> make_denoiser(Index dimension, F function, B /*backend*/ = {}) {
  return {dimension, std::move(function)};
}

}  // namespace diffarch
