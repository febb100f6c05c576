#include "diffarch/nn/training/training_batches.hpp"

#include <set>

#include "diffarch/nn/kernels/kernels.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

using Shared = nn::SharedBatches<double, nn::DefaultKernels>;

const std::vector<NoiseLevel> shared_levels{{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.3)};
const nn::Preconditioning shared_joint{.data_scale = 1.5};
const TrainingOptions shared_options{.batch_size = 4, .seed = Seed{7}};

/// The sample and the level that a column of a batch was drawn from; the noise is that of the sample in its epoch.
std::pair<Index, std::size_t> origin_of(const Matrix<double>& data, Index epoch, const Vector<double>& input,
                                        const Vector<double>& target) {
  const CounterRandom random(shared_options.seed, streams::shared_noise);
  std::pair<Index, std::size_t> origin{-1, 0};
  for (Index sample = 0; sample < data.cols(); ++sample)
    for (std::size_t level = 0; level < shared_levels.size(); ++level) {
      const nn::Preconditioning::Sums sums = shared_joint.sums(shared_levels[level]);
      double difference = 0.0;
      for (Index i = 0; i < data.rows(); ++i) {
        const double epsilon = random.normal(epoch * data.cols() + sample, i);
        difference += std::abs(sums.input_signal * data(i, sample) + sums.input_noise * epsilon - input(i));
        difference += std::abs(sums.target_signal * data(i, sample) + sums.target_noise * epsilon - target(i));
      }
      if (difference < 1e-12) origin = {sample, level};
    }
  return origin;
}

}  // namespace

TEST_CASE("Each column of a batch for all levels is a sample at a level of its own, each sample once in an epoch",
          "[nn][training]") {
  const Matrix<double> data = random_matrix(3, 12, 1);
  Shared batches(data, shared_levels, shared_joint, shared_options);
  std::vector<std::vector<std::pair<Index, std::size_t>>> epochs;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    batches.begin_epoch(epoch);
    std::set<Index> seen;
    epochs.emplace_back();
    for (Index step = 0; step < 3; ++step) {
      batches.draw(epoch, step);
      const Eigen::Map<const Matrix<double>> target(batches.target(), 3, 4);
      for (Index j = 0; j < 4; ++j) {
        const auto origin = origin_of(data, epoch, batches.input().col(j), target.col(j));
        REQUIRE(origin.first >= 0);
        seen.insert(origin.first);
        epochs.back().push_back(origin);
      }
    }
    CHECK(seen.size() == 12);
  }
  CHECK(epochs[0] != epochs[1]);
}

TEST_CASE("Levels are drawn uniformly", "[nn][training]") {
  const Matrix<double> data = random_matrix(1, 30, 1);
  Shared batches(data, shared_levels, shared_joint, shared_options);
  std::vector<Index> counts(3);
  for (Index epoch = 0; epoch < 50; ++epoch) {
    batches.begin_epoch(epoch);
    for (Index step = 0; step < 7; ++step) {
      batches.draw(epoch, step);
      const Eigen::Map<const Matrix<double>> target(batches.target(), 1, 4);
      for (Index j = 0; j < 4; ++j) ++counts[origin_of(data, epoch, batches.input().col(j), target.col(j)).second];
    }
  }
  // 1400 draws: four standard deviations are 71.
  for (const Index count : counts) CHECK(std::abs(static_cast<double>(count) - 1400.0 / 3.0) < 71.0);
}

TEST_CASE("A batch does not depend on what was drawn before", "[nn][training]") {
  const Matrix<double> data = random_matrix(5, 16, 2);
  Shared first(data, shared_levels, shared_joint, shared_options);
  for (Index epoch = 0; epoch < 3; ++epoch) {
    first.begin_epoch(epoch);
    for (Index step = 0; step < 4; ++step) first.draw(epoch, step);
  }
  Shared second(data, shared_levels, shared_joint, shared_options);
  second.begin_epoch(2);
  second.draw(2, 3);
  CHECK(bitwise_equal(first.input(), second.input()));
  CHECK(std::equal(first.target(), first.target() + 20, second.target()));
  second.draw(2, 2);
  CHECK_FALSE(bitwise_equal(first.input(), second.input()));
}
