#include "diffarch/nn/kernels/training_levels.hpp"

#include "nn/tested_networks.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

struct LevelsBatch {
  Matrix<double> clean, noisy, gradient;
  std::vector<double> errors;
};

/// A batch of some levels, and the errors of another array as if it were the output for it.
LevelsBatch levels_batch(const std::vector<Index>& streams, const std::vector<double>& signals,
                         const std::vector<double>& noises, const std::vector<Index>& order,
                         const Matrix<double>& output) {
  const Index d = 6;
  const Index n = 9;
  const Index batch_size = 4;
  const auto levels = static_cast<Index>(streams.size());
  KernelMemory<Index> stored_streams{std::span(streams)};
  KernelMemory<Index> samples{std::span(order)};
  KernelMemory<double> stored_signals{std::span(signals)};
  KernelMemory<double> stored_noises{std::span(noises)};
  KernelMemory<double> data(random_matrix(d, n, 1));
  KernelMemory<double> clean(d * batch_size * levels);
  KernelMemory<double> noisy(d * batch_size * levels);
  KernelMemory<double> gradient(d * batch_size * levels);
  KernelMemory<double> stored_output(output);
  TestedKernels::noisy_batch(
      Seed{5}, nn::TrainingLevels<double>{levels, stored_streams.data(), stored_signals.data(), stored_noises.data()},
      data.data(), d, n, samples.data() + 2, batch_size, Index{30}, clean.data(), noisy.data());
  LevelsBatch batch;
  batch.errors.resize(streams.size());
  TestedKernels::mean_squared_errors(stored_output.data(), clean.data(), gradient.data(), d * batch_size, levels,
                                     batch.errors.data());
  batch.clean = clean.host(d, batch_size * levels);
  batch.noisy = noisy.host(d, batch_size * levels);
  batch.gradient = gradient.host(d, batch_size * levels);
  return batch;
}

}  // namespace

TEST_CASE("A batch of several levels is, bitwise, the batches of each", "[nn][training]") {
  const std::vector<Index> streams{70000, 16390, 5};
  const std::vector<double> signals{0.8, 0.1, 0.96};
  const std::vector<double> noises{0.6, 0.99, 0.28};
  const std::vector<Index> order{0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 3, 0, 4, 1, 5, 2, 6, 7, 8};
  const Matrix<double> output = random_matrix(6, 12, 2);
  const LevelsBatch together = levels_batch(streams, signals, noises, order, output);
  for (Index level = 0; level < 3; ++level) {
    CAPTURE(level);
    const auto at = static_cast<std::size_t>(level);
    const std::vector<Index> own_order(order.begin() + 9 * level, order.begin() + 9 * (level + 1));
    const LevelsBatch alone = levels_batch({streams[at]}, {signals[at]}, {noises[at]}, own_order,
                                           Matrix<double>(output.middleCols(4 * level, 4)));
    CHECK(bitwise_equal(alone.clean, Matrix<double>(together.clean.middleCols(4 * level, 4))));
    CHECK(bitwise_equal(alone.noisy, Matrix<double>(together.noisy.middleCols(4 * level, 4))));
    CHECK(bitwise_equal(alone.gradient, Matrix<double>(together.gradient.middleCols(4 * level, 4))));
    CHECK(alone.errors[0] == together.errors[at]);
    // And that is the sample, and noise of its own: the order is read from its third sample on.
    const CounterRandom random(Seed{5}, Stream{static_cast<std::uint32_t>(streams[at])});
    const Matrix<double> data = random_matrix(6, 9, 1);
    const Index sample = own_order[2];
    CHECK(bitwise_equal(Matrix<double>(alone.clean.col(0)), Matrix<double>(data.col(sample))));
    CHECK(alone.noisy(5, 0) ==
          Approx(signals[at] * data(5, sample) + noises[at] * random.normal(30 + sample, 5)).epsilon(1e-13));
  }
}

TEST_CASE("Columns of a mixed batch are each of a level of their own", "[nn][training]") {
  const Index d = 6;
  const std::vector<Index> order{7, 2, 0, 5};
  const std::vector<Index> levels{1, 0, 1, 2};
  const std::vector<double> weights{0.8, 0.6, 0.5, -0.25, 0.1, 0.99, 2.0, 0.0, 0.96, 0.28, -0.3, 0.7};
  const Matrix<double> data = random_matrix(d, 9, 1);
  KernelMemory<double> stored(data);
  KernelMemory<double> stored_weights{std::span(weights)};
  KernelMemory<Index> samples{std::span(order)};
  KernelMemory<Index> column_levels{std::span(levels)};
  KernelMemory<double> target(d * 3);
  KernelMemory<double> noisy(d * 3);
  TestedKernels::mixed_batch(Seed{5}, nn::SharedLevels<double>{70000, stored_weights.data()}, stored.data(), d,
                             samples.data() + 1, column_levels.data() + 1, Index{3}, Index{30}, target.data(),
                             noisy.data());
  const CounterRandom random(Seed{5}, Stream{70000});
  for (Index j = 0; j < 3; ++j)
    for (Index i = 0; i < d; ++i) {
      const Index sample = order[static_cast<std::size_t>(j) + 1];
      const double* const w = weights.data() + 4 * levels[static_cast<std::size_t>(j) + 1];
      const double epsilon = random.normal(30 + sample, i);
      CHECK(noisy.host(d, 3)(i, j) == Approx(w[0] * data(i, sample) + w[1] * epsilon).margin(1e-13));
      CHECK(target.host(d, 3)(i, j) == Approx(w[2] * data(i, sample) + w[3] * epsilon).margin(1e-13));
    }
}
