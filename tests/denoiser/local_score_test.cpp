#include "diffarch/denoiser/local_score.hpp"

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::TestedBackend;

template <class Architecture>
Batch<double> samples_of(const Architecture& architecture, const Batch<double>& data) {
  DiffusionSampler<Architecture, CosineSchedule, TestedBackend, Ddim, double> sampler(architecture,
                                                                                      CosineSchedule{.steps = 20});
  sampler.fit(data);
  return sampler.sample(8, Seed{5});
}

TEST_CASE("Data with the same patches at every location give the same samples (Theorem 2)", "[denoiser][local]") {
  // Left and right halves of random values, three columns of zeros between them: no window of 3 x 3 sees both. In the
  // second data set every right half belongs to another left half.
  const ImageShape shape{.height = 4, .width = 9, .channels = 1};
  constexpr Index n = 24;
  Batch<double> paired = random_matrix(shape.size(), n, 1);
  Batch<double> exchanged(shape.size(), n);
  for (Index row = 0; row < shape.height; ++row)
    for (Index column = 0; column < shape.width; ++column) {
      const Index at = shape.index(row, column);
      if (column >= 3 && column < 6) paired.row(at).setZero();
      for (Index i = 0; i < n; ++i) exchanged(at, i) = paired(at, column < 3 ? i : (i + 1) % n);
    }
  const Batch<double> narrow = samples_of(LocalScore{.shape = shape, .patch_sizes = {3}}, paired);
  REQUIRE((narrow - samples_of(LocalScore{.shape = shape, .patch_sizes = {3}}, exchanged)).cwiseAbs().maxCoeff() <
          1e-9);
  // A window of 9 pixels sees both halves.
  const Batch<double> wide = samples_of(LocalScore{.shape = shape, .patch_sizes = {9}}, paired);
  REQUIRE((wide - samples_of(LocalScore{.shape = shape, .patch_sizes = {9}}, exchanged)).cwiseAbs().maxCoeff() > 0.1);
}

TEST_CASE("Local scores create images that no training image is", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 6, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 30, 2).cwiseSign();  // black or white pixels
  const auto distance_to_data = [&](const Batch<double>& samples) {
    Vector<double> nearest(samples.cols());
    for (Index j = 0; j < samples.cols(); ++j)
      nearest(j) = (data.colwise() - samples.col(j)).colwise().norm().minCoeff();
    return nearest;
  };
  // With single pixels every pixel is black or white, but no image is one of the 30: a pixel of difference is 2.
  const Batch<double> mixed = samples_of(LocalScore{.shape = shape, .patch_sizes = {1}}, data);
  REQUIRE(distance_to_data(mixed).minCoeff() > 1.9);
  REQUIRE((mixed.array().abs() - 1.0).abs().maxCoeff() < 1e-6);
  REQUIRE(distance_to_data(samples_of(LocalScore{.shape = shape, .patch_sizes = {11}}, data)).maxCoeff() < 1e-6);
}

TEST_CASE("Patch sizes follow the schedule", "[denoiser][local]") {
  const ImageShape shape{.height = 16, .width = 16, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 3, 3);
  const CosineSchedule schedule{.steps = 5};
  const NoiseLevels levels = schedule.levels();
  const auto given = fit(LocalScore{.shape = shape, .patch_sizes = {15, 9, 3}}, data, schedule, TestedBackend{});
  const std::vector<Index> expected = {15, 12, 9, 6, 3};
  for (Index step = 0; step < 5; ++step) REQUIRE(given.window(levels[step]).size == expected[std::size_t(step)]);
  REQUIRE(given.window(NoiseLevel::from_sigma(0.0)).size == 3);
  const auto standard = fit(EquivariantLocalScore{.shape = shape}, data, schedule, TestedBackend{});
  REQUIRE(standard.window(levels[0]).size == 16);
  REQUIRE(standard.window(levels[4]).size == 1);  // 3 pixels of 64
  REQUIRE(message_of<InvalidArgument>([&] {
            return fit(LocalScore{.shape = shape, .patch_sizes = {3, 0}}, data, schedule, TestedBackend{});
          }) == "LocalScore: a patch size of 0 pixels, expected at least 1");
}

}  // namespace
}  // namespace diffarch
