// Milliseconds of the bare convolutions in one training step of the U-Net of training_step.cpp, as one JSON object:
// each 3x3 convolution's forward, backward to its input (but the first, which needs none) and backward to its weights,
// as oneDNN primitives on memory that is in place, weights in the layout they prefer. The step cannot be faster.
//   convolution_floor SIZE [STEPS]      images of SIZE x SIZE x 3, batch 16, base 32, 3 pools, f32

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"

namespace {

using Memory = dnnl::memory;
using Arguments = std::unordered_map<int, Memory>;

struct Layer {
  Memory::dim in;
  Memory::dim out;
  Memory::dim size;
};

/// The convolutions of the U-Net in the order of the forward pass.
std::vector<Layer> unet_layers(Memory::dim size) {
  constexpr Memory::dim base = 32;
  constexpr Memory::dim pools = 3;
  std::vector<Layer> layers;
  Memory::dim channels = 3;
  for (Memory::dim b = 0; b <= pools; ++b) {
    layers.push_back({channels, base << b, size >> b});
    layers.push_back({base << b, base << b, size >> b});
    channels = base << b;
  }
  for (Memory::dim b = pools - 1; b >= 0; --b) {
    layers.push_back({2 * (base << b), base << b, size >> b});
    layers.push_back({base << b, b == 0 ? 3 : base << b, size >> b});
  }
  return layers;
}

struct Convolution {
  dnnl::primitive forward;
  dnnl::primitive backward_data;
  dnnl::primitive backward_weights;
  Arguments forward_arguments;
  Arguments data_arguments;
  Arguments weights_arguments;
};

Memory filled(const Memory::desc& layout, const dnnl::engine& engine) {
  Memory memory(layout, engine);
  auto* const values = static_cast<float*>(memory.get_data_handle());
  const std::size_t count = layout.get_size() / sizeof(float);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 7) - 3.0F;
  return memory;
}

Convolution make_convolution(const Layer& layer, const dnnl::engine& engine) {
  const Memory::dim batch = 16;
  const auto f32 = Memory::data_type::f32;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const Memory::desc x({batch, layer.in, layer.size, layer.size}, f32, Memory::format_tag::nhwc);
  const Memory::desc y({batch, layer.out, layer.size, layer.size}, f32, Memory::format_tag::nhwc);
  const Memory::desc w({layer.out, layer.in, 3, 3}, f32, Memory::format_tag::any);
  const Memory::dims ones{1, 1};
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::convolution_forward::primitive_desc forward(engine, dnnl::prop_kind::forward_training, algorithm, x, w, y,
                                                          ones, ones, ones);
  const dnnl::convolution_backward_data::primitive_desc data(engine, algorithm, x, w, y, ones, ones, ones, forward);
  const dnnl::convolution_backward_weights::primitive_desc weights(engine, algorithm, x, w, y, ones, ones, ones,
                                                                   forward);
#else
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, x, w, y, ones, ones, ones}, engine);
  const dnnl::convolution_backward_data::primitive_desc data({algorithm, x, w, y, ones, ones, ones}, engine, forward);
  const dnnl::convolution_backward_weights::primitive_desc weights({algorithm, x, w, y, ones, ones, ones}, engine,
                                                                   forward);
#endif
  Convolution convolution{dnnl::convolution_forward(forward),
                          dnnl::convolution_backward_data(data),
                          dnnl::convolution_backward_weights(weights),
                          {},
                          {},
                          {}};
  const Memory x_values = filled(x, engine);
  const Memory dx_values = filled(x, engine);
  const Memory y_values = filled(y, engine);
  convolution.forward_arguments = {
      {DNNL_ARG_SRC, x_values}, {DNNL_ARG_WEIGHTS, filled(forward.weights_desc(), engine)}, {DNNL_ARG_DST, y_values}};
  convolution.data_arguments = {{DNNL_ARG_DIFF_SRC, dx_values},
                                {DNNL_ARG_WEIGHTS, filled(data.weights_desc(), engine)},
                                {DNNL_ARG_DIFF_DST, y_values}};
  convolution.weights_arguments = {{DNNL_ARG_SRC, x_values},
                                   {DNNL_ARG_DIFF_WEIGHTS, filled(weights.diff_weights_desc(), engine)},
                                   {DNNL_ARG_DIFF_DST, y_values}};
  return convolution;
}

}  // namespace

int main(int argc, char** argv) {
  diffarch::keep_freed_memory();
  const long size = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  const long steps = argc > 2 ? std::max(1L, std::strtol(argv[2], nullptr, 10)) : 20;
  if (size < 8 || size % 8 != 0) {
    std::fprintf(stderr, "convolution_floor: size %ld; expected a multiple of 8\n", size);
    return 1;
  }
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  std::vector<Convolution> convolutions;
  for (const Layer& layer : unet_layers(size)) convolutions.push_back(make_convolution(layer, engine));

  std::vector<double> milliseconds;
  for (long step = -3; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    for (auto& convolution : convolutions) convolution.forward.execute(stream, convolution.forward_arguments);
    for (std::size_t i = convolutions.size(); i-- > 0;) {
      auto& convolution = convolutions[i];
      convolution.backward_weights.execute(stream, convolution.weights_arguments);
      if (i > 0) convolution.backward_data.execute(stream, convolution.data_arguments);
    }
    stream.wait();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (step >= 0) milliseconds.push_back(time.count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf("{\"size\": %ld, \"floor_ms\": %.5f, \"threads\": %d}\n", size, milliseconds[milliseconds.size() / 2],
              diffarch::thread_count());
}
