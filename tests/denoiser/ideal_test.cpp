#include "diffarch/denoiser/ideal.hpp"

#include <cmath>

#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

TEST_CASE("With Ideal every trajectory ends at a training sample", "[denoiser][ideal]") {
  const Batch<double> data = test::random_matrix(20, 60, 1);
  DiffusionSampler<Ideal, CosineSchedule, test::TestedBackend, Ddim, double> sampler(Ideal{},
                                                                                     CosineSchedule{.steps = 50});
  sampler.fit(data);
  const Batch<double> samples = sampler.sample(40, Seed{1});
  const NearestNeighbours nearest = nearest_neighbours(data, samples, 2);
  // Training samples are about 6 apart.
  REQUIRE(nearest.distances.row(0).maxCoeff() < 1e-6);
  REQUIRE(nearest.distances.row(1).minCoeff() > 1.0);
  // Not all at the same one.
  REQUIRE((nearest.indices.row(0).array() != nearest.indices(0, 0)).count() > 20);
}

TEST_CASE("Of two points Ideal is the hyperbolic tangent", "[denoiser][ideal]") {
  // Data -1 and 1 with equal weight: E[x | y] = tanh(signal y / noise^2).
  const Batch<double> data{{-1.0, 1.0}};
  const auto model = fit(Ideal{}, data, CosineSchedule{.steps = 10}, test::TestedBackend{});
  for (const NoiseLevel& level : CosineSchedule{.steps = 10}.levels())
    for (const double y : {-1.3, -0.01, 0.0, 0.4, 2.0}) {
      if (level.is_clean()) continue;
      REQUIRE(test::denoise_on(model, Batch<double>::Constant(1, 1, y), level)(0, 0) ==
              Approx(std::tanh(level.signal * y / (level.noise * level.noise))).margin(1e-13));
    }
}

}  // namespace
}  // namespace diffarch
