#include "diffarch/nn/kernels/onednn_kernels.hpp"

#include <bit>
#include <limits>

#include "diffarch/nn/layers/convolution.hpp"
#include "diffarch/nn/layers/fully_connected.hpp"
#include "diffarch/nn/layers/transposed_convolution.hpp"
#include "diffarch/nn/training/level_training.hpp"
#include "diffarch/nn/unet.hpp"
#include "nn/convolution_reference.hpp"
#include "nn/diverging_training.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using nn::EigenKernels;
using nn::Mode;
using nn::OneDnnBf16Kernels;
using nn::OneDnnKernels;

struct Pass {
  Matrix<float> y;
  Matrix<float> dx;
  Matrix<float> gradient;
};

template <class Body>
Pass pass_of(Body body, ImageShape shape, Index samples) {
  auto network = test::random_network(std::move(body), shape);
  const Batch<float> x = test::random_matrix<float>(shape.size(), samples, 1);
  Pass pass;
  pass.y = network.forward(x, Mode::train);
  network.output_gradient() = test::random_matrix<float>(network.output_shape().size(), samples, 2);
  network.backward(x, pass.dx);
  const auto gradients = test::gradients_of(network);
  pass.gradient = Eigen::Map<const Vector<float>>(gradients.data(), static_cast<Index>(gradients.size()));
  return pass;
}

void check_agreement(const Pass& a, const Pass& b) {
  // f32 sums of up to 3000 products in another order.
  CHECK(test::relative_difference(a.y, b.y) < 1e-5);
  CHECK(test::relative_difference(a.dx, b.dx) < 1e-5);
  CHECK(test::relative_difference(a.gradient, b.gradient) < 1e-5);
}

TEST_CASE("oneDNN's kernels agree with Eigen's to 1e-5", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape : {ImageShape{12, 10, 3}, ImageShape{8, 8, 32}, ImageShape{2, 2, 5}})
      for (const Index out : {1, 3, 32}) {
        INFO(out << " channels from " << diffarch::detail::shape_text(shape));
        check_agreement(pass_of(nn::Convolution<float, OneDnnKernels>(shape.channels, out, padding), shape, 3),
                        pass_of(nn::Convolution<float, EigenKernels>(shape.channels, out, padding), shape, 3));
      }
  const ImageShape shape{6, 4, 16};
  check_agreement(pass_of(nn::TransposedConvolution<float, OneDnnKernels>(16, 8), shape, 3),
                  pass_of(nn::TransposedConvolution<float, EigenKernels>(16, 8), shape, 3));
  check_agreement(pass_of(nn::FullyConnected<float, OneDnnKernels>(384, 100), shape, 30),
                  pass_of(nn::FullyConnected<float, EigenKernels>(384, 100), shape, 30));
}

/// On CPUs without bf16 the tests of it compare f32 with f32, and say so.
void warn_without_bf16() {
  if (!nn::detail::cpu_has_bf16()) WARN("this CPU has no bf16: its convolutions are f32, and only that is tested");
}

TEST_CASE("A U-Net gives the same images with oneDNN's kernels and Eigen's", "[nn]") {
  const ImageShape shape{16, 24, 3};
  const Batch<float> x = test::random_matrix<float>(shape.size(), 4, 1);
  for (const Mode mode : {Mode::train, Mode::evaluate}) {
    auto a = test::random_network(
        nn::UNet<2, float, nn::StandardNormalisation, OneDnnKernels>({.channels = 8, .padding = Padding::circular}),
        shape);
    auto b = test::random_network(
        nn::UNet<2, float, nn::StandardNormalisation, EigenKernels>({.channels = 8, .padding = Padding::circular}),
        shape);
    REQUIRE(test::relative_difference(a.forward(x, mode), b.forward(x, mode)) < 1e-5);
  }
}

template <class Kernels>
bool convolution_is_deterministic(Padding padding) {
  return test::steps_are_deterministic(
      [&] {
        return test::random_network(nn::Convolution<float, Kernels>(16, 32, padding), ImageShape{32, 32, 16});
      },
      4);
}

TEST_CASE("Gradients of oneDNN's convolution have the same bits in every run", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    REQUIRE(convolution_is_deterministic<OneDnnKernels>(padding));
    REQUIRE(convolution_is_deterministic<OneDnnBf16Kernels>(padding));
  }
}

TEST_CASE("The kernels' names say what convolutions multiply", "[nn]") {
  REQUIRE_THAT(OneDnnKernels::name(), !ContainsSubstring("bf16"));
  REQUIRE_THAT(OneDnnBf16Kernels::name(), ContainsSubstring(OneDnnKernels::name()));
  REQUIRE_THAT(OneDnnBf16Kernels::name(),
               ContainsSubstring(nn::detail::cpu_has_bf16() ? ", bf16 convolutions" : "(this CPU has no bf16)"));
}

TEST_CASE("Numbers are rounded to the nearest bf16, ties to even, NaN and infinity stay", "[nn]") {
  using nn::detail::bf16_bits;
  REQUIRE(bf16_bits(1.0F) == 0x3F80);
  REQUIRE(bf16_bits(1.0F + 0x1p-8F) == 0x3F80);             // a tie, to the even one below
  REQUIRE(bf16_bits(1.0F + 0x1p-8F + 0x1p-20F) == 0x3F81);  // above the tie
  REQUIRE(bf16_bits(1.0F + 3 * 0x1p-8F) == 0x3F82);         // a tie, to the even one above
  REQUIRE(bf16_bits(-2.5F) == 0xC020);
  REQUIRE(bf16_bits(std::numeric_limits<float>::infinity()) == 0x7F80);
  REQUIRE(bf16_bits(std::numeric_limits<float>::max()) == 0x7F80);
  for (const std::uint32_t bits : {0x7FC00000U, 0x7FFFFFFFU, 0x7F800001U, 0xFFFFFFFFU})
    REQUIRE((bf16_bits(std::bit_cast<float>(bits)) & 0x7FFFU) > 0x7F80U);
}

TEST_CASE("bf16 convolutions round their factors and nothing else", "[nn]") {
  warn_without_bf16();
  const double least = nn::detail::cpu_has_bf16() ? 1e-4 : 0.0;
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape : {ImageShape{12, 10, 3}, ImageShape{8, 8, 32}, ImageShape{5, 3, 1}})
      for (const Index out : {1, 3, 32}) {
        INFO(out << " channels from " << diffarch::detail::shape_text(shape));
        const Pass rounded = pass_of(nn::Convolution<float, OneDnnBf16Kernels>(shape.channels, out, padding), shape, 3);
        const Pass exact = pass_of(nn::Convolution<float, OneDnnKernels>(shape.channels, out, padding), shape, 3);
        // Each factor is off by up to 2^-9.
        for (const double difference :
             {test::relative_difference(rounded.y, exact.y), test::relative_difference(rounded.dx, exact.dx),
              test::relative_difference(rounded.gradient, exact.gradient)}) {
          CHECK(difference < 0.01);
          CHECK(difference >= least);
        }
      }
}

TEST_CASE("bf16 convolutions of numbers that bf16 has are exact", "[nn]") {
  warn_without_bf16();
  const ImageShape shape{6, 8, 5};
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    const auto small_integers = [](Index rows, Index columns, unsigned seed) {
      return Batch<float>((3.0F * test::random_matrix<float>(rows, columns, seed)).array().round());
    };
    const auto pass = [&](auto layer) {
      nn::Network network(std::move(layer), shape);
      network.for_each_parameter([&](const nn::Parameter<float>& parameter) {
        const Batch<float> values = small_integers(static_cast<Index>(parameter.values.size()), 1, 3);
        std::copy_n(values.data(), values.size(), parameter.values.data());
      });
      const Batch<float> x = small_integers(shape.size(), 3, 1);
      Pass result;
      result.y = network.forward(x, Mode::train);
      network.output_gradient() = small_integers(network.output_shape().size(), 3, 2);
      network.backward(x, result.dx);
      const auto gradients = test::gradients_of(network);
      result.gradient = Eigen::Map<const Vector<float>>(gradients.data(), static_cast<Index>(gradients.size()));
      return result;
    };
    const Pass rounded = pass(nn::Convolution<float, OneDnnBf16Kernels>(5, 7, padding));
    const Pass exact = pass(nn::Convolution<float, OneDnnKernels>(5, 7, padding));
    CHECK(rounded.y == exact.y);
    CHECK(rounded.dx == exact.dx);
    CHECK(rounded.gradient == exact.gradient);
  }
}

TEST_CASE("A training that has diverged is refused with oneDNN's kernels, too", "[nn][training]") {
  test::check_that_divergence_is_refused<OneDnnKernels>();
  test::check_that_divergence_is_refused<OneDnnBf16Kernels>();
  test::check_that_divergence_is_refused<EigenKernels>();
}

TEST_CASE("Training with bf16 convolutions follows the losses of f32", "[nn]") {
  warn_without_bf16();
  const ImageShape shape{8, 8, 1};
  const Batch<float> data = test::random_matrix<float>(shape.size(), 32, 1);
  const auto losses = [&]<class Kernels>(Kernels /*kernels*/) {
    using Body = nn::UNet<1, float, nn::StandardNormalisation, Kernels>;
    nn::Network<Body> network(Body({.channels = 8, .image_channels = 1}), shape);
    network.initialise(Seed{1});
    nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(0.7),
                                     {.epochs = 10, .batch_size = 8, .learning_rate = 1e-3});
    while (!training.is_done()) training.step();
    return training.losses();
  };
  const auto exact = losses(OneDnnKernels{});
  const auto rounded = losses(OneDnnBf16Kernels{});
  CHECK(exact.back() < 0.9 * exact.front());
  for (std::size_t epoch = 0; epoch < exact.size(); ++epoch)
    CHECK(std::abs(rounded[epoch] - exact[epoch]) < 0.01 * exact[epoch]);
}

}  // namespace
}  // namespace diffarch
