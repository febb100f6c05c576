#include "diffarch/nn/training/level_training.hpp"

#include "nn/diverging_training.hpp"
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

TEST_CASE("A training that has diverged is refused, also where its loss stays finite", "[nn][training]") {
  check_that_divergence_is_refused<TestedKernels>();
}

TEST_CASE("What is wrong when a training ends is found in its average and in a network that was not trained here",
          "[nn][training]") {
  const auto data = TestedBackend::upload(random_matrix(2, 32, 8));
  auto network = plane_network();
  nn::LevelTraining<Plane> training(network, data, trained_level,
                                    {.epochs = 1, .batch_size = 32, .averaging_decay = 0.5});
  auto state = training.state();
  training.step();
  CHECK_NOTHROW(training.finish());
  state.epoch = 1;
  state.losses = {1.0};
  training.restore(state);  // nothing is left to do
  CHECK_NOTHROW(training.finish());
  // Each tensor is finite, what they make of a batch is not.
  network.for_each_parameter(
      [](const auto& p) { TestedKernels::fill(p.values.data(), static_cast<Index>(p.values.size()), 1e100); });
  nn::LevelTraining<Plane> again(network, data, trained_level, {.epochs = 1, .batch_size = 32});
  again.restore(
      {.epoch = 1, .epoch_losses = {0.0}, .losses = {1.0}, .optimiser = again.state().optimiser, .average = {}});
  CHECK_THAT(message_of<NumericalError>([&] { again.finish(); }),
             ContainsSubstring("x0_hat in evaluation is not finite at sigma = 0.5, epoch 1 of 1, step 1 of 1"));
}

TEST_CASE("Data of another dimension are refused", "[nn][training]") {
  auto network = plane_network();
  const auto data = TestedBackend::upload(random_matrix(3, 32, 9));
  CHECK_THROWS_AS((nn::LevelTraining<Plane>(network, data, trained_level, {})), DimensionMismatch);
}

namespace {

const std::vector<NoiseLevel> stack_levels{NoiseLevel::from_sigma(4.0), NoiseLevel{0.8, 0.6},
                                           NoiseLevel::from_sigma(0.1)};

/// A plane network for each level, of other initial weights.
nn::Network<Plane> initial_network(std::size_t level) {
  nn::Network<Plane> network(Plane(2), ImageShape{1, 1, 2});
  network.initialise(Seed{100 + level});
  return network;
}

/// The same as a stack.
nn::Network<Plane> initial_stack() {
  nn::Network<Plane> stack(Plane(2, 2, 64, static_cast<Index>(stack_levels.size())), ImageShape{1, 1, 2});
  for (std::size_t level = 0; level < stack_levels.size(); ++level) {
    auto network = initial_network(level);
    nn::copy_into_stack(network, stack, static_cast<Index>(level));
  }
  return stack;
}

std::vector<double> tensors_in_stack(nn::Network<Plane>& stack, std::size_t level) {
  auto network = plane_network();
  nn::copy_from_stack(stack, static_cast<Index>(level), network);
  return tensors_of(network);
}

/// Bitwise where batched products have the bits of single ones, else up to rounding, which Adam may enlarge.
void check_same(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  if (batched_products_have_bits) CHECK(a == b);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-9).margin(1e-9));
}

}  // namespace

TEST_CASE("Every network of a stack becomes what it would become alone", "[nn][training]") {
  const auto data = TestedBackend::upload(random_matrix(2, 70, 4));
  for (const double decay : {0.0, 0.9}) {
    CAPTURE(decay);
    const TrainingOptions options{
        .epochs = 3, .batch_size = 16, .learning_rate = 1e-2, .averaging_decay = decay, .seed = Seed{5}};
    auto stack = initial_stack();
    nn::LevelTraining<Plane> together(stack, data, stack_levels, options);
    CHECK(together.level_count() == 3);
    CHECK(together.steps_per_epoch() == 4);
    double first_loss = 0.0;
    while (!together.is_done()) {
      const double loss = together.step();
      if (together.steps_done() == 1) first_loss = loss;
    }
    together.finish();
    double first_losses = 0.0;
    for (std::size_t level = 0; level < stack_levels.size(); ++level) {
      CAPTURE(level);
      auto network = initial_network(level);
      nn::LevelTraining<Plane> alone(network, data, stack_levels[level], options);
      first_losses += alone.step();
      while (!alone.is_done()) alone.step();
      alone.finish();
      check_same(tensors_in_stack(stack, level), tensors_of(network));
      check_same(together.losses(static_cast<Index>(level)), alone.losses());
    }
    CHECK(first_loss == Approx(first_losses / 3.0));
  }
}

TEST_CASE("A stack that was stopped continues to bitwise the same weights", "[nn][training]") {
  const auto data = TestedBackend::upload(random_matrix(2, 50, 4));
  const TrainingOptions options{
      .epochs = 3, .batch_size = 16, .learning_rate = 1e-2, .averaging_decay = 0.9, .seed = Seed{5}};
  auto uninterrupted = initial_stack();
  nn::LevelTraining<Plane> whole(uninterrupted, data, stack_levels, options);
  while (!whole.is_done()) whole.step();
  auto first = initial_stack();
  nn::LevelTraining<Plane> before(first, data, stack_levels, options);
  for (int i = 0; i < 5; ++i) before.step();
  auto second = initial_stack();
  nn::copy_tensors(first, second);
  nn::LevelTraining<Plane> after(second, data, stack_levels, options);
  after.restore(before.state());
  while (!after.is_done()) after.step();
  CHECK(tensors_of(second) == tensors_of(uninterrupted));
  CHECK(after.losses(2) == whole.losses(2));
  auto state = whole.state();
  state.epoch_losses.pop_back();
  CHECK_THROWS_AS(after.restore(state), InvalidArgument);
}

TEST_CASE("The level of a stack that diverges is named, and there is a level for each network", "[nn][training]") {
  const auto data = TestedBackend::upload(random_matrix(2, 32, 8));
  auto stack = initial_stack();
  auto broken = plane_network();
  broken.for_each_parameter(
      [](const auto& p) { TestedKernels::fill(p.values.data(), static_cast<Index>(p.values.size()), 1e200); });
  nn::copy_into_stack(broken, stack, 1);
  const std::vector<double> before = tensors_of(stack);
  nn::LevelTraining<Plane> training(stack, data, stack_levels, {.epochs = 2, .batch_size = 16});
  CHECK(message_of<NumericalError>([&] { training.step(); }).find("sigma = 0.75, epoch 1 of 2, step 1 of 2") !=
        std::string::npos);
  CHECK(tensors_of(stack) == before);
  CHECK(message_of<DimensionMismatch>([&] { nn::LevelTraining<Plane>(stack, data, trained_level, {}); }) ==
        "training: 1 noise levels for 3 networks; expected one for each");
}

namespace {

const NoiseLevels levels_of_one({{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.1), {1.0, 0.0}});
const nn::Preconditioning joint_of_one{.data_scale = 1.0};

}  // namespace

TEST_CASE("A training of one network for all levels continues bitwise from any step", "[nn][training]") {
  const auto plane_network = [] {  // that is told the level
    nn::Network<Plane> network(Plane(2, 2, 64, 1, true), ImageShape{1, 1, 2});
    network.initialise(Seed{3});
    return network;
  };
  const auto data = TestedBackend::upload(random_matrix(2, 50, 4));
  const TrainingOptions options{
      .epochs = 4, .batch_size = 16, .learning_rate = 1e-2, .averaging_decay = 0.9, .seed = Seed{5}};
  auto uninterrupted = plane_network();
  nn::LevelTraining<Plane> whole(uninterrupted, data, levels_of_one, joint_of_one, options);
  CHECK(whole.level_count() == 1);
  CHECK_THAT(
      message_of<InvalidArgument>([&] { nn::LevelTraining<Plane>(uninterrupted, data, trained_level, options); }),
      ContainsSubstring("a network that is told the noise level, for one level; expected one that is not"));
  CHECK(whole.shared()->levels == levels_of_one);
  while (!whole.is_done()) whole.step();
  whole.finish();
  for (const int stop : {1, 3, 7}) {
    CAPTURE(stop);
    auto first = plane_network();
    nn::LevelTraining<Plane> before(first, data, levels_of_one, joint_of_one, options);
    for (int i = 0; i < stop; ++i) before.step();
    auto second = plane_network();
    nn::copy_tensors(first, second);
    nn::LevelTraining<Plane> after(second, data, levels_of_one, joint_of_one, options);
    after.restore(before.state());
    while (!after.is_done()) after.step();
    after.finish();
    CHECK(tensors_of(second) == tensors_of(uninterrupted));
    CHECK(after.losses() == whole.losses());
  }
  std::vector<double> told;
  uninterrupted.for_each_parameter([&](const auto& p) {
    if (p.name == "encoder.level.weight") told = values_of(p.values);
  });
  CHECK(std::any_of(told.begin(), told.end(), [](double weight) { return weight != 0.0; }));
}

TEST_CASE("The loss of one network for all levels is 1 for the best multiple of y, and refused when not finite",
          "[nn][training]") {
  // A network that gives 0: the mean square of its targets, which are 1 on average.
  const auto data = TestedBackend::upload(random_matrix(2, 2000, 4));
  auto network = plane_network();
  network.for_each_parameter(
      [](const auto& p) { TestedKernels::fill(p.values.data(), static_cast<Index>(p.values.size()), 0.0); });
  nn::LevelTraining<Plane> training(network, data, levels_of_one, joint_of_one, {.epochs = 1, .batch_size = 2000});
  CHECK(training.step() == Approx(1.0).epsilon(0.1));
  const auto huge = TestedBackend::upload(Batch<double>(1e200 * random_matrix(2, 32, 8)));
  auto other = plane_network();
  nn::LevelTraining<Plane> diverging(other, huge, levels_of_one, joint_of_one, {.epochs = 2, .batch_size = 16});
  CHECK_THAT(message_of<NumericalError>([&] { diverging.step(); }),
             ContainsSubstring("in the network for all levels, epoch 1 of 2, step 1 of 2"));
  auto stack = initial_stack();
  CHECK_THAT(message_of<DimensionMismatch>(
                 [&] { nn::LevelTraining<Plane>(stack, data, levels_of_one, joint_of_one, {.batch_size = 16}); }),
             ContainsSubstring("a stack of 3 networks for all levels; expected one network"));
}
