#pragma once

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <span>
#include <string>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/layers/activation.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

namespace detail {

/// Kernels of a fully connected layer that can take over the LeakyReLU after it.
template <class Kernel, class Scalar>
concept TakesOverLeakyReLU = requires(const Kernel& kernel, Scalar slope, const Scalar* in, Scalar* out) {
  kernel.forward_then(slope, in, in, in, out, out);
  kernel.backward_through(slope, in, in, out, in, out, out, out, out);
};

/// ... and the fully connected layer after that.
template <class Kernel, class Scalar>
concept TakesOverBlocks = TakesOverLeakyReLU<Kernel, Scalar> && requires(const Kernel& kernel) {
  { kernel.is_block(kernel) } -> std::same_as<bool>;
};

}  // namespace detail

/// y = W x + b for each sample, x of any shape with `inputs` numbers, y of shape 1 x 1 x outputs. W is (outputs,
/// inputs) with the input fastest, as PyTorch's Linear; both start from U(-1/sqrt(inputs), 1/sqrt(inputs)).
/// With several networks, the layers of a stack: W (networks, outputs, inputs) and b (networks, outputs), and of a
/// batch the first samples are those of the first network, as many as of each other.
template <class ScalarType, class KernelsType = DefaultKernels>
class FullyConnected {
  using Kernel = typename KernelsType::template FullyConnected<ScalarType>;

 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  FullyConnected(Index inputs, Index outputs, Index networks = 1)
      : inputs_(inputs),
        outputs_(outputs),
        networks_(networks),
        weight_(inputs * outputs * networks, 0),
        weight_gradient_(inputs * outputs * networks, 0),
        bias_(outputs * networks, 0),
        bias_gradient_(outputs * networks, 0) {
    diffarch::detail::require(inputs >= 1 && outputs >= 1 && networks >= 1, "FullyConnected: ", inputs, " inputs, ",
                              outputs, " outputs, ", networks, " networks; expected at least one of each");
  }

  [[nodiscard]] Index networks() const noexcept { return networks_; }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.size() == inputs_, "FullyConnected: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer has ", inputs_, " inputs");
    return {1, 1, outputs_};
  }

  void plan(ImageShape input, Index samples) {
    static_cast<void>(output_shape(input));
    diffarch::detail::require<DimensionMismatch>(samples % networks_ == 0, "FullyConnected: ", samples, " samples for ",
                                                 networks_, " networks; expected as many for each");
    kernel_.plan(inputs_, outputs_, samples, networks_);
  }
  [[nodiscard]] Index workspace_size() const { return kernel_.workspace_size(); }

  void forward(const Scalar* x, Scalar* y, Index /*samples*/, Mode /*mode*/, Scalar* workspace) {
    kernel_.forward(x, weight_.data(), bias_.data(), y, workspace);
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index /*samples*/,
                Scalar* workspace) {
    kernel_.backward(x, dy, weight_.data(), weight_gradient_.data(), bias_gradient_.data(), dx, workspace);
  }

  /// `forward`, then that of `next` in place; of kernels that can do both at once.
  void forward_then(LeakyReLU<Scalar, Kernels>& next, const Scalar* x, Scalar* y, Index /*samples*/, Mode /*mode*/,
                    Scalar* workspace) requires detail::TakesOverLeakyReLU<Kernel, Scalar> {
    kernel_.forward_then(next.slope(), x, weight_.data(), bias_.data(), y, workspace);
  }

  /// `backward` of both, y the output of `next`.
  void backward_through(LeakyReLU<Scalar, Kernels>& next, const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx,
                        Index /*samples*/, Scalar* workspace) requires detail::TakesOverLeakyReLU<Kernel, Scalar> {
    kernel_.backward_through(next.slope(), y, x, dy, weight_.data(), weight_gradient_.data(), bias_gradient_.data(), dx,
                             workspace);
  }

  /// `forward_then`, then that of `last`, in one pass that leaves `hidden` as it is where that is quicker.
  void forward_then(LeakyReLU<Scalar, Kernels>& next, FullyConnected& last, const Scalar* x, Scalar* hidden, Scalar* y,
                    Index samples, Mode mode, Scalar* workspace) requires detail::TakesOverBlocks<Kernel, Scalar> {
    if (kernel_.is_block(last.kernel_))
      return kernel_.block_forward(last.kernel_, next.slope(), block_weights(last), x, y);
    forward_then(next, x, hidden, samples, mode, workspace);
    last.forward(hidden, y, samples, mode, workspace);
  }

  /// `backward` of the three. dhidden, as long as hidden, may be used; dx may be dy.
  void backward_through(LeakyReLU<Scalar, Kernels>& next, FullyConnected& last, const Scalar* x, const Scalar* hidden,
                        const Scalar* y, Scalar* dy, Scalar* dhidden, Scalar* dx, Index samples,
                        Scalar* workspace) requires detail::TakesOverBlocks<Kernel, Scalar> {
    if (kernel_.is_block(last.kernel_))
      return kernel_.block_backward(last.kernel_, next.slope(), block_weights(last), x, dy, dhidden, dx,
                                    block_gradients(last));
    last.backward(hidden, y, dy, dhidden, samples, workspace);
    backward_through(next, x, hidden, dhidden, dx, samples, workspace);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    const auto visit_tensor = [&](const char* name, std::initializer_list<Index> shape,
                                  std::initializer_list<Index> stacked_shape, Buffer& values, Buffer& gradient) {
      visit(Parameter<Scalar>(detail::join(prefix, name), networks_ == 1 ? shape : stacked_shape, values.span(),
                              gradient.span()));
    };
    visit_tensor("weight", {outputs_, inputs_}, {networks_, outputs_, inputs_}, weight_, weight_gradient_);
    visit_tensor("bias", {outputs_}, {networks_, outputs_}, bias_, bias_gradient_);
  }

  void initialise(Initialiser& initialiser) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs_));
    for (const std::span<Scalar> tensor : {weight_.span(), bias_.span()})
      set_from_host<Kernels>(tensor, [&](std::span<Scalar> values) { initialiser.uniform(values, bound); });
  }

 private:
  using Buffer = typename Kernels::template Buffer<Scalar>;

  [[nodiscard]] auto block_weights(const FullyConnected& last) const {
    return typename Kernel::template BlockTensors<const Scalar>{weight_.data(), bias_.data(), last.weight_.data(),
                                                                last.bias_.data()};
  }
  [[nodiscard]] auto block_gradients(FullyConnected& last) {
    return typename Kernel::template BlockTensors<Scalar>{weight_gradient_.data(), bias_gradient_.data(),
                                                          last.weight_gradient_.data(), last.bias_gradient_.data()};
  }

  Index inputs_;
  Index outputs_;
  Index networks_;
  Buffer weight_;
  Buffer weight_gradient_;
  Buffer bias_;
  Buffer bias_gradient_;
  Kernel kernel_;
};

}  // namespace diffarch::nn
