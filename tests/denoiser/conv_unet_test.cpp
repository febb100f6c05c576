#include "diffarch/denoiser/conv_unet.hpp"

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A small U-Net trains, samples, and treats every sample by itself", "[denoiser][nn]") {
  using Small = ConvUNet<1, 4, Padding::circular>;
  const ImageShape shape{8, 8, 1};
  const Batch<float> data = random_matrix<float>(shape.size(), 24, 1);
  DiffusionSampler<Small, CosineSchedule, TestedBackend> sampler{
      Small{.shape = shape, .training = {.epochs = 6, .batch_size = 8, .learning_rate = 3e-3}},
      CosineSchedule{.steps = 2}};
  sampler.fit(data);
  for (const auto& level : sampler.model().levels()) CHECK(level.losses.back() < level.losses.front());
  const Batch<float> samples = sampler.sample(5, Seed{2});
  CHECK(samples.allFinite());
  CHECK(bitwise_equal(Batch<float>(sampler.sample(3, Seed{2})), Batch<float>(samples.leftCols(3))));
  CHECK(Small{}.name() == "ConvUNet<1, 4, circular>");
}

TEST_CASE("Images that do not fit the U-Net are refused", "[denoiser][nn]") {
  const Batch<float> data = random_matrix<float>(6 * 6, 4, 3);
  const CosineSchedule schedule{.steps = 2};
  const TrainingOptions training{.epochs = 1, .batch_size = 2};
  CHECK_THROWS_AS(fit(ConvUNet<1, 2>{.shape = {8, 8, 1}, .training = training}, data, schedule, TestedBackend{}),
                  DimensionMismatch);
  CHECK(message_of<InvalidArgument>([&] {
          (void)fit(ConvUNet<2, 2>{.shape = {6, 6, 1}, .training = training}, data, schedule, TestedBackend{});
        }).find("divisible by 4") != std::string::npos);
}
