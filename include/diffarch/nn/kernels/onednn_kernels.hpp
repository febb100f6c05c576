#pragma once

// This header and onednn_primitive.hpp alone know oneDNN (versions 2.6 and 3): include them when diffarch::onednn is
// linked.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <dnnl.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"
#include "diffarch/nn/kernels/onednn_primitive.hpp"

namespace diffarch::nn {

namespace detail {

/// The numbers that convolutions multiply: f32 numbers, or f32 numbers rounded to bf16 (8 bits of mantissa). CPUs with
/// instructions for bf16 multiply them twice as fast. Sums and results are f32 in both cases.
enum class ConvolutionPrecision { f32, bf16 };

/// Whether this CPU multiplies bf16 numbers; elsewhere they would be slower than f32.
[[nodiscard]] inline bool cpu_has_bf16() {
  // The values are sets of bits, a larger set for a newer CPU.
  constexpr auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

/// The nearest bf16 number, ties to even; NaN stays NaN.
[[nodiscard]] inline std::uint16_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  return static_cast<std::uint16_t>(value == value ? rounded : 0x7FC0U);
}

/// The 3x3 convolution of `Convolution` by oneDNN: activations stay NHWC, weights are reordered once per call to the
/// layout that the primitive prefers. Circular borders are copied around the image first; with bf16, activations and
/// their gradients are rounded into the workspace. See `EigenConvolution` for the meaning of the functions.
template <ConvolutionPrecision precision>
class OneDnnConvolution {
  using Memory = dnnl::memory;
  using Tag = Memory::format_tag;

 public:
  void plan(ImageShape input, Index out_channels, Padding padding, Index samples) {
    with_onednn([&] { plan_ = std::make_unique<Plan>(input, out_channels, padding, samples); }, "convolution of ",
                samples, " images of ", diffarch::detail::shape_text(input), " to ", out_channels, " channels");
  }

  [[nodiscard]] Index workspace_size() const {
    return plan_->scratch_size + plan_->input_size + plan_->rounded_gradient_size;
  }

  void forward(const float* x, const float* weights, float* y, float* workspace) const {
    with_onednn([&] { run_forward(x, weights, y, workspace); }, "convolution of ", plan_->samples, " images of ",
                diffarch::detail::shape_text(plan_->shape));
  }

  void backward(const float* x, const float* dy, const float* weights, float* weights_gradient, float* dx,
                float* workspace) const {
    with_onednn([&] { run_backward(x, dy, weights, weights_gradient, dx, workspace); }, "gradient of a convolution of ",
                plan_->samples, " images of ", diffarch::detail::shape_text(plan_->shape));
  }

 private:
  void run_forward(const float* x, const float* weights, float* y, float* workspace) const {
    Plan& p = *plan_;
    p.set(p.plain_weights, weights);
    p.pack_forward.run(p.stream);
    p.set(p.x, p.prepare_input(x, workspace));
    p.set(p.y, y);
    p.set(p.scratch, workspace);
    p.forward.run(p.stream);
  }

  void run_backward(const float* x, const float* dy, const float* weights, float* weights_gradient, float* dx,
                    float* workspace) const {
    Plan& p = *plan_;
    p.set(p.plain_gradient, p.packs_gradient ? weights_gradient : nullptr);
    if (!p.packs_gradient) p.set(p.weights_gradient, weights_gradient);
    p.set(p.x, p.prepare_input(x, workspace));
    p.set(p.dy, p.prepare_gradient(dy, workspace));
    p.set(p.scratch, workspace);
    p.backward_weights.run(p.stream);
    p.unpack_gradient.run(p.stream);
    if (dx == nullptr) return;
    p.set(p.plain_weights, weights);
    p.pack_backward.run(p.stream);
    p.set(p.dx, p.circular() ? workspace + p.scratch_size : dx);
    p.backward_data.run(p.stream);
    if (p.circular()) p.fold(workspace + p.scratch_size, dx);
  }

  /// The primitives of one shape. Arguments whose memory is the caller's get their address before each run.
  struct Plan {
    Plan(ImageShape input, Index out_channels, Padding border, Index count)
        : shape(input), padding(border), samples(count), stream(onednn_engine()) {
      const dnnl::engine& engine = onednn_engine();
      const Index margin = circular() ? 2 : 0;
      const Memory::dim pad_width = circular() ? 0 : 1;
      const Memory::dims strides{1, 1};
      const Memory::dims pads{pad_width, pad_width};
      const auto f32 = Memory::data_type::f32;
      const auto factor = rounds() ? Memory::data_type::bf16 : f32;
      const auto algorithm = dnnl::algorithm::convolution_direct;
      const Memory::dims x_dimensions{count, input.channels, input.height + margin, input.width + margin};
      const Memory::dims y_dimensions{count, out_channels, input.height, input.width};
      const Memory::desc x_layout(x_dimensions, factor, Tag::nhwc);
      const Memory::desc dx_layout(x_dimensions, f32, Tag::nhwc);
      const Memory::desc y_layout(y_dimensions, f32, Tag::nhwc);
      const Memory::desc dy_layout(y_dimensions, factor, Tag::nhwc);
      const Memory::dims weight_dimensions{out_channels, input.channels, 3, 3};
      const Memory::desc any(weight_dimensions, factor, Tag::any);
      const Memory::desc any_gradient(weight_dimensions, f32, Tag::any);
      const Memory::desc plain(weight_dimensions, f32, Tag::oihw);
      dnnl::primitive_attr own_scratch;
      own_scratch.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
      const dnnl::convolution_forward::primitive_desc forward_description(engine, dnnl::prop_kind::forward_training,
                                                                          algorithm, x_layout, any, y_layout, strides,
                                                                          pads, pads, own_scratch);
      const dnnl::convolution_backward_data::primitive_desc data_description(
          engine, algorithm, dx_layout, any, dy_layout, strides, pads, pads, forward_description, own_scratch);
      const dnnl::convolution_backward_weights::primitive_desc weights_description(
          engine, algorithm, x_layout, any_gradient, dy_layout, strides, pads, pads, forward_description, own_scratch);
#else
      const dnnl::convolution_forward::primitive_desc forward_description(
          {dnnl::prop_kind::forward_training, algorithm, x_layout, any, y_layout, strides, pads, pads}, own_scratch,
          engine);
      const dnnl::convolution_backward_data::primitive_desc data_description(
          {algorithm, dx_layout, any, dy_layout, strides, pads, pads}, own_scratch, engine, forward_description);
      const dnnl::convolution_backward_weights::primitive_desc weights_description(
          {algorithm, x_layout, any_gradient, dy_layout, strides, pads, pads}, own_scratch, engine,
          forward_description);
#endif
      const auto scratch_bytes =
          std::max({forward_description.scratchpad_desc().get_size(), data_description.scratchpad_desc().get_size(),
                    weights_description.scratchpad_desc().get_size()});
      scratch_size = Buffer<float>::aligned(static_cast<Index>((scratch_bytes + sizeof(float) - 1) / sizeof(float)));
      // Two bf16 numbers take the place of one f32 number. dx with its borders goes where x was.
      if (circular())
        input_size = Buffer<float>::aligned(count * (input.height + 2) * (input.width + 2) * input.channels);
      else if (rounds())
        input_size = Buffer<float>::aligned((count * input.size() + 1) / 2);
      gradient_values = count * input.height * input.width * out_channels;
      if (rounds()) rounded_gradient_size = Buffer<float>::aligned((gradient_values + 1) / 2);

      x = outside(x_layout);
      dx = outside(dx_layout);
      y = outside(y_layout);
      dy = outside(dy_layout);
      plain_weights = outside(plain);
      plain_gradient = outside(plain);
      // Each primitive checks its own size of scratch memory, all at the same address.
      scratch = {outside(forward_description.scratchpad_desc()), outside(data_description.scratchpad_desc()),
                 outside(weights_description.scratchpad_desc())};
      forward_weights = inside(forward_description.weights_desc());
      backward_weights_copy = inside(data_description.weights_desc());
      packs_gradient = weights_description.diff_weights_desc() != plain;
      weights_gradient = packs_gradient ? inside(weights_description.diff_weights_desc()) : outside(plain);

      pack_forward = reorder(plain_weights, forward_weights);
      pack_backward = reorder(plain_weights, backward_weights_copy);
      if (packs_gradient) unpack_gradient = reorder(weights_gradient, plain_gradient);
      forward = {dnnl::convolution_forward(forward_description),
                 {{DNNL_ARG_SRC, &x},
                  {DNNL_ARG_WEIGHTS, &forward_weights},
                  {DNNL_ARG_DST, &y},
                  {DNNL_ARG_SCRATCHPAD, &scratch[0]}}};
      backward_data = {dnnl::convolution_backward_data(data_description),
                       {{DNNL_ARG_DIFF_SRC, &dx},
                        {DNNL_ARG_WEIGHTS, &backward_weights_copy},
                        {DNNL_ARG_DIFF_DST, &dy},
                        {DNNL_ARG_SCRATCHPAD, &scratch[1]}}};
      backward_weights = {dnnl::convolution_backward_weights(weights_description),
                          {{DNNL_ARG_SRC, &x},
                           {DNNL_ARG_DIFF_WEIGHTS, &weights_gradient},
                           {DNNL_ARG_DIFF_DST, &dy},
                           {DNNL_ARG_SCRATCHPAD, &scratch[2]}}};
    }

    [[nodiscard]] bool circular() const { return padding == Padding::circular; }
    [[nodiscard]] static bool rounds() {
      static const bool result = precision == ConvolutionPrecision::bf16 && cpu_has_bf16();
      return result;
    }

    [[nodiscard]] static Memory outside(const Memory::desc& layout) {
      return Memory(layout, onednn_engine(), DNNL_MEMORY_NONE);
    }
    [[nodiscard]] static Memory inside(const Memory::desc& layout) { return Memory(layout, onednn_engine()); }
    [[nodiscard]] static OneDnnPrimitive reorder(Memory& from, Memory& to) {
      return {dnnl::reorder(from, to), {{DNNL_ARG_FROM, &from}, {DNNL_ARG_TO, &to}}};
    }
    static void set(Memory& memory, const void* address) {
      // oneDNN takes the address of what it only reads as one it may write.
      memory.set_data_handle(const_cast<void*>(address));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    static void set(std::array<Memory, 3>& memories, const void* address) {
      for (auto& memory : memories) set(memory, address);
    }

    /// The images as the primitives take them: as they are, with borders copied around them, rounded, or both.
    [[nodiscard]] const void* prepare_input(const float* images, float* workspace) const {
      float* const prepared = workspace + scratch_size;
      if (rounds()) {
        auto* const rounded = reinterpret_cast<std::uint16_t*>(prepared);
        if (circular())
          pad(images, rounded);
        else
          round(images, samples * shape.size(), rounded);
        return rounded;
      }
      if (!circular()) return images;
      pad(images, prepared);
      return prepared;
    }

    [[nodiscard]] const void* prepare_gradient(const float* gradient, float* workspace) const {
      if (!rounds()) return gradient;
      auto* const rounded = reinterpret_cast<std::uint16_t*>(workspace + scratch_size + input_size);
      round(gradient, gradient_values, rounded);
      return rounded;
    }

    static void copy(const float* from, Index count, float* to) { std::copy_n(from, count, to); }
    static void copy(const float* from, Index count, std::uint16_t* to) {
      for (Index i = 0; i < count; ++i) to[i] = bf16_bits(from[i]);
    }

    static void round(const float* values, Index count, std::uint16_t* rounded) {
      constexpr Index chunk = 4096;
      parallel_for((count + chunk - 1) / chunk, chunk,
                   [&](Index i) { copy(values + i * chunk, std::min(chunk, count - i * chunk), rounded + i * chunk); });
    }

    /// Copies the images with the borders that circular padding puts around them.
    template <class Number>
    void pad(const float* images, Number* padded) const {
      const Index line = (shape.width + 2) * shape.channels;
      parallel_for(samples * (shape.height + 2), line, [&](Index row) {
        const Index r = row % (shape.height + 2);
        const Index source = (r + shape.height - 1) % shape.height;
        const Index width = shape.width * shape.channels;
        const float* const from = images + row / (shape.height + 2) * shape.size() + source * width;
        Number* const to = padded + row * line;
        copy(from + width - shape.channels, shape.channels, to);
        copy(from, width, to + shape.channels);
        copy(from, shape.channels, to + shape.channels + width);
      });
    }

    /// The transpose of `pad`: what went around the image is added where it came from.
    void fold(const float* padded, float* images) const {
      const Index c = shape.channels;
      const Index line = (shape.width + 2) * c;
      const Index width = shape.width * c;
      parallel_for(samples * shape.height, line, [&](Index row) {
        const Index r = row % shape.height;
        const float* const image = padded + row / shape.height * (shape.height + 2) * line;
        float* const to = images + row * width;
        const auto add = [&](const float* from, bool first) {
          for (Index i = 0; i < width; ++i) to[i] = (first ? 0.0F : to[i]) + from[c + i];
          for (Index k = 0; k < c; ++k) to[width - c + k] += from[k];
          for (Index k = 0; k < c; ++k) to[k] += from[c + width + k];
        };
        add(image + (r + 1) * line, true);
        if (r == 0) add(image + (shape.height + 1) * line, false);
        if (r == shape.height - 1) add(image, false);
      });
    }

    ImageShape shape;
    Padding padding;
    Index samples;
    dnnl::stream stream;
    Index scratch_size = 0;
    Index input_size = 0;
    Index rounded_gradient_size = 0;
    Index gradient_values = 0;
    bool packs_gradient = true;
    Memory x, dx, y, dy, plain_weights, plain_gradient, forward_weights, backward_weights_copy, weights_gradient;
    std::array<Memory, 3> scratch;
    OneDnnPrimitive pack_forward, pack_backward, unpack_gradient, forward, backward_data, backward_weights;
  };

  std::unique_ptr<Plan> plan_;
};

}  // namespace detail

/// oneDNN's kernels in f32, Eigen's in double, a `KernelFamily`. Differs from Eigen's
/// by rounding, about 1e-6 relative.
struct OneDnnKernels : HostKernels {
  [[nodiscard]] static std::string name() {
    return diffarch::detail::concat("oneDNN ", DNNL_VERSION_MAJOR, ".", DNNL_VERSION_MINOR);
  }

  template <class Scalar>
  using Convolution =
      std::conditional_t<std::is_same_v<Scalar, float>, detail::OneDnnConvolution<detail::ConvolutionPrecision::f32>,
                         detail::EigenConvolution<Scalar>>;
  template <class Scalar>
  using TransposedConvolution = detail::HostTransposedConvolution<Scalar, OneDnnKernels>;
  template <class Scalar>
  using FullyConnected = detail::HostFullyConnected<Scalar, OneDnnKernels>;

  /// On the calling thread inside a parallel region, else on all threads.
  template <class Scalar>
  static void product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a, Index stride_a,
                      const Scalar* b, Index stride_b, bool accumulate, Scalar* c, Index stride_c) {
    if constexpr (std::is_same_v<Scalar, float>) {
      // oneDNN's matrices are row-major: C^T = op(B)^T op(A)^T.
      detail::with_onednn(
          [&] {
            dnnl::error::wrap_c_api(dnnl_sgemm(transpose_b ? 'T' : 'N', transpose_a ? 'T' : 'N', n, m, k, 1.0F, b,
                                               stride_b, a, stride_a, accumulate ? 1.0F : 0.0F, c, stride_c),
                                    "could not multiply matrices");
          },
          "product of (", m, ", ", k, ") and (", k, ", ", n, ") matrices");
    } else {
      EigenKernels::product(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, accumulate, c, stride_c);
    }
  }

  template <class Scalar>
  static void parallel_product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a,
                               Index stride_a, const Scalar* b, Index stride_b, bool accumulate, Scalar* c,
                               Index stride_c) {
    if constexpr (std::is_same_v<Scalar, float>)
      product(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, accumulate, c, stride_c);
    else
      EigenKernels::parallel_product(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, accumulate, c,
                                     stride_c);
  }
};

/// oneDNN's kernels with f32 convolutions that multiply bf16 numbers, where the CPU has instructions for them. They are
/// about twice as fast. Results differ by about 1e-3 relative; gradients through a whole network differ by 1e-2 and
/// more where ReLUs switch. Weights, their gradients and all other numbers stay f32.
struct OneDnnBf16Kernels : OneDnnKernels {
  [[nodiscard]] static std::string name() {
    return OneDnnKernels::name() + (detail::cpu_has_bf16() ? ", bf16 convolutions" : " (this CPU has no bf16)");
  }

  template <class Scalar>
  using Convolution =
      std::conditional_t<std::is_same_v<Scalar, float>, detail::OneDnnConvolution<detail::ConvolutionPrecision::bf16>,
                         detail::EigenConvolution<Scalar>>;
};

static_assert(KernelFamily<OneDnnKernels> && KernelFamily<OneDnnBf16Kernels>);

}  // namespace diffarch::nn
