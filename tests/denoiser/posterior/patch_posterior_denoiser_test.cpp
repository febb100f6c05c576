#include "diffarch/denoiser/posterior/patch_posterior_denoiser.hpp"

#include <cmath>

#include "diffarch/denoiser/posterior/ideal_denoiser.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::relative_difference;
using test::TestedBackend;

constexpr PatchSymmetry same_place{Padding::zeros, PatchSymmetry::same_place};
constexpr PatchSymmetry all_shifts{Padding::circular, 1};

template <class Scalar = double>
PatchPosteriorDenoiser<Scalar, TestedBackend> patch_posterior(const ImageShape& shape, const PatchSymmetry& symmetry,
                                                              const PatchWindow& window, const Batch<Scalar>& data) {
  const NoiseLevels levels({NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  return {shape, symmetry, {window}, data, levels};
}

/// Whether, along an axis of `size` pixels, the patch at place q serves pixel p. A window of width S reaches S / 2
/// pixels up and left, (S - 1) / 2 down and right.
bool serves(const PatchSymmetry& symmetry, Index size, Index window, Index p, Index q) {
  if (q == p) return true;
  if ((q - p) % symmetry.period != 0) return false;
  if (symmetry.border == Padding::circular) return true;
  const auto inside = [&](Index pixel) { return pixel - window / 2 >= 0 && pixel + (window - 1) / 2 < size; };
  return inside(p) && inside(q);
}

/// The definition, patch by patch, in long double.
Batch<double> posterior_by_definition(const ImageShape& shape, const PatchSymmetry& symmetry, const PatchWindow& window,
                                      const Batch<double>& data, const Batch<double>& y, NoiseLevel level) {
  const bool is_circular = symmetry.border == Padding::circular;
  const auto wrapped = [](Index i, Index size) { return (i % size + size) % size; };
  const Index tall = is_circular ? std::min(window.size, shape.height) : window.size;
  const Index wide = is_circular ? std::min(window.size, shape.width) : window.size;
  const auto value = [&](const auto& image, Index row, Index column, Index channel) -> long double {
    const bool is_inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
    if (!is_inside && !is_circular) return 0.0L;
    return image(shape.index(wrapped(row, shape.height), wrapped(column, shape.width), channel));
  };
  const auto weight = [&](Index offset) -> long double {
    const long double distance = static_cast<long double>(offset) / (window.spread * static_cast<double>(window.size));
    return std::exp(-0.5L * distance * distance);
  };
  const auto distance = [&](const auto& noisy, const auto& clean, Index row, Index column, Index down, Index right) {
    long double sum = 0.0L;
    for (Index u = -(tall / 2); u <= (tall - 1) / 2; ++u)
      for (Index v = -(wide / 2); v <= (wide - 1) / 2; ++v)
        for (Index c = 0; c < shape.channels; ++c) {
          const long double difference = value(noisy, row + u, column + v, c) -
                                         static_cast<long double>(level.signal) * value(clean, down + u, right + v, c);
          sum += weight(u) * weight(v) * difference * difference;
        }
    return sum;
  };
  Batch<double> result(y.rows(), y.cols());
  for (Index j = 0; j < y.cols(); ++j)
    for (Index row = 0; row < shape.height; ++row)
      for (Index column = 0; column < shape.width; ++column) {
        struct Patch {
          long double distance;
          Index image, row, column;
        };
        std::vector<Patch> patches;
        for (Index i = 0; i < data.cols(); ++i)
          for (Index down = 0; down < shape.height; ++down)
            for (Index right = 0; right < shape.width; ++right)
              if (serves(symmetry, shape.height, tall, row, down) && serves(symmetry, shape.width, wide, column, right))
                patches.push_back({distance(y.col(j), data.col(i), row, column, down, right), i, down, right});
        long double nearest = patches.front().distance;
        for (const Patch& patch : patches) nearest = std::min(nearest, patch.distance);
        std::vector<long double> weights;
        long double total = 0.0L;
        for (const Patch& patch : patches) {
          weights.push_back(
              std::exp((nearest - patch.distance) / (2.0L * window.temperature * level.noise * level.noise)));
          total += weights.back();
        }
        for (Index c = 0; c < shape.channels; ++c) {
          long double mean = 0.0L;
          for (std::size_t k = 0; k < patches.size(); ++k)
            mean += weights[k] / total * data(shape.index(patches[k].row, patches[k].column, c), patches[k].image);
          result(shape.index(row, column, c), j) = static_cast<double>(mean);
        }
      }
  return result;
}

TEST_CASE("Patch posteriors are posterior means over patches", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 4, .channels = 2};
  const Batch<double> data = random_matrix(shape.size(), 37, 1);  // three tiles, the last one not full
  for (const PatchSymmetry& symmetry :
       {same_place, all_shifts, PatchSymmetry{Padding::zeros, 1}, PatchSymmetry{Padding::zeros, 2},
        PatchSymmetry{Padding::zeros, 3}, PatchSymmetry{Padding::circular, 2}, PatchSymmetry{Padding::circular, 100}})
    for (const PatchWindow& window :
         {PatchWindow{1, 1.0}, PatchWindow{2, 2.0}, PatchWindow{3, 1.0}, PatchWindow{4, 0.5}, PatchWindow{6, 1.0},
          PatchWindow{11, 3.0}, PatchWindow{14, 1.0}, PatchWindow{3, 1.0, 0.3}, PatchWindow{4, 2.0, 0.5},
          PatchWindow{9, 1.0, 0.2}}) {
      const auto model = patch_posterior(shape, symmetry, window, data);
      for (const NoiseLevel level : {NoiseLevel::from_sigma(0.2), NoiseLevel::from_sigma(1.0).variance_preserving(),
                                     NoiseLevel::from_sigma(30.0), NoiseLevel::from_alpha_bar(0.0)}) {
        INFO((symmetry.border == Padding::zeros ? "zeros" : "circular")
             << ", period " << symmetry.period << ", window " << window.size << ", sigma " << level.sigma());
        const Batch<double> y = level.signal * data.leftCols(2) + level.noise * random_matrix(shape.size(), 2, 2);
        REQUIRE(relative_difference(denoise_on(model, y, level),
                                    posterior_by_definition(shape, symmetry, window, data, y, level)) < 1e-12);
      }
    }
}

TEST_CASE("A patch as large as the image makes the local score ideal", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 9, .channels = 3};
  const Batch<double> data = random_matrix(shape.size(), 50, 3);
  const IdealDenoiser<double, TestedBackend> ideal(data);
  const auto local = patch_posterior(shape, same_place, {17}, data);
  for (const double sigma : {0.3, 3.0, 10.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const Batch<double> y = data.leftCols(10) + sigma * random_matrix(shape.size(), 10, 4);
    REQUIRE(relative_difference(denoise_on(local, y, level), denoise_on(ideal, y, level)) < 1e-12);
  }
}

TEST_CASE("A circular patch posterior commutes with shifts by its period, and with no others", "[denoiser][local]") {
  const ImageShape shape{.height = 4, .width = 8, .channels = 2};
  const Batch<double> data = random_matrix(shape.size(), 20, 5);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const Batch<double> y = random_matrix(shape.size(), 2, 6);
  const auto shift = [&](const Batch<double>& images, Index down, Index right) {
    Batch<double> result(images.rows(), images.cols());
    for (Index row = 0; row < shape.height; ++row)
      for (Index column = 0; column < shape.width; ++column)
        for (Index c = 0; c < shape.channels; ++c)
          result.row(shape.index((row + down) % shape.height, (column + right) % shape.width, c)) =
              images.row(shape.index(row, column, c));
    return result;
  };
  for (const Index period : {Index{1}, Index{2}, Index{4}, PatchSymmetry::same_place}) {
    const auto model = patch_posterior(shape, {Padding::circular, period}, {3}, data);
    const Batch<double> x0_hat = denoise_on(model, y, level);
    for (Index down = 0; down < shape.height; ++down)
      for (Index right = 0; right < shape.width; ++right) {
        INFO("period " << period << ", shift " << down << ", " << right);
        const double error =
            (denoise_on(model, shift(y, down, right), level) - shift(x0_hat, down, right)).cwiseAbs().maxCoeff();
        if (down % period == 0 && right % period == 0)
          REQUIRE(error < 1e-10);
        else
          REQUIRE(error > 0.1);
      }
  }
}

TEST_CASE("With zeros around the images a patch posterior tells the borders apart, and no place inside",
          "[denoiser][local]") {
  // One white pixel on black: its patches are known wherever a window lies inside, as the training image shows them in
  // the middle; at a border they are not.
  const ImageShape shape{.height = 9, .width = 9, .channels = 1};
  Batch<double> data = Batch<double>::Zero(shape.size(), 2);
  data(shape.index(4, 4), 0) = 1.0;
  const NoiseLevel level = NoiseLevel::from_sigma(0.05);
  const auto model = patch_posterior(shape, {Padding::zeros, 1}, {3}, data);
  const auto answer = [&](Index row, Index column) {
    Batch<double> y = Batch<double>::Zero(shape.size(), 1);
    y(shape.index(row, column)) = 1.0;
    return denoise_on(model, y, level)(shape.index(row, column));
  };
  for (Index row = 0; row < 9; ++row)
    for (Index column = 0; column < 9; ++column) {
      const bool is_inside = row > 0 && row < 8 && column > 0 && column < 8;
      REQUIRE(std::abs(answer(row, column) - (is_inside ? 1.0 : 0.0)) < 1e-9);
    }
}

TEST_CASE("Local scores in single precision follow double at every noise level", "[denoiser][local]") {
  const ImageShape shape{.height = 12, .width = 12, .channels = 3};
  const Batch<float> data = random_matrix<float>(shape.size(), 40, 7) * 0.4F;
  const Batch<double> exact_data = data.cast<double>();
  const auto single = patch_posterior<float>(shape, same_place, {5}, data);
  const auto exact = patch_posterior(shape, same_place, {5}, exact_data);
  for (const double sigma : {1e-3, 0.03, 0.3, 1.0, 30.0, 2e4}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
    const Batch<float> y = static_cast<float>(level.signal) * data.leftCols(4) +
                           static_cast<float>(level.noise) * random_matrix<float>(shape.size(), 4, 8);
    const Batch<double> difference =
        denoise_on(single, y, level).cast<double>() - denoise_on(exact, y.cast<double>(), level);
    REQUIRE(difference.cwiseAbs().maxCoeff() < 1e-5);
  }
}

TEST_CASE("Local scores are bitwise independent of batch and threads", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 6, .channels = 1};
  const Batch<float> data = random_matrix<float>(shape.size(), 30, 9);
  const auto model = patch_posterior<float>(shape, all_shifts, {3}, data);
  const NoiseLevel level = NoiseLevel::from_sigma(0.5);
  const Batch<float> y = random_matrix<float>(shape.size(), 40, 10);
  const Batch<float> together = denoise_on(model, y, level);
  for (const Index column : {Index{0}, Index{31}, Index{32}, Index{39}})
    REQUIRE(bitwise_equal(Batch<float>(together.col(column)), denoise_on(model, y.col(column), level)));
}

TEST_CASE("Without noise a local score takes the nearest patch", "[denoiser][local]") {
  const ImageShape shape{.height = 3, .width = 3, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 5, 11);
  const Batch<double> near = data.col(3).array() + 1e-3;
  const NoiseLevel clean = NoiseLevel::from_sigma(0.0);
  REQUIRE(denoise_on(patch_posterior(shape, same_place, {3}, data), near, clean) == data.col(3));
  REQUIRE(denoise_on(patch_posterior(shape, all_shifts, {3}, data), near, clean) == data.col(3));
}

TEST_CASE("Local scores say what is wrong", "[denoiser][local]") {
  const ImageShape shape{.height = 3, .width = 4, .channels = 1};
  const Batch<double> data = random_matrix(12, 5, 12);
  const auto model = patch_posterior(shape, same_place, {3}, data);
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  REQUIRE(message_of<DimensionMismatch>([&] { return denoise_on(model, random_matrix(11, 2, 1), level); }) ==
          "denoise: y is (11, 2) but the model has dimension 12");
  REQUIRE(message_of<InvalidArgument>([&] { return model.denoise_with(test::upload(data), level, {0}); }) ==
          "PatchPosterior: a patch size of 0 pixels, expected at least 1");
}

}  // namespace
}  // namespace diffarch
