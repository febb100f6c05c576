#pragma once

#include <utility>

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/sampler/rule_step.hpp"

// Models that predict something other than the clean samples, as denoisers. The other way, from x0_hat, is in
// core/predictions.hpp: `epsilon_hat`, `score`, `v_hat`.

namespace diffarch {

namespace detail {

/// Scalar and backend, for functions that ask a model for them.
template <class Scalar_, class B>
struct ArraysOf {
  using Scalar = Scalar_;
  using BackendType = B;
};

/// A denoiser with x0_hat = (weight of y) y + (weight of the prediction) prediction, by weights_of(level).
template <class Scalar, class B, class F, class Weights>
[[nodiscard]] auto denoiser_of_prediction(Index dimension, F prediction, Weights weights_of) {
  using Storage = typename B::template Storage<Scalar>;
  return make_denoiser<Scalar>(
      dimension,
      [prediction = std::move(prediction), weights_of](const Storage& y, NoiseLevel level) -> Storage {
        const auto [of_y, of_prediction] = weights_of(level);
        Storage x0_hat = y;
        scale<ArraysOf<Scalar, B>>(x0_hat, of_y);
        add_scaled<ArraysOf<Scalar, B>>(x0_hat, prediction(y, level), of_prediction);
        return x0_hat;
      },
      B{});
}

/// Throws InvalidArgument at pure noise.
inline void require_signal(NoiseLevel level) {
  require(level.signal > 0.0,
          "a model that predicts the noise or the score: at pure noise (alpha_bar = 0) it says nothing of the clean "
          "samples; expected a finite sigma_T");
}

}  // namespace detail

/// A model that predicts the noise, f(y, level) = epsilon_hat: x0_hat = (y - noise epsilon_hat) / signal (Ho et al.
/// 2020, eq. 15). f is as in `make_denoiser`. Its predictions throw InvalidArgument at pure noise, where epsilon says
/// nothing of x0.
template <class Scalar, class F, Backend B = Cpu>
[[nodiscard]] auto from_epsilon(Index dimension, F f, B /*backend*/ = {}) {
  return detail::denoiser_of_prediction<Scalar, B>(dimension, std::move(f), [](NoiseLevel level) {
    detail::require_signal(level);
    return std::pair{1.0 / level.signal, -level.noise / level.signal};
  });
}

/// A model that predicts the score, f(y, level) = grad log p(y): x0_hat = (y + noise^2 score) / signal (Tweedie's
/// formula, Efron 2011). As `from_epsilon`.
template <class Scalar, class F, Backend B = Cpu>
[[nodiscard]] auto from_score(Index dimension, F f, B /*backend*/ = {}) {
  return detail::denoiser_of_prediction<Scalar, B>(dimension, std::move(f), [](NoiseLevel level) {
    detail::require_signal(level);
    return std::pair{1.0 / level.signal, level.noise * level.noise / level.signal};
  });
}

/// A model that predicts v = alpha epsilon - sigma x0 in VP coordinates, alpha^2 + sigma^2 = 1: x0_hat = alpha y_VP -
/// sigma v (Salimans and Ho 2022, appendix D). y is in the coordinates of the level, as everywhere; f gets it so. As
/// `from_epsilon`, but for pure noise, where x0_hat = -v.
template <class Scalar, class F, Backend B = Cpu>
[[nodiscard]] auto from_v(Index dimension, F f, B /*backend*/ = {}) {
  return detail::denoiser_of_prediction<Scalar, B>(dimension, std::move(f), [](NoiseLevel level) {
    const double size = level.scale();
    return std::pair{level.signal / (size * size), -level.noise / size};
  });
}

}  // namespace diffarch
