#include "diffarch/denoiser/posterior/local_score_denoiser.hpp"

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

template <PatchPooling Pooling, class Scalar = double>
LocalScoreDenoiser<Pooling, Scalar, TestedBackend> local_score(const ImageShape& shape, Index patch_size,
                                                               const Batch<Scalar>& data) {
  const NoiseLevels levels({NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  return {shape, {patch_size}, data, levels};
}

/// The definition, patch by patch, for `pooling` = all_shifts or same_place. A window of width S reaches S / 2 pixels
/// up and left, (S - 1) / 2 down and right.
Batch<double> local_posterior_by_definition(PatchPooling pooling, const ImageShape& shape, Index patch_size,
                                            const Batch<double>& data, const Batch<double>& y, NoiseLevel level) {
  const bool all_shifts = pooling == PatchPooling::all_shifts;
  Batch<double> result = Batch<double>::Zero(y.rows(), y.cols());
  const auto wrapped = [](Index i, Index size) { return (i % size + size) % size; };
  const Index tall = all_shifts ? std::min(patch_size, shape.height) : patch_size;
  const Index wide = all_shifts ? std::min(patch_size, shape.width) : patch_size;
  for (Index j = 0; j < y.cols(); ++j)
    for (Index row = 0; row < shape.height; ++row)
      for (Index column = 0; column < shape.width; ++column) {
        std::vector<double> exponents;
        std::vector<Vector<double>> middles;
        for (Index i = 0; i < data.cols(); ++i)
          for (Index a = 0; a < (all_shifts ? shape.height : 1); ++a)
            for (Index b = 0; b < (all_shifts ? shape.width : 1); ++b) {
              double distance = 0.0;
              for (Index u = -(tall / 2); u <= (tall - 1) / 2; ++u)
                for (Index v = -(wide / 2); v <= (wide - 1) / 2; ++v) {
                  const bool inside =
                      row + u >= 0 && row + u < shape.height && column + v >= 0 && column + v < shape.width;
                  if (!inside && !all_shifts) continue;
                  for (Index c = 0; c < shape.channels; ++c) {
                    const double ours =
                        y(shape.index(wrapped(row + u, shape.height), wrapped(column + v, shape.width), c), j);
                    const double theirs = data(
                        shape.index(wrapped(row + u + a, shape.height), wrapped(column + v + b, shape.width), c), i);
                    distance += (ours - level.signal * theirs) * (ours - level.signal * theirs);
                  }
                }
              exponents.push_back(-distance / (2.0 * level.noise * level.noise));
              middles.push_back(data.col(i).segment(
                  shape.index(wrapped(row + a, shape.height), wrapped(column + b, shape.width)), shape.channels));
            }
        const double largest = *std::max_element(exponents.begin(), exponents.end());
        double sum = 0.0;
        auto pixel = result.col(j).segment(shape.index(row, column), shape.channels);
        for (std::size_t k = 0; k < exponents.size(); ++k) {
          const double weight = std::exp(exponents[k] - largest);
          sum += weight;
          pixel += weight * middles[k];
        }
        pixel /= sum;
      }
  return result;
}

TEST_CASE("Local scores are posterior means over patches", "[denoiser][local]") {
  const ImageShape shape{.height = 5, .width = 4, .channels = 2};
  const Batch<double> data = random_matrix(shape.size(), 37, 1);  // three tiles, the last one not full
  for (const Index patch_size : {1, 2, 3, 4, 6, 9, 12}) {
    const auto local = local_score<PatchPooling::same_place>(shape, patch_size, data);
    const auto equivariant = local_score<PatchPooling::all_shifts>(shape, patch_size, data);
    for (const NoiseLevel level : {NoiseLevel::from_sigma(0.2), NoiseLevel::from_sigma(1.0).variance_preserving(),
                                   NoiseLevel::from_sigma(30.0), NoiseLevel::from_alpha_bar(0.0)}) {
      const Batch<double> y = level.signal * data.leftCols(3) + level.noise * random_matrix(shape.size(), 3, 2);
      REQUIRE(relative_difference(
                  denoise_on(local, y, level),
                  local_posterior_by_definition(PatchPooling::same_place, shape, patch_size, data, y, level)) < 1e-12);
      REQUIRE(relative_difference(
                  denoise_on(equivariant, y, level),
                  local_posterior_by_definition(PatchPooling::all_shifts, shape, patch_size, data, y, level)) < 1e-12);
    }
  }
}

TEST_CASE("A patch as large as the image makes the local score ideal", "[denoiser][local]") {
  const ImageShape shape{.height = 6, .width = 9, .channels = 3};
  const Batch<double> data = random_matrix(shape.size(), 50, 3);
  const IdealDenoiser<double, TestedBackend> ideal(data);
  const auto local = local_score<PatchPooling::same_place>(shape, 17, data);
  for (const double sigma : {0.3, 3.0, 10.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const Batch<double> y = data.leftCols(10) + sigma * random_matrix(shape.size(), 10, 4);
    REQUIRE(relative_difference(denoise_on(local, y, level), denoise_on(ideal, y, level)) < 1e-12);
  }
}

TEST_CASE("The equivariant local score commutes with every circular shift", "[denoiser][local]") {
  const ImageShape shape{.height = 5, .width = 6, .channels = 2};
  const Batch<double> data = random_matrix(shape.size(), 20, 5);
  const auto equivariant = local_score<PatchPooling::all_shifts>(shape, 3, data);
  const auto local = local_score<PatchPooling::same_place>(shape, 3, data);
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
  double local_error = 0.0;
  for (Index down = 0; down < shape.height; ++down)
    for (Index right = 0; right < shape.width; ++right) {
      const Batch<double> shifted = shift(y, down, right);
      REQUIRE((denoise_on(equivariant, shifted, level) - shift(denoise_on(equivariant, y, level), down, right))
                  .cwiseAbs()
                  .maxCoeff() < 1e-10);
      local_error = std::max(
          local_error,
          (denoise_on(local, shifted, level) - shift(denoise_on(local, y, level), down, right)).cwiseAbs().maxCoeff());
    }
  REQUIRE(local_error > 0.1);
}

TEST_CASE("Local scores in single precision follow double at every noise level", "[denoiser][local]") {
  const ImageShape shape{.height = 12, .width = 12, .channels = 3};
  const Batch<float> data = random_matrix<float>(shape.size(), 40, 7) * 0.4F;
  const Batch<double> exact_data = data.cast<double>();
  const auto single = local_score<PatchPooling::same_place, float>(shape, 5, data);
  const auto exact = local_score<PatchPooling::same_place>(shape, 5, exact_data);
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
  const auto model = local_score<PatchPooling::all_shifts, float>(shape, 3, data);
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
  REQUIRE(denoise_on(local_score<PatchPooling::same_place>(shape, 3, data), near, clean) == data.col(3));
  REQUIRE(denoise_on(local_score<PatchPooling::all_shifts>(shape, 3, data), near, clean) == data.col(3));
}

TEST_CASE("Local scores say what is wrong", "[denoiser][local]") {
  const ImageShape shape{.height = 3, .width = 4, .channels = 1};
  const Batch<double> data = random_matrix(12, 5, 12);
  const auto model = local_score<PatchPooling::same_place>(shape, 3, data);
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  REQUIRE(message_of<DimensionMismatch>([&] { return denoise_on(model, random_matrix(11, 2, 1), level); }) ==
          "denoise: y is (11, 2) but the model has dimension 12");
  REQUIRE(message_of<InvalidArgument>([&] { return model.denoise_with_patch(test::upload(data), level, 0); }) ==
          "LocalScore: patch size 0, expected at least 1");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return local_score<PatchPooling::same_place>(ImageShape{3, 3, 1}, 3, data);
          }) == "LocalScore: the data are (12, 5), but an image of 3 x 3 x 1 has 9 values; set LocalScore::shape");
}

}  // namespace
}  // namespace diffarch
