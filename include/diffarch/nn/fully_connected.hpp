#pragma once

#include <cmath>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels.hpp"
#include "diffarch/nn/layer.hpp"

namespace diffarch::nn {

namespace detail {

/// The products of a fully connected layer with few inputs or few outputs, where a general product costs more to set up
/// than to run. V holds `thin` vectors of length `wide`, one after the other.
template <class Scalar>
struct ThinProduct {
  Index thin;
  Index wide;

  /// y += a x.
  static void add_scaled(Scalar* y, Scalar a, const Scalar* x, Index count) {
    for (Index i = 0; i < count; ++i) y[i] += a * x[i];
  }

  /// wide_j += V thin_j for every sample j.
  void add_combination(const Scalar* v, const Scalar* thin_values, Scalar* wide_values, Index samples) const {
    for (Index j = 0; j < samples; ++j)
      for (Index t = 0; t < thin; ++t)
        add_scaled(wide_values + j * wide, thin_values[j * thin + t], v + t * wide, wide);
  }

  /// thin_j += V^T wide_j for every sample j.
  void add_projection(const Scalar* v, const Scalar* wide_values, Scalar* thin_values, Index samples) const {
    constexpr Index lanes = 16;
    for (Index j = 0; j < samples; ++j)
      for (Index t = 0; t < thin; ++t) {
        const Scalar* const a = v + t * wide;
        const Scalar* const b = wide_values + j * wide;
        Scalar sums[lanes] = {};
        Index i = 0;
        for (; i + lanes <= wide; i += lanes)
          for (Index k = 0; k < lanes; ++k) sums[k] += a[i + k] * b[i + k];
        for (Index k = 0; i < wide; ++i, ++k) sums[k] += a[i] * b[i];
        for (Index half = lanes / 2; half > 0; half /= 2)
          for (Index k = 0; k < half; ++k) sums[k] += sums[k + half];
        thin_values[j * thin + t] += sums[0];
      }
  }

  /// V = sum_j wide_j thin_j^T.
  void outer_products(const Scalar* thin_values, const Scalar* wide_values, Scalar* v, Index samples) const {
    std::fill_n(v, thin * wide, Scalar(0));
    for (Index j = 0; j < samples; ++j)
      for (Index t = 0; t < thin; ++t)
        add_scaled(v + t * wide, thin_values[j * thin + t], wide_values + j * wide, wide);
  }
};

}  // namespace detail

/// y = W x + b for each sample, x of any shape with `inputs` numbers, y of shape 1 x 1 x outputs. W is (outputs,
/// inputs) with the input fastest, as PyTorch's Linear; both start from U(-1/sqrt(inputs), 1/sqrt(inputs)).
template <class ScalarType, class Kernels = DefaultKernels>
class FullyConnected {
 public:
  using Scalar = ScalarType;

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
  /// A copy of V when it is not how the weights are stored.
  [[nodiscard]] Index workspace_size() const {
    return few_inputs() && inputs_ <= few ? Buffer<Scalar>::aligned(inputs_ * outputs_) : 0;
  }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* workspace) {
    if (is_thin(samples)) {
      for (Index j = 0; j < samples; ++j) std::copy_n(bias_.data(), outputs_, y + j * outputs_);
      if (few_inputs())
        thin().add_combination(thin_weights(workspace), x, y, samples);
      else
        thin().add_projection(weight_.data(), x, y, samples);
      return;
    }
    parallel_for(samples, outputs_, [&](Index j) { std::copy_n(bias_.data(), outputs_, y + j * outputs_); });
    Kernels::parallel_product(true, false, outputs_, samples, inputs_, std::as_const(weight_).data(), inputs_, x,
                              inputs_, true, y, outputs_);
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    if (is_thin(samples)) {
      add_up_bias_gradient(dy, samples, 0, outputs_);
      thin_backward(x, dy, dx, samples, workspace);
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

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    visit(Parameter<Scalar>(detail::join(prefix, "weight"), {outputs_, inputs_}, weight_.span(),
                            weight_gradient_.span()));
    visit(Parameter<Scalar>(detail::join(prefix, "bias"), {outputs_}, bias_.span(), bias_gradient_.span()));
  }

  void initialise(Initialiser& initialiser) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs_));
    initialiser.uniform(weight_.span(), bound);
    initialiser.uniform(bias_.span(), bound);
  }

 private:
  static constexpr Index few = 4;

  [[nodiscard]] bool few_inputs() const { return inputs_ < outputs_; }
  [[nodiscard]] bool is_thin(Index samples) const {
    constexpr Index worth_threads = 1 << 18;
    return std::min(inputs_, outputs_) <= few && inputs_ * outputs_ * samples < worth_threads;
  }
  [[nodiscard]] detail::ThinProduct<Scalar> thin() const {
    return {std::min(inputs_, outputs_), std::max(inputs_, outputs_)};
  }

  /// V (outputs, inputs): the weights with the output fastest.
  [[nodiscard]] const Scalar* thin_weights(Scalar* workspace) const {
    for (Index o = 0; o < outputs_; ++o)
      for (Index i = 0; i < inputs_; ++i) workspace[i * outputs_ + o] = weight_[o * inputs_ + i];
    return workspace;
  }

  void thin_backward(const Scalar* x, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    if (dx != nullptr) std::fill_n(dx, inputs_ * samples, Scalar(0));
    if (few_inputs()) {
      if (dx != nullptr) thin().add_projection(thin_weights(workspace), dy, dx, samples);
      thin().outer_products(x, dy, workspace, samples);
      for (Index o = 0; o < outputs_; ++o)
        for (Index i = 0; i < inputs_; ++i) weight_gradient_[o * inputs_ + i] = workspace[i * outputs_ + o];
    } else {
      if (dx != nullptr) thin().add_combination(weight_.data(), dy, dx, samples);
      thin().outer_products(dy, x, weight_gradient_.data(), samples);
    }
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
