// Weights and checkpoints of a network. A file that is refused must leave the network as it was.

#include <vector>

#include "diffarch/nn/files/checkpoint.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/mlp.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_checkpoint(const std::uint8_t* bytes, std::size_t size) {
  using Body = nn::Mlp<float>;
  static nn::Network<Body> network = [] {
    nn::Network<Body> created(Body(2, 2), ImageShape{1, 2, 1});
    created.initialise(Seed{1});
    return created;
  }();
  static const Batch<float> data = Batch<float>::Constant(2, 4, 0.5F);
  static nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(1.0), {.epochs = 2, .batch_size = 2});
  test::read_fuzzed(bytes, size, [](const auto& path) { nn::load_checkpoint(path, network, training); });
  test::read_fuzzed(bytes, size, [](const auto& path) { nn::load_weights(path, network); });
}

const test::FuzzedReader checkpoint_reader{"checkpoint", fuzz_checkpoint};

}  // namespace
}  // namespace diffarch
