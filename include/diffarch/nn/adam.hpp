#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch::nn {

/// Hyper-parameters of Adam, with PyTorch's defaults and no weight decay.
struct AdamOptions {
  double learning_rate = 1e-3;  ///< finite, >= 0
  double beta1 = 0.9;           ///< decay of the mean of the gradient, in [0, 1)
  double beta2 = 0.999;         ///< decay of the mean of its square, in [0, 1)
  double epsilon = 1e-8;        ///< finite, > 0 (also after rounding to the Scalar of the parameters)
};

/// Everything that Adam remembers between steps: with it, the options, and the parameters, training continues bitwise.
template <class Scalar>
struct AdamState {
  std::int64_t steps = 0;            ///< number of steps taken
  std::vector<Scalar> mean;          ///< m, one per parameter; PyTorch's exp_avg
  std::vector<Scalar> mean_squared;  ///< v, one per parameter, >= 0; PyTorch's exp_avg_sq
};

/// Some parameters of a network and the gradient of the loss with respect to each.
template <class Scalar>
struct ParametersWithGradient {
  std::span<Scalar> parameters;
  std::span<const Scalar> gradient;
};

namespace detail {

template <class Scalar>
struct AdamCoefficients {
  Scalar weight1, weight2;  // 1 - beta
  Scalar correction;        // 1 / sqrt(1 - beta2^t)
  Scalar epsilon;
  Scalar step_size;  // lr / (1 - beta1^t)
};

/// The square root of x >= 0 by Newton's iteration for 1 / sqrt(x), to three units in the last place; below the
/// smallest normal number it may come out too small. Unlike std::sqrt it is arithmetic alone, so every compiler
/// vectorises it: they keep std::sqrt, which may set errno, out of vectors.
template <class Scalar>
[[nodiscard]] inline Scalar square_root(Scalar x) noexcept {
  constexpr bool single = std::same_as<Scalar, float>;
  using Bits = std::conditional_t<single, std::uint32_t, std::uint64_t>;
  constexpr auto magic = static_cast<Bits>(single ? 0x5F3759DFU : 0x5FE6EB50C7B537A9U);
  // Correct to 3.5 percent: halves and negates the exponent. Each iteration squares the error.
  Scalar y = std::bit_cast<Scalar>(magic - (std::bit_cast<Bits>(x) >> 1U));
  const Scalar half = Scalar(0.5) * x;
  for (int iteration = 0; iteration < (single ? 3 : 4); ++iteration) y *= Scalar(1.5) - half * y * y;
  return x * y;
}

/// Adam on elements [0, count). No sum has two products, so that fused multiply-add contraction, and with it every bit,
/// is the same wherever an element falls in a vector.
template <class Scalar>
void adam_update(Scalar* __restrict parameters, const Scalar* __restrict gradient, Scalar* __restrict mean,
                 Scalar* __restrict mean_squared, std::size_t count,
                 const AdamCoefficients<Scalar>& coefficients) noexcept {
  const AdamCoefficients<Scalar> c = coefficients;
#ifdef _OPENMP
#pragma omp simd
#endif
  for (std::size_t i = 0; i < count; ++i) {
    const Scalar g = gradient[i];
    const Scalar m = mean[i] + c.weight1 * (g - mean[i]);
    const Scalar v = mean_squared[i] + c.weight2 * (g * g - mean_squared[i]);
    mean[i] = m;
    mean_squared[i] = v;
    parameters[i] -= c.step_size * m / (square_root(v) * c.correction + c.epsilon);
  }
}

template <class Scalar>
void require_adam_options(const AdamOptions& options) {
  const auto& [learning_rate, beta1, beta2, epsilon] = options;
  diffarch::detail::require(std::isfinite(learning_rate) && learning_rate >= 0, "AdamOptions: learning_rate is ",
                            learning_rate, "; expected a finite number >= 0");
  diffarch::detail::require(beta1 >= 0 && beta1 < 1, "AdamOptions: beta1 is ", beta1, "; expected 0 <= beta1 < 1");
  diffarch::detail::require(beta2 >= 0 && beta2 < 1, "AdamOptions: beta2 is ", beta2, "; expected 0 <= beta2 < 1");
  diffarch::detail::require(std::isfinite(epsilon) && static_cast<Scalar>(epsilon) > 0, "AdamOptions: epsilon is ",
                            epsilon, "; expected a finite number > 0, also as a ", sizeof(Scalar) * 8, "-bit number");
}

}  // namespace detail

/// Adam (Kingma and Ba, 2015, algorithm 1) as PyTorch's torch.optim.Adam computes it. For a parameter p with gradient
/// g, at step t = 1, 2, ...:
///     m += (1 - beta1) (g - m),   v += (1 - beta2) (g^2 - v),
///     p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
/// One pass over the parameters, on all threads. Results are bitwise the same for any number of threads and however the
/// parameters are cut into pieces. A step allocates nothing.
template <std::floating_point Scalar>
class Adam {
 public:
  using Piece = ParametersWithGradient<Scalar>;

  /// For that many parameters in all. Throws InvalidArgument for a negative count or options out of range.
  explicit Adam(Index parameters, const AdamOptions& options = {}) {
    set_options(options);
    diffarch::detail::require(parameters >= 0, "Adam: ", parameters, " parameters; expected at least 0");
    state_.mean.resize(static_cast<std::size_t>(parameters));
    state_.mean_squared.resize(static_cast<std::size_t>(parameters));
  }

  [[nodiscard]] Index parameters() const noexcept { return static_cast<Index>(state_.mean.size()); }
  [[nodiscard]] const AdamOptions& options() const noexcept { return options_; }
  /// Changes the options from the next step on, for a learning rate that follows a schedule. Throws InvalidArgument.
  void set_options(const AdamOptions& options) {
    detail::require_adam_options<Scalar>(options);
    options_ = options;
  }

  /// What a checkpoint has to hold beside the parameters and the options.
  [[nodiscard]] const AdamState<Scalar>& state() const noexcept { return state_; }
  /// Continues from a state that `state()` gave. Throws DimensionMismatch when it is of another number of parameters,
  /// InvalidArgument when its step count is negative, a value is not finite or a mean square is negative; the present
  /// state is then unchanged.
  void restore(AdamState<Scalar> state) {
    for (const auto* values : {&state.mean, &state.mean_squared})
      diffarch::detail::require<DimensionMismatch>(values->size() == state_.mean.size(), "Adam: a state of ",
                                                   values->size(), " parameters; expected ", state_.mean.size());
    diffarch::detail::require(state.steps >= 0, "Adam: a state of ", state.steps, " steps; expected at least 0");
    for (std::size_t i = 0; i < state.mean.size(); ++i)
      diffarch::detail::require(
          std::isfinite(state.mean[i]) && std::isfinite(state.mean_squared[i]) && state.mean_squared[i] >= 0,
          "Adam: the state of parameter ", i, " is mean ", state.mean[i], ", mean_squared ", state.mean_squared[i],
          "; expected finite numbers, the second >= 0");
    state_ = std::move(state);
  }

  /// One step on all parameters, which lie in several arrays: `pieces` in the same order at every step, together
  /// `parameters()` long. Parameters and gradients must not overlap. Whether gradients are finite is not checked here.
  /// Throws DimensionMismatch when lengths do not agree, before anything is changed.
  void step(std::span<const Piece> pieces) {
    std::size_t total = 0;
    for (const Piece& piece : pieces) {
      diffarch::detail::require<DimensionMismatch>(piece.parameters.size() == piece.gradient.size(),
                                                   "Adam: ", piece.parameters.size(), " parameters but a gradient of ",
                                                   piece.gradient.size());
      total += piece.parameters.size();
    }
    diffarch::detail::require<DimensionMismatch>(total == state_.mean.size(), "Adam: ", total, " parameters; expected ",
                                                 state_.mean.size(), ", as it was made for");

    ++state_.steps;
    const auto t = static_cast<double>(state_.steps);
    const detail::AdamCoefficients<Scalar> coefficients{
        static_cast<Scalar>(1 - options_.beta1), static_cast<Scalar>(1 - options_.beta2),
        static_cast<Scalar>(1 / std::sqrt(1 - std::pow(options_.beta2, t))), static_cast<Scalar>(options_.epsilon),
        static_cast<Scalar>(options_.learning_rate / (1 - std::pow(options_.beta1, t)))};
    std::size_t begin = 0;
    for (const Piece& piece : pieces) {
      update(piece, begin, coefficients);
      begin += piece.parameters.size();
    }
  }

  /// The same for parameters in one array.
  void step(std::span<Scalar> parameters, std::span<const Scalar> gradient) {
    const Piece piece{parameters, gradient};
    step(std::span<const Piece>(&piece, 1));
  }

 private:
  /// Updates the parameters whose state begins at element `begin`.
  void update(const Piece& piece, std::size_t begin, const detail::AdamCoefficients<Scalar>& coefficients) {
    constexpr Index chunk_size = 8192;  // fixed, so that the tasks are the same for any thread count
    const auto count = static_cast<Index>(piece.parameters.size());
    constexpr Index operations = 30;  // of one parameter
    parallel_for((count + chunk_size - 1) / chunk_size, operations * chunk_size, [&](Index chunk) {
      const Index first = chunk * chunk_size;
      const auto at = begin + static_cast<std::size_t>(first);
      detail::adam_update(piece.parameters.data() + first, piece.gradient.data() + first, state_.mean.data() + at,
                          state_.mean_squared.data() + at,
                          static_cast<std::size_t>(std::min(chunk_size, count - first)), coefficients);
    });
  }

  AdamOptions options_;
  AdamState<Scalar> state_;
};

}  // namespace diffarch::nn
