#pragma once

#include <algorithm>
#include <cmath>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/activation.hpp"
#include "diffarch/nn/host_copy.hpp"
#include "diffarch/nn/kernels.hpp"
#include "diffarch/nn/layer.hpp"
#include "diffarch/nn/thin_product.hpp"

namespace diffarch::nn {

/// y = W x + b for each sample, x of any shape with `inputs` numbers, y of shape 1 x 1 x outputs. W is (outputs,
/// inputs) with the input fastest, as PyTorch's Linear; both start from U(-1/sqrt(inputs), 1/sqrt(inputs)).
template <class ScalarType, class KernelsType = DefaultKernels>
class FullyConnected {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  FullyConnected(Index inputs, Index outputs)
      : inputs_(inputs),
        outputs_(outputs),
        weight_(inputs * outputs, 0),
        weight_gradient_(inputs * outputs, 0),
        bias_(outputs, 0),
        bias_gradient_(outputs, 0) {
    diffarch::detail::require(inputs >= 1 && outputs >= 1, "FullyConnected: ", inputs, " inputs, ", outputs,
                              " outputs; expected at least one of each");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.size() == inputs_, "FullyConnected: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer has ", inputs_, " inputs");
    return {1, 1, outputs_};
  }

  void plan(ImageShape input, Index /*samples*/) { static_cast<void>(output_shape(input)); }
  /// V and its gradient when that is not how the weights are stored.
  [[nodiscard]] Index workspace_size() const {
    return few_inputs() && inputs_ <= detail::ThinProduct<Scalar>::most ? 2 * thin_size() : 0;
  }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* workspace) {
    if (is_thin(samples)) {
      if (few_inputs())
        thin().widen(thin_weights(workspace), bias_.data(), x, y, samples);
      else
        thin().narrow(weight_.data(), bias_.data(), x, y, samples);
      return;
    }
    parallel_for(samples, outputs_, [&](Index j) { std::copy_n(bias_.data(), outputs_, y + j * outputs_); });
    Kernels::parallel_product(true, false, outputs_, samples, inputs_, std::as_const(weight_).data(), inputs_, x,
                              inputs_, true, y, outputs_);
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    if (is_thin(samples)) {
      if (few_inputs())
        widen_backward(x, dy, dx, samples, workspace);
      else
        thin().narrow_backward(weight_.data(), x, dy, weight_gradient_.data(), bias_gradient_.data(), dx, samples);
      return;
    }
    constexpr Index piece = 512;
    parallel_for((outputs_ + piece - 1) / piece, piece * samples, [&](Index task) {
      add_up_bias_gradient(dy, samples, task * piece, std::min(outputs_, (task + 1) * piece));
    });
    Kernels::parallel_product(false, true, inputs_, outputs_, samples, x, inputs_, dy, outputs_, false,
                              weight_gradient_.data(), inputs_);
    if (dx != nullptr)
      Kernels::parallel_product(false, false, inputs_, samples, outputs_, std::as_const(weight_).data(), inputs_, dy,
                                outputs_, false, dx, inputs_);
  }

  /// `forward`, then that of `next` in place, in one pass over y where that is quicker.
  void forward_then(LeakyReLU<Scalar, Kernels>& next, const Scalar* x, Scalar* y, Index samples, Mode mode,
                    Scalar* workspace) {
    if (is_thin(samples) && few_inputs())
      return thin().widen(thin_weights(workspace), bias_.data(), x, y, samples, next.slope());
    forward(x, y, samples, mode, workspace);
    next.forward(y, y, samples, mode, workspace);
  }

  /// `backward` of both, y the output of `next`.
  void backward_through(LeakyReLU<Scalar, Kernels>& next, const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx,
                        Index samples, Scalar* workspace) {
    if (is_thin(samples) && few_inputs()) return widen_backward(x, dy, dx, samples, workspace, y, next.slope());
    next.backward(y, y, dy, dy, samples, workspace);
    backward(x, y, dy, dx, samples, workspace);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    visit(Parameter<Scalar>(detail::join(prefix, "weight"), {outputs_, inputs_}, weight_.span(),
                            weight_gradient_.span()));
    visit(Parameter<Scalar>(detail::join(prefix, "bias"), {outputs_}, bias_.span(), bias_gradient_.span()));
  }

  void initialise(Initialiser& initialiser) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs_));
    for (const std::span<Scalar> tensor : {weight_.span(), bias_.span()})
      set_from_host<Kernels>(tensor, [&](std::span<Scalar> values) { initialiser.uniform(values, bound); });
  }

 private:
  [[nodiscard]] bool few_inputs() const { return inputs_ < outputs_; }
  [[nodiscard]] bool is_thin(Index samples) const {
    constexpr Index worth_threads = 1 << 18;
    return std::min(inputs_, outputs_) <= detail::ThinProduct<Scalar>::most &&
           inputs_ * outputs_ * samples < worth_threads;
  }
  [[nodiscard]] detail::ThinProduct<Scalar> thin() const {
    return {std::min(inputs_, outputs_), std::max(inputs_, outputs_)};
  }

  [[nodiscard]] Index thin_size() const { return Buffer<Scalar>::aligned(inputs_ * outputs_); }
  /// V (outputs, inputs): the weights with the output fastest.
  [[nodiscard]] const Scalar* thin_weights(Scalar* workspace) const {
    if (inputs_ == 1) return weight_.data();
    for (Index i = 0; i < inputs_; ++i)
      for (Index o = 0; o < outputs_; ++o) workspace[i * outputs_ + o] = weight_[o * inputs_ + i];
    return workspace;
  }

  void widen_backward(const Scalar* x, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace,
                      const Scalar* y = nullptr, Scalar slope = Scalar(1)) {
    Scalar* const gradient = inputs_ == 1 ? weight_gradient_.data() : workspace + thin_size();
    thin().widen_backward(thin_weights(workspace), x, dy, gradient, bias_gradient_.data(), dx, samples, y, slope);
    if (inputs_ == 1) return;
    for (Index i = 0; i < inputs_; ++i)
      for (Index o = 0; o < outputs_; ++o) weight_gradient_[o * inputs_ + i] = gradient[i * outputs_ + o];
  }

  void add_up_bias_gradient(const Scalar* dy, Index samples, Index begin, Index end) {
    Scalar* const sum = bias_gradient_.data();
    std::copy(dy + begin, dy + end, sum + begin);
    for (Index j = 1; j < samples; ++j)
      for (Index i = begin; i < end; ++i) sum[i] += dy[j * outputs_ + i];
  }

  Index inputs_;
  Index outputs_;
  Buffer<Scalar> weight_;
  Buffer<Scalar> weight_gradient_;
  Buffer<Scalar> bias_;
  Buffer<Scalar> bias_gradient_;
};

}  // namespace diffarch::nn
