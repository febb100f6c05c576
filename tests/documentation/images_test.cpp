// Code of the README: check_code_blocks.py compares the two.

#include <cstdio>
#include <diffarch/analysis.hpp>
#include <diffarch/images.hpp>
#include <diffarch/linear.hpp>

#include "documentation/working_folder.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("README: the ten lines", "[documentation]") {
  using namespace Eigen;  // no name of the page is ambiguous beside it
  const test::WorkingFolder folder;
  std::filesystem::create_directory("celeba");
  const Dataset<float> drawn = synthetic_faces(110, {.height = 64, .width = 64, .channels = 3}, Seed{1});
  for (Index i = 0; i < drawn.size(); ++i)
    save_grid(detail::concat("celeba/", i, ".png"), drawn.samples().col(i), drawn.shape(), {.minimum_tile = 1});

  auto faces = load_images("celeba/", {.height = 64, .width = 64});
  DiffusionSampler sampler{RankK{.rank = 100}, CosineSchedule{.steps = 10}};
  sampler.fit(faces);
  auto images = sampler.sample(16, Seed{7});
  save_grid("rank100.png", images, faces.shape());

  REQUIRE(images.cols() == 16);
  REQUIRE(images.rows() == 64 * 64 * 3);
  REQUIRE(test::file_content("rank100.png").starts_with("\x89PNG"));

  {
    auto predicted = predicted_distribution(sampler.model(), sampler.schedule());
    auto report = memorisation(faces.samples(), images);
    std::printf("kept variance %.2f, copies %.2f\n", predicted.finite_steps.mode_variance.sum(), report.fraction);
    REQUIRE(report.fraction == 0.0);
    REQUIRE(predicted.finite_steps.mode_variance.sum() < predicted.continuous_limit.mode_variance.sum());
  }
}
