#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/nn/kernels/adam_step.hpp"
#include "diffarch/nn/kernels/training_levels.hpp"

namespace diffarch::nn {

namespace detail {

/// Adam on elements [0, count).
template <class Scalar>
void adam_update(Scalar* __restrict parameters, const Scalar* __restrict gradient, Scalar* __restrict mean,
                 Scalar* __restrict mean_squared, std::size_t count,
                 const AdamCoefficients<Scalar>& coefficients) noexcept {
  const AdamCoefficients<Scalar> c = coefficients;
#ifdef _OPENMP
#ifdef _OPENMP
#pragma omp simd
#endif
#endif
  for (std::size_t i = 0; i < count; ++i) adam_element(parameters[i], gradient[i], mean[i], mean_squared[i], c);
}

/// average += weight (values - average) on elements [0, count). The sum has one product: see adam_element.
template <class Scalar>
void move_average(Scalar* __restrict average, const Scalar* __restrict values, std::size_t count,
                  Scalar weight) noexcept {
#ifdef _OPENMP
#ifdef _OPENMP
#pragma omp simd
#endif
#endif
  for (std::size_t i = 0; i < count; ++i) average[i] += weight * (values[i] - average[i]);
}

}  // namespace detail

/// The words of training among those of `HostKernels`: see there.
struct HostTraining {
  /// Bitwise the same for any number of threads and however the parameters are cut into pieces.
  template <class Scalar>
  static void adam_update(std::span<const ParametersWithGradient<Scalar>> pieces, Scalar* mean, Scalar* mean_squared,
                          const detail::AdamCoefficients<Scalar>& coefficients) {
    constexpr Index operations = 30;  // of one parameter
    for (const auto& piece : pieces) {
      const auto count = static_cast<Index>(piece.parameters.size());
      Scalar* const parameters = piece.parameters.data();
      const Scalar* const gradient = piece.gradient.data();
      for_each_chunk(count, operations, [&](Index first, std::size_t size) {
        detail::adam_update(parameters + first, gradient + first, mean + first, mean_squared + first, size,
                            coefficients);
      });
      mean += count;
      mean_squared += count;
    }
  }

  template <class Scalar>
  static void move_average(Scalar* average, const Scalar* values, Index count, Scalar weight) {
    constexpr Index operations = 3;  // of one value
    for_each_chunk(count, operations, [&](Index first, std::size_t size) {
      detail::move_average(average + first, values + first, size, weight);
    });
  }

  template <class Scalar>
  static void noisy_batch(Seed seed, const TrainingLevels<Scalar>& levels, const Scalar* data, Index d, Index n,
                          const Index* samples, Index count, Index first_draw, Scalar* clean, Scalar* noisy) {
    for (Index level = 0; level < levels.count; ++level) {
      const CounterRandom random(seed, Stream{static_cast<std::uint32_t>(levels.streams[level])});
      const Index begin = level * d * count;
      noisy_batch_of_level(random, data, d, samples + level * n, count, first_draw, levels.signals[level],
                           levels.noises[level], clean + begin, noisy + begin);
    }
  }

  template <class Scalar>
  static void mixed_batch(Seed seed, const SharedLevels<Scalar>& levels, const Scalar* data, Index d,
                          const Index* samples, const Index* column_levels, Index count, Index first_draw,
                          Scalar* target, Scalar* noisy) {
    parallel_for(count, d, [=](Index column) {
      for (Index row = 0; row < d; ++row) target[column * d + row] = data[samples[column] * d + row];
    });
    for_each_normal(
        CounterRandom(seed, Stream{static_cast<std::uint32_t>(levels.stream)}), d, count,
        [=](Index column) { return first_draw + samples[column]; },
        [=](Index i, double normal) {
          const Scalar* const weights = levels.weights + 4 * column_levels[i / d];
          const Scalar clean = target[i];
          const auto noise = static_cast<Scalar>(normal);
          noisy[i] = weights[0] * clean + weights[1] * noise;
          target[i] = weights[2] * clean + weights[3] * noise;
        });
  }

  /// Summed in an order that depends on the size alone.
  template <class Scalar>
  static void mean_squared_errors(const Scalar* x0_hat, const Scalar* clean, Scalar* gradient, Index size, Index levels,
                                  double* host_errors) {
    for (Index level = 0; level < levels; ++level) {
      const Index begin = level * size;
      host_errors[level] = mean_squared_error(x0_hat + begin, clean + begin, gradient + begin, size);
    }
  }

  template <class Scalar>
  [[nodiscard]] static bool all_finite(const Scalar* values, Index count) {
    return std::all_of(values, values + count, [](Scalar value) { return std::isfinite(value); });
  }

 private:
  template <class Scalar>
  static void noisy_batch_of_level(const CounterRandom& random, const Scalar* data, Index d, const Index* samples,
                                   Index count, Index first_draw, Scalar signal, Scalar noise, Scalar* clean,
                                   Scalar* noisy) {
    parallel_for(count, d, [=](Index column) {
      for (Index row = 0; row < d; ++row) clean[column * d + row] = data[samples[column] * d + row];
    });
    for_each_normal(
        random, d, count, [=](Index column) { return first_draw + samples[column]; },
        [=, clean = static_cast<const Scalar*>(clean)](Index i, double normal) {
          noisy[i] = signal * clean[i] + noise * static_cast<Scalar>(normal);
        });
  }

  template <class Scalar>
  [[nodiscard]] static double mean_squared_error(const Scalar* x0_hat, const Scalar* clean, Scalar* gradient,
                                                 Index size) {
    const auto factor = static_cast<Scalar>(2.0 / static_cast<double>(size));
    constexpr Index lanes = 16;
    std::array<double, lanes> sums{};
    const auto add = [&, a = x0_hat, b = clean, to = gradient](Index i, std::size_t lane) {
      const Scalar difference = a[i] - b[i];
      to[i] = factor * difference;
      sums[lane] += static_cast<double>(difference) * static_cast<double>(difference);
    };
    Index begin = 0;
    for (; begin + lanes <= size; begin += lanes)
      for (Index lane = 0; lane < lanes; ++lane) add(begin + lane, static_cast<std::size_t>(lane));
    for (Index i = begin; i < size; ++i) add(i, static_cast<std::size_t>(i - begin));
    return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(size);
  }

  /// body(first, size) for chunks of a fixed size, so that the tasks are the same for any thread count.
  template <class Body>
  static void for_each_chunk(Index count, Index operations, const Body& body) {
    constexpr Index chunk_size = 8192;
    parallel_for((count + chunk_size - 1) / chunk_size, operations * chunk_size, [&](Index chunk) {
      const Index first = chunk * chunk_size;
      body(first, static_cast<std::size_t>(std::min(chunk_size, count - first)));
    });
  }
};

}  // namespace diffarch::nn
