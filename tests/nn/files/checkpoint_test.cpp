#include "diffarch/nn/files/checkpoint.hpp"

#include <filesystem>
#include <fstream>

#include "comma_locale.hpp"
#include "nn/tested_networks.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using CheckpointBody = TestedUNet<1>;
using CheckpointNetwork = nn::Network<CheckpointBody>;
using CheckpointTraining = nn::LevelTraining<CheckpointBody>;

const NoiseLevel checkpoint_level = NoiseLevel::from_sigma(0.7);
const TrainingOptions checkpoint_options{
    .epochs = 3, .batch_size = 4, .learning_rate = 1e-2, .averaging_decay = 0.8, .seed = Seed{11}};

CheckpointNetwork checkpoint_network(std::uint64_t seed) {
  CheckpointNetwork network(CheckpointBody({.channels = 2, .padding = Padding::circular, .image_channels = 1}),
                            ImageShape{4, 4, 1});
  network.initialise(Seed{seed});
  return network;
}

}  // namespace

TEST_CASE("A training resumed from its checkpoint at any step ends in bitwise the same network", "[nn][training]") {
  const TemporaryFolder folder;
  const auto path = folder / "level.safetensors";
  const auto data = TestedBackend::upload(random_matrix<float>(16, 14, 1));
  auto uninterrupted = checkpoint_network(2);
  CheckpointTraining whole(uninterrupted, data, checkpoint_level, checkpoint_options);
  while (!whole.is_done()) whole.step();
  whole.finish();
  for (int stop = 0; stop <= 9; ++stop) {
    CAPTURE(stop);
    {
      auto network = checkpoint_network(2);
      CheckpointTraining training(network, data, checkpoint_level, checkpoint_options);
      for (int i = 0; i < stop; ++i) training.step();
      nn::save_checkpoint(path, network, training);
    }
    auto network = checkpoint_network(99);  // another start: all must come from the file
    CheckpointTraining training(network, data, checkpoint_level, checkpoint_options);
    nn::load_checkpoint(path, network, training);
    while (!training.is_done()) training.step();
    training.finish();
    CHECK(tensors_of(network) == tensors_of(uninterrupted));
    CHECK(training.losses() == whole.losses());
  }
}

TEST_CASE("A checkpoint written under one locale is read under another", "[nn][training]") {
  const TemporaryFolder folder;
  const auto path = folder / "level.safetensors";
  const auto data = TestedBackend::upload(random_matrix<float>(16, 14, 1));
  auto network = checkpoint_network(2);
  CheckpointTraining training(network, data, checkpoint_level, checkpoint_options);
  training.step();
  nn::save_checkpoint(path, network, training);
  const CommaLocale comma;
  CheckpointTraining continued(network, data, checkpoint_level, checkpoint_options);
  nn::load_checkpoint(path, network, continued);
  CHECK(read_safetensors(path).metadata.at("diffarch.training").find("learning rate 0.01") != std::string::npos);
  nn::save_checkpoint(folder / "comma.safetensors", network, continued);
  CHECK(file_content(folder / "comma.safetensors") == file_content(path));
}

TEST_CASE("What is no checkpoint of this training is refused and changes nothing", "[nn][training]") {
  const TemporaryFolder folder;
  const auto path = folder / "level.safetensors";
  const auto data = TestedBackend::upload(random_matrix<float>(16, 14, 1));
  auto network = checkpoint_network(2);
  CheckpointTraining training(network, data, checkpoint_level, checkpoint_options);
  training.step();
  nn::save_checkpoint(path, network, training);
  training.step();
  const std::vector<float> before = tensors_of(network);
  const auto refused = [&](const std::filesystem::path& file, CheckpointTraining& into) {
    const std::string message = message_of<FileError>([&] { nn::load_checkpoint(file, network, into); });
    CHECK(tensors_of(network) == before);
    return message;
  };
  TrainingOptions other = checkpoint_options;
  other.learning_rate = 0.5;
  CheckpointTraining another(network, data, checkpoint_level, other);
  CHECK(refused(path, another).find("learning rate 0.5") != std::string::npos);
  const auto weights = folder / "weights.safetensors";
  nn::save_weights(weights, network);
  CHECK(refused(weights, training).find("is not a checkpoint") != std::string::npos);
  CHECK(refused(folder / "missing.safetensors", training).find("missing.safetensors") != std::string::npos);
  const auto size = std::filesystem::file_size(path);
  for (const auto part : {size / 4, size / 2, size - 1}) {
    std::filesystem::copy_file(path, folder / "cut.safetensors", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "cut.safetensors", part);
    CHECK(refused(folder / "cut.safetensors", training).find("cut.safetensors") != std::string::npos);
  }
  CHECK(training.state().optimiser.steps == 2);
}

TEST_CASE("A checkpoint of one network for all levels is refused by one for a level, and for other levels",
          "[nn][training]") {
  const TemporaryFolder folder;
  const auto path = folder / "all.safetensors";
  const auto data = TestedBackend::upload(random_matrix<float>(16, 14, 1));
  auto network = checkpoint_network(2);
  const auto levels = [](double middle) {
    return NoiseLevels({{0.0, 1.0}, NoiseLevel::from_sigma(middle), NoiseLevel::from_sigma(0.1), {1.0, 0.0}});
  };
  CheckpointTraining training(network, data, levels(0.7), {.data_scale = 1.0}, checkpoint_options);
  training.step();
  nn::save_checkpoint(path, network, training);
  CHECK_NOTHROW(nn::load_checkpoint(path, network, training));
  const auto refused = [&](CheckpointTraining& other) {
    return message_of<FileError>([&] { nn::load_checkpoint(path, network, other); });
  };
  CheckpointTraining one_level(network, data, checkpoint_level, checkpoint_options);
  CHECK_THAT(refused(one_level), ContainsSubstring("a checkpoint of a training with one network for 3 steps"));
  CheckpointTraining other_levels(network, data, levels(0.8), {.data_scale = 1.0}, checkpoint_options);
  CHECK_THAT(refused(other_levels), ContainsSubstring("sum of alpha_bar"));
  CheckpointTraining other_scale(network, data, levels(0.7), {.data_scale = 2.0}, checkpoint_options);
  CHECK_THAT(refused(other_scale), ContainsSubstring("data scale 2"));
}
