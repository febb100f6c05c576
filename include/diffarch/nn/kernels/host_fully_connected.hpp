#pragma once

#include <algorithm>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/buffer.hpp"
#include "diffarch/nn/kernels/host_kernels.hpp"
#include "diffarch/nn/kernels/thin_block.hpp"
#include "diffarch/nn/kernels/thin_product.hpp"

namespace diffarch::nn::detail {

/// The arithmetic of `FullyConnected` on the host, by `Products::parallel_product` of a family of host kernels, and by
/// thin products where one side has few numbers. Takes over a LeakyReLU that follows, and a layer after that: see
/// `Layer`. Several networks are multiplied one after the other.
template <class Scalar, class Products>
class HostFullyConnected {
 public:
  template <class Number>
  using BlockTensors = ThinBlockTensors<Number>;

  void plan(Index inputs, Index outputs, Index samples, Index networks = 1) {
    inputs_ = inputs;
    outputs_ = outputs;
    networks_ = networks;
    samples_ = samples / networks;
  }
  /// V and its gradient when that is not how the weights are stored.
  [[nodiscard]] Index workspace_size() const { return few_inputs() && inputs_ <= most ? 2 * thin_size() : 0; }

  /// y = W x + b; weights are (outputs, inputs), the input fastest.
  void forward(const Scalar* x, const Scalar* weights, const Scalar* bias, Scalar* y, Scalar* workspace) const {
    if (is_thin()) {
      if (few_inputs())
        thin().widen(thin_weights(weights, workspace), bias, x, y, samples_);
      else
        thin().narrow(weights, bias, x, y, samples_);
      return;
    }
    for (Index k = 0; k < networks_; ++k)
      network_forward(x + k * x_size(), weights + k * weights_size(), bias + k * outputs_, y + k * y_size());
  }

  /// Gradients of the weights and of the bias, and of x unless dx is null.
  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient,
                Scalar* bias_gradient, Scalar* dx, Scalar* workspace) const {
    if (is_thin()) {
      if (few_inputs())
        widen_backward(x, dy, weights, weights_gradient, bias_gradient, dx, workspace);
      else
        thin().narrow_backward(weights, x, dy, weights_gradient, bias_gradient, dx, samples_);
      return;
    }
    for (Index k = 0; k < networks_; ++k)
      network_backward(x + k * x_size(), dy + k * y_size(), weights + k * weights_size(),
                       weights_gradient + k * weights_size(), bias_gradient + k * outputs_,
                       dx == nullptr ? nullptr : dx + k * x_size());
  }

  /// `forward`, then a LeakyReLU of this slope in place, in one pass over y where that is quicker.
  void forward_then(Scalar slope, const Scalar* x, const Scalar* weights, const Scalar* bias, Scalar* y,
                    Scalar* workspace) const {
    if (is_thin() && few_inputs()) return thin().widen(thin_weights(weights, workspace), bias, x, y, samples_, slope);
    forward(x, weights, bias, y, workspace);
    HostKernels::leaky_relu(y, y, networks_ * y_size(), slope);
  }

  /// `backward` of both, y the output of the LeakyReLU; dy may be overwritten.
  void backward_through(Scalar slope, const Scalar* y, const Scalar* x, Scalar* dy, const Scalar* weights,
                        Scalar* weights_gradient, Scalar* bias_gradient, Scalar* dx, Scalar* workspace) const {
    if (is_thin() && few_inputs())
      return widen_backward(x, dy, weights, weights_gradient, bias_gradient, dx, workspace, y, slope);
    HostKernels::leaky_relu_backward(y, dy, dy, networks_ * y_size(), slope);
    backward(x, dy, weights, weights_gradient, bias_gradient, dx, workspace);
  }

  /// Whether this layer, a LeakyReLU and `last` are one block from few numbers to few, which is quicker in one pass.
  [[nodiscard]] bool is_block(const HostFullyConnected& last) const {
    return is_thin() && last.is_thin() && few_inputs() && inputs_ * last.outputs_ <= ThinBlock<Scalar>::most;
  }

  /// Computes y of x through this layer, the activation and `last`, without storing what lies between. Precondition:
  /// is_block(last).
  void block_forward(const HostFullyConnected& last, Scalar slope, const BlockTensors<const Scalar>& weights,
                     const Scalar* x, Scalar* y) const {
    block(last, slope).forward(weights, x, y, samples_);
  }

  /// Its backward pass. dhidden, as long as what lies in between, may be used; dx may be dy, or null.
  void block_backward(const HostFullyConnected& last, Scalar slope, const BlockTensors<const Scalar>& weights,
                      const Scalar* x, const Scalar* dy, Scalar* dhidden, Scalar* dx,
                      const BlockTensors<Scalar>& gradients) const {
    Scalar* const to = dx == dy ? dhidden : dx;
    block(last, slope).backward(weights, x, dy, to, gradients, samples_);
    if (to != dx) std::copy_n(to, inputs_ * samples_, dx);
  }

 private:
  static constexpr Index most = ThinProduct<Scalar>::most;

  [[nodiscard]] ThinBlock<Scalar> block(const HostFullyConnected& last, Scalar slope) const {
    return {inputs_, outputs_, last.outputs_, slope};
  }

  // Sizes of the arrays of one network.
  [[nodiscard]] Index x_size() const { return inputs_ * samples_; }
  [[nodiscard]] Index y_size() const { return outputs_ * samples_; }
  [[nodiscard]] Index weights_size() const { return outputs_ * inputs_; }

  void network_forward(const Scalar* x, const Scalar* weights, const Scalar* bias, Scalar* y) const {
    parallel_for(samples_, outputs_, [&](Index j) { std::copy_n(bias, outputs_, y + j * outputs_); });
    Products::parallel_product(true, false, outputs_, samples_, inputs_, weights, inputs_, x, inputs_, true, y,
                               outputs_);
  }

  void network_backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient,
                        Scalar* bias_gradient, Scalar* dx) const {
    constexpr Index piece = 512;
    parallel_for((outputs_ + piece - 1) / piece, piece * samples_, [&](Index task) {
      add_up_bias_gradient(dy, bias_gradient, task * piece, std::min(outputs_, (task + 1) * piece));
    });
    Products::parallel_product(false, true, inputs_, outputs_, samples_, x, inputs_, dy, outputs_, false,
                               weights_gradient, inputs_);
    if (dx != nullptr)
      Products::parallel_product(false, false, inputs_, samples_, outputs_, weights, inputs_, dy, outputs_, false, dx,
                                 inputs_);
  }

  [[nodiscard]] bool few_inputs() const { return inputs_ < outputs_; }
  [[nodiscard]] bool is_thin() const {
    constexpr Index worth_threads = 1 << 18;
    return std::min(inputs_, outputs_) <= most && inputs_ * outputs_ * samples_ < worth_threads && networks_ == 1;
  }
  [[nodiscard]] ThinProduct<Scalar> thin() const { return {std::min(inputs_, outputs_), std::max(inputs_, outputs_)}; }

  [[nodiscard]] Index thin_size() const { return Buffer<Scalar>::aligned(inputs_ * outputs_); }
  /// V (outputs, inputs): the weights with the output fastest.
  [[nodiscard]] const Scalar* thin_weights(const Scalar* weights, Scalar* workspace) const {
    if (inputs_ == 1) return weights;
    for (Index i = 0; i < inputs_; ++i)
      for (Index o = 0; o < outputs_; ++o) workspace[i * outputs_ + o] = weights[o * inputs_ + i];
    return workspace;
  }

  void widen_backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient,
                      Scalar* bias_gradient, Scalar* dx, Scalar* workspace, const Scalar* y = nullptr,
                      Scalar slope = Scalar(1)) const {
    Scalar* const gradient = inputs_ == 1 ? weights_gradient : workspace + thin_size();
    thin().widen_backward(thin_weights(weights, workspace), x, dy, gradient, bias_gradient, dx, samples_, y, slope);
    if (inputs_ == 1) return;
    for (Index i = 0; i < inputs_; ++i)
      for (Index o = 0; o < outputs_; ++o) weights_gradient[o * inputs_ + i] = gradient[i * outputs_ + o];
  }

  void add_up_bias_gradient(const Scalar* dy, Scalar* sum, Index begin, Index end) const {
    std::copy(dy + begin, dy + end, sum + begin);
    for (Index j = 1; j < samples_; ++j)
      for (Index i = begin; i < end; ++i) sum[i] += dy[j * outputs_ + i];
  }

  Index inputs_ = 1;
  Index outputs_ = 1;
  Index samples_ = 0;  ///< of each network
  Index networks_ = 1;
};

}  // namespace diffarch::nn::detail
