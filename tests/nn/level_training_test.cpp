#include "diffarch/nn/level_training.hpp"

#include "nn/tested_networks.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using Plane = TestedTwoDMlp<double>;

const NoiseLevel trained_level = NoiseLevel::from_sigma(0.5);

nn::Network<Plane> plane_network() {
  nn::Network<Plane> network(Plane(2), ImageShape{1, 1, 2});
  network.initialise(Seed{3});
  return network;
}

}  // namespace

TEST_CASE("Training lowers the loss to near that of the best denoiser", "[nn][training]") {
  // Data on a line: E|x0 - D|^2 per value of the linear (here: exact, the data are Gaussian) denoiser is
  // (lambda - lambda^2 / (lambda + sigma^2)) / 2.
  Batch<double> data = random_matrix(1, 512, 1).replicate(2, 1) / std::sqrt(2.0);
  const double lambda = data.row(0).squaredNorm() / 256.0;
  auto network = plane_network();
  const auto stored = TestedBackend::upload(data);
  nn::LevelTraining<Plane> training(network, stored, trained_level,
                                    {.epochs = 60, .batch_size = 64, .learning_rate = 3e-3, .seed = Seed{2}});
  while (!training.is_done()) training.step();
  const double best = 0.5 * (lambda - lambda * lambda / (lambda + 0.25));
  CHECK(training.losses().size() == 60);
  CHECK(training.losses().front() > 2.0 * best);
  CHECK(training.losses().back() < 1.15 * best);
}

TEST_CASE("A training that was stopped anywhere continues to bitwise the same weights", "[nn][training]") {
  const auto data = TestedBackend::upload(random_matrix(2, 50, 4));
  const TrainingOptions options{
      .epochs = 4, .batch_size = 16, .learning_rate = 1e-2, .averaging_decay = 0.9, .seed = Seed{5}};
  auto uninterrupted = plane_network();
  nn::LevelTraining<Plane> whole(uninterrupted, data, trained_level, options);
  while (!whole.is_done()) whole.step();
  whole.finish();
  for (const int stop : {1, 3, 7}) {
    CAPTURE(stop);
    auto first = plane_network();
    nn::LevelTraining<Plane> before(first, data, trained_level, options);
    for (int i = 0; i < stop; ++i) before.step();
    auto second = plane_network();
    nn::copy_tensors(first, second);
    nn::LevelTraining<Plane> after(second, data, trained_level, options);
    after.restore(before.state());
    while (!after.is_done()) after.step();
    after.finish();
    CHECK(tensors_of(second) == tensors_of(uninterrupted));
    CHECK(after.losses() == whole.losses());
  }
  auto network = plane_network();
  nn::LevelTraining<Plane> other(network, data, trained_level, options);
  auto state = whole.state();
  state.losses.pop_back();
  CHECK_THROWS_AS(other.restore(state), InvalidArgument);
}

TEST_CASE("Every epoch shows each sample at most once, in another order, with other noise", "[nn][training]") {
  // The number of threads changes nothing either.
  const auto data = TestedBackend::upload(random_matrix(2, 40, 6));
  const TrainingOptions options{.epochs = 3, .batch_size = 8, .seed = Seed{7}};
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2}) {
    const ThreadCount guard(threads);
    auto network = plane_network();
    nn::LevelTraining<Plane> training(network, data, trained_level, options);
    CHECK(training.steps_per_epoch() == 5);
    while (!training.is_done()) training.step();
    results.push_back(tensors_of(network));
    CHECK(training.losses()[0] != training.losses()[1]);
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("A loss that is not finite stops the training, naming sigma, epoch and step", "[nn][training]") {
  const auto data = TestedBackend::upload(Batch<double>(1e200 * random_matrix(2, 32, 8)));
  auto network = plane_network();
  const std::vector<double> before = tensors_of(network);
  nn::LevelTraining<Plane> training(network, data, trained_level, {.epochs = 2, .batch_size = 16});
  CHECK(message_of<NumericalError>([&] { training.step(); }).find("sigma = 0.5, epoch 1 of 2, step 1 of 2") !=
        std::string::npos);
  CHECK(tensors_of(network) == before);
}

TEST_CASE("Data of another dimension are refused", "[nn][training]") {
  auto network = plane_network();
  const auto data = TestedBackend::upload(random_matrix(3, 32, 9));
  CHECK_THROWS_AS((nn::LevelTraining<Plane>(network, data, trained_level, {})), DimensionMismatch);
}
