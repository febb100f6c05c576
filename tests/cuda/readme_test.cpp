// Code of .github/docs/cuda.md: check_code_blocks.py compares the two.

#include <diffarch/cuda/cuda.hpp>

#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

namespace diffarch {

TEST_CASE("The backend Cuda: the line that differs", "[documentation]") {
  auto sampler = DiffusionSampler<RankK, CosineSchedule, Cuda>{RankK{.rank = 100}, CosineSchedule{.steps = 10}};
  sampler.fit(test::correlated_samples<float>(120, 130, 1));
  REQUIRE(sampler.sample(3, Seed{7}).cols() == 3);
}

}  // namespace diffarch
