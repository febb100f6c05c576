// Code of .github/docs/from_pytorch.md and training.md: check_code_blocks.py compares the two.

#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/train.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/unet.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "documentation/working_folder.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("From PyTorch: weights", "[documentation]") {
  const test::WorkingFolder folder;
  const Batch<float> y = test::random_matrix<float>(16 * 16 * 3, 2, 1);

  nn::Network network(nn::UNet<2>({.channels = 8}), ImageShape{16, 16, 3});
  nn::save_weights("unet.safetensors", network);
  nn::load_weights("unet.safetensors", network);
  Batch<float> x0_hat = network.forward(y, nn::Mode::evaluate);

  REQUIRE(x0_hat.allFinite());
  REQUIRE(x0_hat.cols() == 2);
}

TEST_CASE("Trained networks: a training in a folder", "[documentation]") {
  const test::WorkingFolder folder;
  const ImageShape shape{8, 8, 1};
  const TrainingOptions options{.epochs = 1, .batch_size = 2};
  const CosineSchedule schedule{.steps = 2};
  const Batch<float> images = test::random_matrix<float>(shape.size(), 4, 1);

  train(ConvUNet<3>{shape, options}, images, schedule, {.folder = "unet", .resume = true});
  auto model = load_model<float>(ConvUNet<3>{shape}, schedule, "unet");

  REQUIRE(model.denoise(images, schedule.levels()[1]).allFinite());
}

TEST_CASE("Trained networks: one network for all levels", "[documentation]") {
  const ImageShape shape{8, 8, 1};
  TrainingOptions options{.epochs = 1, .batch_size = 2};
  const CosineSchedule schedule{.steps = 2};
  const Batch<float> images = test::random_matrix<float>(shape.size(), 4, 1);

  options.levels = LevelSharing::one_network;
  DiffusionSampler shared{ConvUNet<3>{shape, options}, schedule, Ddim{}};
  shared.fit(images);

  REQUIRE(shared.sample(2, Seed{1}).allFinite());
}
