// Outputs, gradients and running statistics of the networks against PyTorch on the same weights and inputs. The
// fixtures are made by network_reference.py, which also says what they hold, and compares itself with the published
// code.

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "catch.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/training/adam.hpp"
#include "diffarch/nn/unet.hpp"
#include "nn/told_levels.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;

namespace {

// PyTorch's numbers are f32: bf16 convolutions, where they are the default, would be off by more than the limits here.
#if defined(DIFFARCH_BF16) && !defined(DIFFARCH_TEST_CUDA)
using ParityKernels = nn::OneDnnKernels;
#else
using ParityKernels = test::TestedKernels;
#endif
template <int Pools, class Scalar, class Normalisation = nn::StandardNormalisation>
using ParityUNet = nn::UNet<Pools, Scalar, Normalisation, ParityKernels>;

double sine_of(Index k, double factor, double power = 1.0, double offset = 0.0) {
  return std::sin(factor * std::pow(static_cast<double>(k + 1), power) + offset);
}

template <class Scalar>
Batch<Scalar> sines(Index d, Index n, double factor) {
  return Batch<Scalar>::NullaryExpr(
      d, n, [&](Index i, Index j) { return static_cast<Scalar>(sine_of(j * d + i, factor, 1.1)); });
}

template <class Scalar>
using NamedTensors = std::map<std::string, nn::Parameter<Scalar>>;

template <class Body>
NamedTensors<typename Body::Scalar> named_tensors(nn::Network<Body>& network) {
  NamedTensors<typename Body::Scalar> tensors;
  network.for_each_parameter([&](const auto& p) { tensors.emplace(p.name, p); });
  return tensors;
}

template <class Scalar>
void set_sine_weights(NamedTensors<Scalar>& tensors) {
  double number = 0.0;
  for (auto& [tensor_name, p] : tensors) {
    if (!p.trainable()) continue;
    number += 1.0;
    const bool gammas = tensor_name.ends_with("gammas");
    const bool channelwise = gammas || p.rank == 1;
    const double one = gammas || (p.rank == 1 && tensor_name.ends_with("weight")) ? 1.0 : 0.0;
    const double scale = channelwise ? 0.1 : std::sqrt(test::real(p.shape()[0]) / static_cast<double>(p.values.size()));
    std::vector<Scalar> values(p.values.size());
    for (std::size_t k = 0; k < p.values.size(); ++k)
      values[k] = static_cast<Scalar>(scale * sine_of(static_cast<Index>(k), 12.9898, 1.0, 78.233 * number) + one);
    test::set_values<ParityKernels>(p.values, values);
  }
}

/// Relative differences to PyTorch of each part of a fixture, largest absolute over largest absolute of the part.
template <class Body>
void compare_with_torch(const std::string& name, Body body, ImageShape shape, Index samples, double limit) {
  using Scalar = typename Body::Scalar;
  nn::Network<Body> network(std::move(body), shape);
  if (network.is_conditioned()) {
    std::vector<NoiseLevel> levels;
    for (Index s = 0; s < samples; ++s)
      levels.push_back(NoiseLevel::from_sigma(s % 3 == 0 ? 0.05 : s % 3 == 1 ? 1.0 : 20.0));
    test::tell_levels(network, levels);
  }
  NamedTensors<Scalar> tensors = named_tensors(network);
  set_sine_weights(tensors);

  const Batch<double> expected =
      read_npy_batch<float>(std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / ("network_" + name + ".npy"))
          .template cast<double>();
  Index position = 0;
  const auto compare = [&](const std::string& part, const Scalar* values, Index size) {
    REQUIRE(position + size <= expected.size());
    const Eigen::Map<const Vector<Scalar>> ours(values, size);
    const double difference = test::relative_difference(ours, Vector<double>(expected.col(0).segment(position, size)));
    position += size;
    INFO(name << ", " << part << ": relative difference to PyTorch " << difference);
    CHECK(difference < limit);
  };

  const Batch<Scalar> x = sines<Scalar>(shape.size(), samples, 0.7391);
  const Batch<Scalar> y = test::forward_on(network, x, nn::Mode::train);
  const Batch<Scalar> dx = test::backward_on(network, x, sines<Scalar>(shape.size(), samples, 0.913));
  const auto compare_tensor = [&](const std::string& part, std::span<const Scalar> values) {
    const std::vector<Scalar> host = test::values_of<ParityKernels>(values);
    compare(part, host.data(), static_cast<Index>(host.size()));
  };
  compare("output in training", y.data(), y.size());
  compare("gradient of the input", dx.data(), dx.size());
  for (const auto& [tensor_name, p] : tensors)
    if (p.trainable()) compare_tensor("gradient of " + tensor_name, p.gradient);
  for (const auto& [tensor_name, p] : tensors)
    if (!p.trainable() && p.counter == nullptr) compare_tensor(tensor_name, p.values);
  const Batch<Scalar> evaluated = test::forward_on(network, x, nn::Mode::evaluate);
  compare("output in evaluation", evaluated.data(), evaluated.size());
  REQUIRE(position == expected.size());
}

/// Losses of steps of Adam on the same batches as PyTorch.
template <class Body>
void compare_losses(const std::string& name, Body body, ImageShape shape, Index samples) {
  nn::Network<Body> network(std::move(body), shape);
  auto tensors = named_tensors(network);
  set_sine_weights(tensors);
  std::vector<nn::ParametersWithGradient<float>> pieces;
  Index count = 0;
  for (const auto& [tensor_name, p] : tensors)
    if (p.trainable()) {
      pieces.push_back({p.values, p.gradient});
      count += static_cast<Index>(p.values.size());
    }
  nn::Adam<float, ParityKernels> adam(count, {.learning_rate = 3e-3});
  const Batch<double> expected =
      read_npy_batch<double>(std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / ("network_losses_" + name + ".npy"));
  REQUIRE(expected.rows() == 12);
  for (Index step = 0; step < expected.rows(); ++step) {
    const double shift = 0.01 * static_cast<double>(step);
    const Batch<double> clean = sines<double>(shape.size(), samples, 0.7391 + shift);
    const Batch<double> noisy = 0.8 * clean + 0.6 * sines<double>(shape.size(), samples, 0.913 + shift);
    const Batch<float> x = noisy.cast<float>();
    const Batch<float> difference = test::forward_on(network, x, nn::Mode::train) - clean.cast<float>();
    const double loss = difference.cast<double>().squaredNorm() / static_cast<double>(clean.size());
    INFO(name << ", step " << step << ": loss " << loss << ", PyTorch " << expected(step, 0));
    CHECK(std::abs(loss - expected(step, 0)) < 1e-3 * expected(step, 0));
    test::backward_on(network, x, Batch<float>(difference * (2.0F / static_cast<float>(clean.size()))));
    adam.step(pieces);
  }
}

// 1e-4 in f32: rounding through up to 18 convolutions and batch norms over as few as 8 pixels. In double what is left
// is the f32 of the fixtures.
template <class Scalar>
constexpr double limit = std::is_same_v<Scalar, float> ? 1e-4 : 1e-6;

template <int Pools, class Scalar>
void compare_unet() {
  const Index side = (Index{1} << Pools) * (Pools < 4 ? 2 : 1);
  const ImageShape shape{2 * side, side, 3};
  const std::string name = "unet_" + std::to_string(Pools);
  compare_with_torch(name + "_zeros", ParityUNet<Pools, Scalar>({.channels = 2}), shape, 3, limit<Scalar>);
  compare_with_torch(name + "_circular", ParityUNet<Pools, Scalar>({.channels = 2, .padding = Padding::circular}),
                     shape, 3, limit<Scalar>);
}

}  // namespace

TEMPLATE_TEST_CASE("U-Nets agree with PyTorch in outputs, gradients and running statistics", "[parity]", float,
                   double) {
  compare_unet<1, TestType>();
  compare_unet<2, TestType>();
  compare_unet<3, TestType>();
  compare_unet<4, TestType>();
  compare_with_torch("unet_grey", ParityUNet<2, TestType>({.channels = 4, .image_channels = 1}), {8, 8, 1}, 2,
                     limit<TestType>);
  compare_with_torch("unet_bias_free",
                     ParityUNet<2, TestType, nn::BiasFreeNormalisation>({.channels = 4, .padding = Padding::circular}),
                     {8, 8, 3}, 2, limit<TestType>);
}

TEMPLATE_TEST_CASE("Bottleneck networks agree with PyTorch in outputs and gradients", "[parity]", float, double) {
  compare_with_torch("mlp", nn::Mlp<TestType, ParityKernels>(30, 12), {1, 1, 30}, 5, limit<TestType>);
  compare_with_torch("mlp_2d", nn::TwoDMlp<TestType, ParityKernels>(3), {1, 1, 2}, 9, limit<TestType>);
}

TEMPLATE_TEST_CASE("Networks that are told the noise level agree with PyTorch", "[parity]", float, double) {
  compare_with_torch("unet_told", ParityUNet<2, TestType>({.channels = 2, .conditioned = true}), {8, 8, 3}, 3,
                     limit<TestType>);
  compare_with_torch("mlp_2d_told", nn::TwoDMlp<TestType, ParityKernels>(3, 2, 64, 1, true), {1, 1, 2}, 9,
                     limit<TestType>);
}

TEST_CASE("Twelve steps of Adam follow PyTorch's losses", "[parity]") {
  compare_losses("unet_3_zeros", ParityUNet<3, float>({.channels = 2}), {32, 16, 3}, 3);
  compare_losses("unet_2_circular", ParityUNet<2, float>({.channels = 2, .padding = Padding::circular}), {16, 8, 3}, 3);
  compare_losses("mlp", nn::Mlp<float, ParityKernels>(30, 12), {1, 1, 30}, 5);
  compare_losses("mlp_2d", nn::TwoDMlp<float, ParityKernels>(3), {1, 1, 2}, 9);
}
