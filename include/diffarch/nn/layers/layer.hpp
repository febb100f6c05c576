#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/nn/kernels/buffer.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"

namespace diffarch::nn {

/// One tensor of a layer, seen from outside. `values` are in PyTorch's memory order (the last dimension fastest) and
/// under PyTorch's name, whatever layout the kernels use inside, so reading and writing a state_dict copies. They lie
/// in memory of the kernels' backend: see `host_copy`.
template <class Scalar>
struct Parameter {
  std::string name;  ///< for example "encoder.0.3.running_mean"
  std::array<Index, 4> dimensions{};
  std::size_t rank = 0;
  std::span<Scalar> values;
  std::span<Scalar> gradient;       ///< empty for buffers that no optimiser updates
  std::int64_t* counter = nullptr;  ///< for integer scalars (num_batches_tracked): their value; `values` is empty

  Parameter(std::string tensor_name, std::initializer_list<Index> shape, std::span<Scalar> tensor_values,
            std::span<Scalar> tensor_gradient = {})
      : name(std::move(tensor_name)), rank(shape.size()), values(tensor_values), gradient(tensor_gradient) {
    std::copy(shape.begin(), shape.end(), dimensions.begin());
  }
  Parameter(std::string tensor_name, std::int64_t* value) : name(std::move(tensor_name)), counter(value) {}

  [[nodiscard]] std::span<const Index> shape() const noexcept { return {dimensions.data(), rank}; }
  [[nodiscard]] bool trainable() const noexcept { return !gradient.empty(); }
};

/// Source of initial weights, made on the host: the k-th tensor that asks gets numbers that depend on (seed, stream, k,
/// element) alone.
class Initialiser {
 public:
  explicit Initialiser(Seed seed, Stream stream = streams::weights) : random_(seed, stream) {}

  /// U(-bound, bound).
  template <class Scalar>
  void uniform(std::span<Scalar> values, double bound) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<Scalar>(bound * (2.0 * random_.uniform(tensor_, static_cast<Index>(i)) - 1.0));
    ++tensor_;
  }

  /// N(0, deviation^2), moved into [-limit, limit].
  template <class Scalar>
  void clipped_normal(std::span<Scalar> values, double deviation, double limit) {
    for_each_normal(
        random_, static_cast<Index>(values.size()), 1, [&](Index /*column*/) { return tensor_; },
        [&](Index i, double normal) {
          values[static_cast<std::size_t>(i)] = static_cast<Scalar>(std::clamp(deviation * normal, -limit, limit));
        });
    ++tensor_;
  }

 private:
  CounterRandom random_;
  Index tensor_ = 0;
};

/// Pixels first ... last along one axis.
struct Interval {
  Index first = 0;
  Index last = 0;
  [[nodiscard]] constexpr Index width() const noexcept { return last - first + 1; }
  friend constexpr bool operator==(const Interval&, const Interval&) = default;
};

/// A reference to a callable that visits the tensors of a network. The visitor does not own the callable. All callables
/// have this one type, so that the walk through the layers of a network is compiled once.
template <class Scalar>
class ParameterVisitor {
 public:
  template <class Visit>
  explicit ParameterVisitor(const Visit& visit)
      : visit_(&visit), call_([](const void* callable, const Parameter<Scalar>& parameter) {
          (*static_cast<const Visit*>(callable))(parameter);
        }) {}
  void operator()(const Parameter<Scalar>& parameter) const { call_(visit_, parameter); }

 private:
  const void* visit_;
  void (*call_)(const void*, const Parameter<Scalar>&);
};

namespace detail {
struct ParameterProbe {
  template <class Scalar>
  void operator()(const Parameter<Scalar>& /*parameter*/) const {}
};
}  // namespace detail

/// A differentiable map of a batch of images (NHWC; flat samples have shape 1 x 1 x d), with its weights.
///  - `Scalar`: float or double; `Kernels`: who computes, and where the numbers are that pointers point to (see
///    `KernelFamily`).
///  - `output_shape(input)`: shape of one output sample. Throws InvalidArgument for a shape the layer cannot take.
///  - `plan(input, samples)`: sizes all memory for batches of `samples` images; call it again when either changes.
///  - `workspace_size()`: after `plan`, the number of Scalars of scratch memory that forward and backward need; they
///  own
///    it during the call only. `workspace` is aligned to cache lines.
///  - `forward(x, y, samples, mode, workspace)`: x (d_in, samples) -> y (d_out, samples), both contiguous.
///  - `backward(x, y, dy, dx, samples, workspace)`: with x and y of the last forward, sets (does not add to) the
///    gradients of the weights and writes dx = J^T dy. dx may be nullptr: then only the weights' gradients are made.
///    dy may be overwritten. In evaluation mode it is the gradient of the evaluated map, for Jacobians.
///  - `for_each_parameter(prefix, visit)`: calls visit(Parameter) for every tensor, names beginning with prefix.
///  - `initialise(initialiser)`: PyTorch's default distributions.
///
/// Optional static constexpr members (false or 1 unless given):
///  - `forward_in_place`: y may be x; backward must then not read x. `backward_in_place`: dx may be dy.
///  - `backward_reads_output`: backward reads y.
///  - `name_slots`: how many places the layer takes in PyTorch's numbering of a Sequential (fused layers take several).
///  - `input_interval(Interval)`: which input pixels an interval of output pixels depends on, along one axis.
///  - `levels()`, not static: a shared pointer to the `BatchLevels` that its layers read, null when they are told no
///    noise level. Whoever calls forward fills them: see `Network`.
///  - `networks()`, not static: how many networks of one shape the layer is, side by side: a stack, whose tensors have
///    them as their first dimension when there are several. Each takes its share of the samples, in order.
///
/// A layer may take over the passes of a layer that follows it and works in place, where both at once are quicker:
///  - `forward_then(next, x, y, samples, mode, workspace)`: `forward`, then next.forward(y, y, ...);
///  - `backward_through(next, x, y, dy, dx, samples, workspace)`: both backwards, y being the output of `next`.
/// and of the two that follow it, `next` in place. hidden and dhidden, the tensors between, are theirs to use or not:
///  - `forward_then(next, last, x, hidden, y, samples, mode, workspace)`;
///  - `backward_through(next, last, x, hidden, y, dy, dhidden, dx, samples, workspace)`, where dx may be dy.
template <class L>
concept Layer = std::movable<L> && std::floating_point<typename L::Scalar> &&
    requires(L layer, const L& constant, const typename L::Scalar* in, typename L::Scalar* out, ImageShape shape,
             Initialiser initialiser) {
  typename L::Kernels::BackendType;
  { constant.output_shape(shape) } -> std::same_as<ImageShape>;
  layer.plan(shape, Index{});
  { constant.workspace_size() } -> std::convertible_to<Index>;
  layer.forward(in, out, Index{}, Mode::train, out);
  layer.backward(in, in, out, out, Index{}, out);
  layer.for_each_parameter(std::string{}, detail::ParameterProbe{});
  layer.initialise(initialiser);
};

namespace detail {

template <class L>
inline constexpr bool forward_in_place = requires {
  requires L::forward_in_place;
};
template <class L>
inline constexpr bool backward_in_place = requires {
  requires L::backward_in_place;
};
template <class L>
inline constexpr bool backward_reads_output = requires {
  requires L::backward_reads_output;
};

/// Whether L takes over the passes of a Next that follows it.
template <class L, class Next>
inline constexpr bool joins = requires(L layer, Next next, const typename L::Scalar* in, typename L::Scalar* out) {
  layer.forward_then(next, in, out, Index{}, Mode::train, out);
  layer.backward_through(next, in, in, out, out, Index{}, out);
};

/// Whether L takes over the passes of a Next and a Last that follow it.
template <class L, class Next, class Last>
inline constexpr bool joins_two = requires(L layer, Next next, Last last, const typename L::Scalar* in,
                                           typename L::Scalar* out) {
  layer.forward_then(next, last, in, out, out, Index{}, Mode::train, out);
  layer.backward_through(next, last, in, in, in, out, out, out, Index{}, out);
};

template <class L>
[[nodiscard]] Index networks_of(const L& layer) {
  if constexpr (requires { layer.networks(); })
    return layer.networks();
  else
    return 1;
}

template <class L>
[[nodiscard]] constexpr Index name_slots() {
  if constexpr (requires { L::name_slots; })
    return L::name_slots;
  else
    return 1;
}

[[nodiscard]] inline std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace detail
}  // namespace diffarch::nn
