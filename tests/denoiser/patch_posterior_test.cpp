#include "diffarch/denoiser/patch_posterior.hpp"

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::TestedBackend;

TEST_CASE("A patch posterior is named after its symmetry", "[denoiser][local]") {
  const ImageShape shape{.height = 8, .width = 12, .channels = 1};
  REQUIRE(PatchPosterior{.shape = shape}.name() == "PatchPosterior<zeros, 1>");
  REQUIRE(PatchPosterior{.shape = shape, .border = Padding::circular, .period = 4}.name() ==
          "PatchPosterior<circular, 4>");
  REQUIRE(PatchPosterior{.shape = shape, .period = 12}.name() == "PatchPosterior<zeros, same place>");
}

TEST_CASE("Patch sizes, spreads and temperatures follow the schedule", "[denoiser][local]") {
  const ImageShape shape{.height = 16, .width = 16, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 3, 3);
  const CosineSchedule schedule{.steps = 5};
  const NoiseLevels levels = schedule.levels();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto model = fit(
      PatchPosterior{
          .shape = shape, .patch_sizes = {15, 3}, .spreads = {infinity, 0.5}, .temperatures = {4.0, 2.0, 1.0}},
      data, schedule, TestedBackend{});
  const std::vector<Index> sizes = {15, 12, 9, 6, 3};
  const std::vector<double> spreads = {infinity, infinity, infinity, infinity, 0.5};
  const std::vector<double> temperatures = {4.0, 3.0, 2.0, 1.5, 1.0};
  for (Index step = 0; step < 5; ++step) {
    REQUIRE(model.window(levels[step]).size == sizes[std::size_t(step)]);
    REQUIRE(model.window(levels[step]).spread == spreads[std::size_t(step)]);
    REQUIRE(model.window(levels[step]).temperature == temperatures[std::size_t(step)]);
  }
  const auto standard = fit(PatchPosterior{.shape = shape}, data, schedule, TestedBackend{});
  REQUIRE(standard.window(levels[0]).size == 16);
  REQUIRE(standard.window(levels[0]).temperature == 1.0);
  REQUIRE(standard.window(levels[0]).spread == infinity);
}

TEST_CASE("A patch posterior refuses what cannot be", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 8, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 3, 3);
  const CosineSchedule schedule{.steps = 2};
  const auto refusal = [&](const PatchPosterior& architecture) {
    return message_of<InvalidArgument>([&] { return fit(architecture, data, schedule, TestedBackend{}); });
  };
  REQUIRE(refusal({.shape = shape, .patch_sizes = {3, 0}}) ==
          "PatchPosterior<zeros, 1>: a patch size of 0 pixels, expected at least 1");
  REQUIRE(refusal({.shape = shape, .temperatures = {1.0, -2.0}}) ==
          "PatchPosterior<zeros, 1>: a temperature of -2, expected a positive number");
  REQUIRE(refusal({.shape = shape, .spreads = {0.0}}) ==
          "PatchPosterior<zeros, 1>: a spread of 0 widths, expected a positive number");
  REQUIRE(refusal({.shape = shape, .border = Padding::circular, .period = 4}) ==
          "PatchPosterior: a period of 4 pixels for circular images of 6 x 8 x 1; expected one that divides height and "
          "width");
}

template <class Architecture>
Batch<double> generated(const Architecture& architecture, const Batch<double>& data) {
  DiffusionSampler<Architecture, CosineSchedule, TestedBackend, Ddim, double> sampler(architecture,
                                                                                      CosineSchedule{.steps = 10});
  sampler.fit(data);
  return sampler.sample(6, Seed{5});
}

TEST_CASE("Data with the same patches at each border and phase give the same samples", "[denoiser][local]") {
  // Circular images of 4 x 8: the training images, and the same images moved by two pixels each. All patches at places
  // equal modulo 2 are the same; which image has which, and where, is not.
  const ImageShape shape{.height = 4, .width = 8, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 12, 1);
  const auto moved = [&](Index step) {
    Batch<double> result(data.rows(), data.cols());
    for (Index i = 0; i < data.cols(); ++i)
      for (Index row = 0; row < 4; ++row)
        for (Index column = 0; column < 8; ++column)
          result(shape.index(row, (column + step * (1 + i % 3)) % 8), i) = data(shape.index(row, column), i);
    return result;
  };
  const auto difference = [&](Index period, Index step) {
    const PatchPosterior architecture{
        .shape = shape, .border = Padding::circular, .period = period, .patch_sizes = {3}};
    return (generated(architecture, data) - generated(architecture, moved(step))).cwiseAbs().maxCoeff();
  };
  REQUIRE(difference(2, 2) < 1e-9);
  REQUIRE(difference(1, 2) < 1e-9);
  REQUIRE(difference(1, 1) < 1e-9);
  REQUIRE(difference(2, 1) > 0.1);  // a period of 2 knows odd places from even ones
  REQUIRE(difference(PatchSymmetry::same_place, 2) > 0.1);
}

TEST_CASE("With zeros around them, images may exchange their insides but not their borders", "[denoiser][local]") {
  // Rows of 12 pixels, windows of 3. The middle two blocks of 3, apart by zeros from the rest, change places.
  const ImageShape shape{.height = 1, .width = 14, .channels = 1};
  constexpr Index n = 10;
  const Batch<double> values = random_matrix(12, n, 2);
  // border block, zeros, block a, zeros, block b, zeros, border block
  const auto image = [&](bool swapped, bool border_swapped) {
    Batch<double> result = Batch<double>::Zero(shape.size(), n);
    result.middleRows(border_swapped ? 12 : 0, 2) = values.topRows(2);
    result.middleRows(border_swapped ? 0 : 12, 2) = values.middleRows(2, 2);
    result.row(swapped ? 8 : 5) = values.row(4);
    result.row(swapped ? 5 : 8) = values.row(5);
    return result;
  };
  const PatchPosterior architecture{.shape = shape, .period = 1, .patch_sizes = {3}};
  const Batch<double> samples = generated(architecture, image(false, false));
  REQUIRE((samples - generated(architecture, image(true, false))).cwiseAbs().maxCoeff() < 1e-9);
  REQUIRE((samples - generated(architecture, image(false, true))).cwiseAbs().maxCoeff() > 0.1);
  const PatchPosterior phased{.shape = shape, .period = 2, .patch_sizes = {3}};
  REQUIRE((generated(phased, image(false, false)) - generated(phased, image(true, false))).cwiseAbs().maxCoeff() >
          0.1);
}

}  // namespace
}  // namespace diffarch
