#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/nn/kernels/adam_step.hpp"
#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"

namespace diffarch::nn {

/// Hyper-parameters of Adam, with PyTorch's defaults and no weight decay.
struct AdamOptions {
  double learning_rate = 1e-3;  ///< finite, >= 0
  double beta1 = 0.9;           ///< decay of the mean of the gradient, in [0, 1)
  double beta2 = 0.999;         ///< decay of the mean of its square, in [0, 1)
  double epsilon = 1e-8;        ///< finite, > 0 (also after rounding to the Scalar of the parameters)
};

/// Everything that Adam remembers between steps, on the host: with it, the options, and the parameters, training
/// continues bitwise.
template <class Scalar>
struct AdamState {
  std::int64_t steps = 0;            ///< number of steps taken
  std::vector<Scalar> mean;          ///< m, one per parameter; PyTorch's exp_avg
  std::vector<Scalar> mean_squared;  ///< v, one per parameter, >= 0; PyTorch's exp_avg_sq
};

namespace detail {

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
/// One pass over the parameters, by the kernels. Results are bitwise the same for any number of threads and however the
/// parameters are cut into pieces. A step allocates nothing.
template <std::floating_point Scalar, class Kernels = DefaultKernels>
class Adam {
 public:
  using Piece = ParametersWithGradient<Scalar>;

  /// For that many parameters in all. Throws InvalidArgument for a negative count or options out of range.
  explicit Adam(Index parameters, const AdamOptions& options = {}) {
    set_options(options);
    diffarch::detail::require(parameters >= 0, "Adam: ", parameters, " parameters; expected at least 0");
    mean_ = Buffer(parameters, 0);
    mean_squared_ = Buffer(parameters, 0);
  }

  [[nodiscard]] Index parameters() const noexcept { return mean_.size(); }
  [[nodiscard]] const AdamOptions& options() const noexcept { return options_; }
  /// Changes the options from the next step on, for a learning rate that follows a schedule. Throws InvalidArgument.
  void set_options(const AdamOptions& options) {
    detail::require_adam_options<Scalar>(options);
    options_ = options;
  }

  /// m and v where they are kept, in memory of the backend.
  [[nodiscard]] std::span<const Scalar> mean() const noexcept { return mean_.span(); }
  [[nodiscard]] std::span<const Scalar> mean_squared() const noexcept { return mean_squared_.span(); }

  /// Returns the state that a checkpoint keeps beside the parameters and the options.
  [[nodiscard]] AdamState<Scalar> state() const {
    return {steps_, host_copy<Kernels>(mean()), host_copy<Kernels>(mean_squared())};
  }
  /// Continues from a state that `state()` gave. Throws DimensionMismatch when it is of another number of parameters,
  /// InvalidArgument when its step count is negative, a value is not finite or a mean square is negative; the present
  /// state is then unchanged.
  void restore(const AdamState<Scalar>& state) {
    const auto count = static_cast<std::size_t>(parameters());
    for (const auto* values : {&state.mean, &state.mean_squared})
      diffarch::detail::require<DimensionMismatch>(values->size() == count, "Adam: a state of ", values->size(),
                                                   " parameters; expected ", count);
    diffarch::detail::require(state.steps >= 0, "Adam: a state of ", state.steps, " steps; expected at least 0");
    for (std::size_t i = 0; i < count; ++i)
      diffarch::detail::require(
          std::isfinite(state.mean[i]) && std::isfinite(state.mean_squared[i]) && state.mean_squared[i] >= 0,
          "Adam: the state of parameter ", i, " is mean ", state.mean[i], ", mean_squared ", state.mean_squared[i],
          "; expected finite numbers, the second >= 0");
    steps_ = state.steps;
    Kernels::copy_from_host(state.mean.data(), parameters(), mean_.data());
    Kernels::copy_from_host(state.mean_squared.data(), parameters(), mean_squared_.data());
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
    diffarch::detail::require<DimensionMismatch>(total == static_cast<std::size_t>(parameters()), "Adam: ", total,
                                                 " parameters; expected ", parameters(), ", as it was made for");

    ++steps_;
    const auto t = static_cast<double>(steps_);
    const detail::AdamCoefficients<Scalar> coefficients{
        static_cast<Scalar>(1 - options_.beta1), static_cast<Scalar>(1 - options_.beta2),
        static_cast<Scalar>(1 / std::sqrt(1 - std::pow(options_.beta2, t))), static_cast<Scalar>(options_.epsilon),
        static_cast<Scalar>(options_.learning_rate / (1 - std::pow(options_.beta1, t)))};
    Kernels::template adam_update<Scalar>(pieces, mean_.data(), mean_squared_.data(), coefficients);
  }

  /// Takes one step for parameters that lie in one array.
  void step(std::span<Scalar> parameters, std::span<const Scalar> gradient) {
    const Piece piece{parameters, gradient};
    step(std::span<const Piece>(&piece, 1));
  }

 private:
  using Buffer = typename Kernels::template Buffer<Scalar>;

  AdamOptions options_;
  std::int64_t steps_ = 0;
  Buffer mean_;
  Buffer mean_squared_;
};

}  // namespace diffarch::nn
