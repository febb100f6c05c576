#include "diffarch/denoiser/network/network_training.hpp"

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using PlaneArchitecture = Bottleneck<2, BottleneckForm::plane>;

const CosineSchedule three_steps{.steps = 3};
const TrainingOptions stack_training{.epochs = 2, .batch_size = 16, .learning_rate = 1e-3, .seed = Seed{3}};

template <class A>
using TestedModel = NetworkModel<A, double, TestedBackend>;

template <class A>
auto plan_of(const A& architecture, const Batch<double>& data) {
  return diffarch::detail::network_plan<TestedBackend, double>(architecture, data.rows());
}

/// One level after the other.
template <class A>
TestedModel<A> train_each(const A& architecture, const Batch<double>& data) {
  std::vector<typename TestedModel<A>::Level> trained;
  diffarch::detail::NoStore store;
  diffarch::detail::train_levels(plan_of(architecture, data), data, three_steps.levels(), 0, 3, store, {},
                                 [&](auto level) { trained.push_back(std::move(level)); });
  return TestedModel<A>(std::move(trained));
}

template <class Model>
void check_same_models(const Model& a, const Model& b) {
  REQUIRE(a.levels().size() == b.levels().size());
  for (std::size_t i = 0; i < a.levels().size(); ++i) {
    CAPTURE(i);
    CHECK(a.levels()[i].level == b.levels()[i].level);
    const std::vector<double> weights = tensors_of(*a.levels()[i].network);
    const std::vector<double> others = tensors_of(*b.levels()[i].network);
    const std::vector<double>& losses = a.levels()[i].losses;
    if (batched_products_have_bits) {
      CHECK(weights == others);
      CHECK(losses == b.levels()[i].losses);
    } else {
      REQUIRE(weights.size() == others.size());
      for (std::size_t k = 0; k < weights.size(); ++k)
        CHECK(weights[k] == Approx(others[k]).epsilon(1e-9).margin(1e-9));
      REQUIRE(losses.size() == b.levels()[i].losses.size());
      for (std::size_t k = 0; k < losses.size(); ++k) CHECK(losses[k] == Approx(b.levels()[i].losses[k]));
    }
  }
}

template <class A>
void check_stacks(A architecture, const Batch<double>& data) {
  STATIC_REQUIRE(StackableArchitecture<A, double, TestedBackend>);
  for (const double decay : {0.0, 0.5}) {
    architecture.training.averaging_decay = decay;
    const auto each = train_each(architecture, data);
    for (const Index together : {1, 2, 3}) {
      CAPTURE(decay, together);
      check_same_models(
          diffarch::detail::train_stacks(plan_of(architecture, data), data, three_steps.levels(), together, {}), each);
    }
    check_same_models(fit(architecture, data, three_steps, TestedBackend{}), each);
  }
}

}  // namespace

TEST_CASE("Levels that are trained together become what each becomes alone", "[denoiser][nn][training]") {
  check_stacks(PlaneArchitecture{stack_training}, random_matrix(2, 40, 1));
  check_stacks(Bottleneck<3>{stack_training}, Batch<double>(0.3 * random_matrix(12, 40, 2)));
}

TEST_CASE("Stacks are taken where the kernels want them, and a warm start has none", "[denoiser][nn][training]") {
  const Batch<double> data = random_matrix(2, 40, 1);
  const auto last_status = [&](const TrainingOptions& options) {
    std::string status;
    Index done = 0;
    static_cast<void>(
        fit(PlaneArchitecture{options}, data, three_steps, TestedBackend{}, [&](const Progress& progress) {
          status = progress.status.substr(0, progress.status.find(','));
          done = progress.done;
          CHECK(progress.total == 3 * 2 * 32);  // levels, epochs, images in whole batches
        }));
    CHECK(done == 3 * 2 * 32);
    return status;
  };
  CHECK(last_status(stack_training) == (TestedKernels::stack_bytes > 0 ? "levels 1 to 3 of 3" : "level 3 of 3"));
  TrainingOptions warm = stack_training;
  warm.warm_start = true;
  CHECK(last_status(warm) == "level 3 of 3");
  STATIC_REQUIRE(!StackableArchitecture<ConvUNet<1, 2>, double, TestedBackend>);
}

TEST_CASE("A level that diverges is named among those of its stack", "[denoiser][nn][training]") {
  const Batch<double> data = 1e200 * random_matrix(2, 40, 1);
  const std::string message = message_of<NumericalError>([&] {
    static_cast<void>(diffarch::detail::train_stacks(plan_of(PlaneArchitecture{stack_training}, data), data,
                                                     three_steps.levels(), 2, {}));
  });
  CHECK_THAT(message, ContainsSubstring("levels 1 to 2 of 3: training: the loss is"));
  CHECK_THAT(message, ContainsSubstring("at sigma = "));
}

TEST_CASE("Stacks are of about the same size and keep to their memory", "[denoiser][nn][training]") {
  using diffarch::detail::stack_size;
  CHECK(stack_size(50, 100, 5000) == 50);
  CHECK(stack_size(50, 100, 4999) == 25);
  CHECK(stack_size(50, 100, 2000) == 17);  // 17, 17, 16
  CHECK(stack_size(50, 100, 199) == 1);
  CHECK(stack_size(50, 100, 99) == 1);
  CHECK(stack_size(1, 100, 5000) == 1);
}

TEST_CASE("The memory of a level is bounded by its layers", "[denoiser][nn][training]") {
  // Weights and biases of 2 -> 64 -> 2 -> 64 -> 2, five times; 64 + 2 + 64 + 2 numbers between layers, three times, and
  // four times 2, for each of 16 samples; and an Index for each of the data.
  nn::Network network(Fitter<PlaneArchitecture, TestedBackend, double>::make_body({}, {1, 1, 2}), ImageShape{1, 1, 2});
  const Index weights = (2 * 64 + 64) + (64 * 2 + 2) + (2 * 64 + 64) + (64 * 2 + 2);
  CHECK(diffarch::detail::training_bytes(network, stack_training, 40) ==
        8 * (5 * weights + 16 * (3 * 132 + 4 * 2)) + 8 * 40);
}
