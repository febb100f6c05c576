#include "diffarch/denoiser/predictor_of.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The predictor of a U-Net has its border and the period of its pools", "[denoiser][local]") {
  const ImageShape shape{.height = 16, .width = 32, .channels = 1};
  const PatchPosterior one = predictor_of(ConvUNet<1>{.shape = shape});
  REQUIRE(one.shape == shape);
  REQUIRE(one.border == Padding::zeros);
  REQUIRE(one.period == 2);
  const PatchPosterior three = predictor_of(ConvUNet<3, 8, Padding::circular>{.shape = shape});
  REQUIRE(three.border == Padding::circular);
  REQUIRE(three.period == 8);
  REQUIRE(three.name() == "PatchPosterior<circular, 8>");
}

/// The largest change of x0_hat of an untrained U-Net by a shift of its noisy image on the torus.
template <int Pools>
double change_by_shift(Index shift) {
  const ImageShape shape{.height = 16, .width = 16, .channels = 1};
  using B = Cpu;
  nn::UNet<Pools, double, nn::StandardNormalisation, typename nn::KernelsOf<B>::type> body(
      {.channels = 3, .padding = Padding::circular, .image_channels = 1});
  nn::Network<decltype(body)> network(std::move(body), shape);
  network.initialise(Seed{1});
  const Batch<double> y = test::random_matrix(shape.size(), 1, 2);
  const auto shifted = [&](const Batch<double>& image) {
    Batch<double> result(image.rows(), 1);
    for (Index row = 0; row < 16; ++row)
      for (Index column = 0; column < 16; ++column)
        result(shape.index((row + shift) % 16, column)) = image(shape.index(row, column));
    return result;
  };
  const Batch<double> x0_hat = network.forward(y, nn::Mode::evaluate);
  return (network.forward(shifted(y), nn::Mode::evaluate) - shifted(x0_hat)).cwiseAbs().maxCoeff();
}

TEST_CASE("A circular U-Net commutes with shifts by 2^Pools, and not by less", "[denoiser][local]") {
  REQUIRE(change_by_shift<1>(2) < 1e-12);
  REQUIRE(change_by_shift<1>(1) > 1e-9);
  REQUIRE(change_by_shift<2>(4) < 1e-12);
  REQUIRE(change_by_shift<2>(2) > 1e-9);
  REQUIRE(change_by_shift<3>(8) < 1e-12);
  REQUIRE(change_by_shift<3>(4) > 1e-9);
}

}  // namespace
}  // namespace diffarch
