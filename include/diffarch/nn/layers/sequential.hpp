#pragma once

#include <algorithm>
#include <tuple>
#include <utility>

#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// Layers one after the other, read from left to right; itself a layer. Tensors are named by position, "0.weight", as
/// in PyTorch's Sequential. Activations between layers are kept for the backward pass, except where a layer works in
/// place; gradients between layers live in the workspace, two at a time.
template <class First, class... Rest>
class Sequential {
  static_assert((Layer<First> && ... && Layer<Rest>),
                "diffarch: every part of nn::Sequential must satisfy the concept nn::Layer");
  static_assert((std::is_same_v<typename First::Scalar, typename Rest::Scalar> && ...),
                "diffarch: the layers of nn::Sequential must have one Scalar");
  static_assert((std::is_same_v<typename First::Kernels::BackendType, typename Rest::Kernels::BackendType> && ...),
                "diffarch: the layers of nn::Sequential must have kernels of one backend");
  using Layers = std::tuple<First, Rest...>;
  static constexpr std::size_t count = 1 + sizeof...(Rest);
  template <std::size_t I>
  using LayerAt = std::tuple_element_t<I, Layers>;
  using Buffer = typename First::Kernels::template Buffer<typename First::Scalar>;

 public:
  using Scalar = typename First::Scalar;
  using Kernels = typename First::Kernels;
  static constexpr bool backward_reads_output = detail::backward_reads_output<LayerAt<count - 1>>;

  explicit Sequential(First first, Rest... rest) : layers_(std::move(first), std::move(rest)...) {}

  template <std::size_t I>
  [[nodiscard]] LayerAt<I>& get() noexcept {
    return std::get<I>(layers_);
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    std::apply([&](const auto&... layer) { ((input = layer.output_shape(input)), ...); }, layers_);
    return input;
  }

  [[nodiscard]] static constexpr Interval input_interval(Interval output) {
    return interval_through<count - 1>(output);
  }

  [[nodiscard]] Index networks() const {
    return std::apply([](const auto&... layer) { return std::max({detail::networks_of(layer)...}); }, layers_);
  }

  void plan(ImageShape input, Index samples) {
    gradient_size_ = {0, 0};
    workspace_size_ = 0;
    for_each_index([&]<std::size_t I>() {
      if constexpr (I > 0) {
        sizes_[I] = Buffer::aligned(input.size() * samples);
        if constexpr (!shares_output<I>()) activations_[I].resize(sizes_[I]);
        if constexpr (!gradient_shared<I>()) {
          Index& size = gradient_size_[gradient_buffer<I>()];
          size = std::max(size, sizes_[I]);
        }
      }
      get<I>().plan(input, samples);
      workspace_size_ = std::max<Index>(workspace_size_, std::as_const(get<I>()).workspace_size());
      input = std::as_const(get<I>()).output_shape(input);
    });
    workspace_size_ = Buffer::aligned(workspace_size_);
  }

  [[nodiscard]] Index workspace_size() const { return gradient_size_[0] + gradient_size_[1] + workspace_size_; }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    const auto values = boundaries(y);
    for_each_index([&]<std::size_t I>() {
      if constexpr (begins_group<I>()) {
        const Scalar* const input = I == 0 ? x : values[I];
        Scalar* const output = values[I + group_size<I>()];
        if constexpr (group_size<I>() == 3)
          get<I>().forward_then(get<I + 1>(), get<I + 2>(), input, values[I + 2], output, samples, mode, workspace);
        else if constexpr (group_size<I>() == 2)
          get<I>().forward_then(get<I + 1>(), input, output, samples, mode, workspace);
        else
          get<I>().forward(input, output, samples, mode, workspace);
      }
    });
  }

  void backward(const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    // The last boundary is only read.
    const auto values = boundaries(const_cast<Scalar*>(y));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    const auto gradients = gradient_boundaries(dy, dx, workspace);
    Scalar* const rest = workspace + gradient_size_[0] + gradient_size_[1];
    for_each_index([&]<std::size_t Reversed>() {
      constexpr std::size_t I = count - 1 - Reversed;
      if constexpr (begins_group<I>()) {
        constexpr std::size_t End = I + group_size<I>();
        const Scalar* const input = I == 0 ? x : values[I];
        if constexpr (group_size<I>() == 3)
          get<I>().backward_through(get<I + 1>(), get<I + 2>(), input, values[I + 2], values[End], gradients[End],
                                    gradients[I + 2], gradients[I], samples, rest);
        else if constexpr (group_size<I>() == 2)
          get<I>().backward_through(get<I + 1>(), input, values[End], gradients[End], gradients[I], samples, rest);
        else
          get<I>().backward(input, values[End], gradients[End], gradients[I], samples, rest);
      }
    });
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    Index position = 0;
    for_each_index([&]<std::size_t I>() {
      get<I>().for_each_parameter(detail::join(prefix, std::to_string(position)), visit);
      position += detail::name_slots<LayerAt<I>>();
    });
  }

  void initialise(Initialiser& initialiser) {
    for_each_index([&]<std::size_t I>() { get<I>().initialise(initialiser); });
  }

 private:
  template <class Body>
  static void for_each_index(const Body& body) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (body.template operator()<I>(), ...); }
    (std::make_index_sequence<count>{});
  }

  template <std::size_t I>
  [[nodiscard]] static constexpr Interval interval_through(Interval output) {
    const Interval input = LayerAt<I>::input_interval(output);
    if constexpr (I == 0)
      return input;
    else
      return interval_through<I - 1>(input);
  }

  /// Whether the input of layer I > 0 is the same memory as its output.
  template <std::size_t I>
  [[nodiscard]] static constexpr bool shares_output() {
    return detail::forward_in_place<LayerAt<I>> && !detail::backward_reads_output<LayerAt<I - 1>>;
  }

  /// Whether the gradient before layer I > 0 is the same memory as the one after it.
  template <std::size_t I>
  [[nodiscard]] static constexpr bool gradient_shared() {
    return detail::backward_in_place<LayerAt<I>>;
  }

  /// How many layers layer I computes, itself included: those after it that it takes over follow it in place both
  /// ways, except for the last of three.
  template <std::size_t I>
  [[nodiscard]] static constexpr std::size_t group_size() {
    if constexpr (I + 1 < count) {
      if constexpr (shares_output<I + 1>() && gradient_shared<I + 1>()) {
        if constexpr (I + 2 < count) {
          if constexpr (detail::joins_two<LayerAt<I>, LayerAt<I + 1>, LayerAt<I + 2>>) return 3;
        }
        if constexpr (detail::joins<LayerAt<I>, LayerAt<I + 1>>) return 2;
      }
    }
    return 1;
  }

  /// Whether layer I is not computed by one before it.
  template <std::size_t I, std::size_t Begin = 0>
  [[nodiscard]] static constexpr bool begins_group() {
    if constexpr (Begin < I)
      return begins_group<I, Begin + group_size<Begin>()>();
    else
      return Begin == I;
  }

  /// Which of the two buffers holds the gradient before layer I: the one that does not hold the gradient after it.
  template <std::size_t I>
  [[nodiscard]] static constexpr std::size_t gradient_buffer() {
    if constexpr (I + 1 >= count)
      return 0;
    else if constexpr (gradient_shared<I + 1>() && is_last_gradient<I + 1>())
      return 0;
    else
      return 1 - gradient_holder<I + 1>();
  }

  /// Whether the gradient before layer I is still the one that the caller gave.
  template <std::size_t I>
  [[nodiscard]] static constexpr bool is_last_gradient() {
    if constexpr (I >= count)
      return true;
    else
      return gradient_shared<I>() && is_last_gradient<I + 1>();
  }

  template <std::size_t I>
  [[nodiscard]] static constexpr std::size_t gradient_holder() {
    if constexpr (gradient_shared<I>())
      return gradient_holder<I + 1>();
    else
      return gradient_buffer<I>();
  }

  /// Element I > 0: the input of layer I; element `count`: y.
  [[nodiscard]] std::array<Scalar*, count + 1> boundaries(Scalar* y) {
    std::array<Scalar*, count + 1> values{};
    values[count] = y;
    for_each_index([&]<std::size_t Reversed>() {
      constexpr std::size_t I = count - 1 - Reversed;
      if constexpr (I > 0) values[I] = shares_output<I>() ? values[I + 1] : activations_[I].data();
    });
    return values;
  }

  /// Element I > 0: the gradient before layer I; element 0: dx; element `count`: dy.
  [[nodiscard]] std::array<Scalar*, count + 1> gradient_boundaries(Scalar* dy, Scalar* dx, Scalar* workspace) const {
    const std::array<Scalar*, 2> buffers{workspace, workspace + gradient_size_[0]};
    std::array<Scalar*, count + 1> gradients{};
    gradients[count] = dy;
    for_each_index([&]<std::size_t Reversed>() {
      constexpr std::size_t I = count - 1 - Reversed;
      if constexpr (I > 0) gradients[I] = gradient_shared<I>() ? gradients[I + 1] : buffers[gradient_buffer<I>()];
    });
    gradients[0] = dx;
    return gradients;
  }

  Layers layers_;
  std::array<Buffer, count> activations_;
  std::array<Index, count> sizes_{};
  std::array<Index, 2> gradient_size_{};
  Index workspace_size_ = 0;
};

}  // namespace diffarch::nn
