#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"

#include <vector>

#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

constexpr ImageShape square{.height = 6, .width = 6, .channels = 1};

/// Windows of one width at all levels.
PatchSchedule windows(Index patch_size, Index width, Index image_size = 6) {
  return {.patch_sizes = {patch_size}, .widths = {width}, .image_size = image_size};
}

template <class Averaging = ExactAverage>
PatchPolynomial<3, Averaging> local(Index patch_size) {
  return {.shape = square, .patches = windows(patch_size, 12), .seed = Seed{5}};
}

template <int Degree, class Averaging>
auto fitted(const PatchPolynomial<Degree, Averaging>& architecture, const Batch<double>& x,
            const std::vector<double>& sigmas = {0.7, 0.0}) {
  return fit(architecture, x, CustomSchedule::from_sigmas(sigmas), TestedBackend{});
}

/// The reference rule.
Index start_of(Index pixel, Index width, Index size) {
  Index start = pixel < width / 2 ? 0 : pixel - width / 2;
  if (start + width >= size) start = size - width;
  return start;
}

/// The patches (S S channels, n) at (row, column), value by value.
Batch<double> patches_at(const Batch<double>& images, const ImageShape& shape, Index row, Index column, Index size) {
  Batch<double> patches(size * size * shape.channels, images.cols());
  for (Index image = 0; image < images.cols(); ++image)
    for (Index i = 0; i < size; ++i)
      for (Index j = 0; j < size; ++j)
        for (Index k = 0; k < shape.channels; ++k)
          patches((i * size + j) * shape.channels + k, image) =
              images(((row + i) * shape.width + column + j) * shape.channels + k, image);
  return patches;
}

/// Every pixel of the model against a denoiser fitted to its patches alone.
void check_pixels(const ImageShape& shape, Index size, Index width) {
  const Batch<double> x = correlated_samples(shape.size(), 20, 3);
  const Batch<double> y = 1.5 * random_matrix(shape.size(), 4, 4);
  const PatchPolynomial<3> architecture{
      .shape = shape, .patches = windows(size, width, std::min(shape.height, shape.width)), .seed = Seed{8}};
  const auto model = fitted(architecture, x);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const auto directions = model.fit_at(level).directions;
  const Batch<double> x0_hat = denoise_on(model, y, level);
  const Index last_row = shape.height - 1;
  const Index last_column = shape.width - 1;
  const std::vector<std::pair<Index, Index>> pixels{
      {0, 0}, {last_row, last_column}, {0, 3}, {2, last_column}, {1, 1}, {2, 3}, {3, 2}, {last_row - 1, 1}};
  for (const auto& [row, column] : pixels) {
    INFO("pixel " << row << ", " << column << " of " << detail::shape_text(shape) << ", window " << size);
    const Index top = start_of(row, size, shape.height);
    const Index left = start_of(column, size, shape.width);
    const RandomFeatureDenoiser<ExactAverage, double, TestedBackend> alone(
        3, {.width = width, .seed = Seed{8}}, patches_at(x, shape, top, left, size), directions);
    const Batch<double> patch = denoise_on(alone, patches_at(y, shape, top, left, size), level);
    for (Index k = 0; k < shape.channels; ++k)
      CHECK(relative_difference(x0_hat.row(shape.index(row, column, k)),
                                patch.row(((row - top) * size + column - left) * shape.channels + k)) < 1e-10);
  }
}

template <class Averaging>
void check_whole_image() {
  const Batch<double> x = correlated_samples(36, 25, 1);
  const Batch<double> y = 1.5 * random_matrix(36, 5, 2);
  const auto model = fitted(local<Averaging>(6), x, {2.0, 0.4, 0.0});
  for (const double sigma : {2.0, 0.4}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const auto level_fit = model.fit_at(level);
    REQUIRE(level_fit.patch_size == 6);
    REQUIRE(level_fit.window_count() == 1);
    const RandomFeatureDenoiser<Averaging, double, TestedBackend> global(3, {.width = 12, .seed = Seed{5}}, x,
                                                                         level_fit.directions);
    CHECK(relative_difference(denoise_on(model, y, level), denoise_on(global, y, level)) < 1e-10);
  }
}

template <class Averaging>
using Sampler = DiffusionSampler<PatchPolynomial<3, Averaging>, CosineSchedule, TestedBackend, Ddim, double>;

template <class Averaging>
void check_streaming() {
  const Batch<double> x = correlated_samples(36, 30, 6);
  PatchPolynomial<3, Averaging> architecture{.shape = square,
                                             .patches = {.patch_sizes = {6, 3}, .widths = {10, 6}, .image_size = 6},
                                             .averaging = {.ridge = 1e-2}};
  Sampler<Averaging> stored(architecture, CosineSchedule{.steps = 4});
  architecture.keep_levels = false;
  Sampler<Averaging> streaming(architecture, CosineSchedule{.steps = 4});
  stored.fit(x);
  streaming.fit(x);
  const Batch<double> samples = stored.sample(5, Seed{1});
  REQUIRE(samples.allFinite());
  REQUIRE(bitwise_equal(streaming.sample(5, Seed{1}), samples));
  REQUIRE(bitwise_equal(streaming.sample(5, Seed{1}), samples));  // no hidden state
  REQUIRE(bitwise_equal(stored.set_batch_size(2).sample(5, Seed{1}), samples));
  REQUIRE_FALSE(bitwise_equal(stored.sample(5, Seed{2}), samples));
}

}  // namespace

TEST_CASE("A patch as large as the image is the global polynomial", "[denoiser][patch]") {
  check_whole_image<ExactAverage>();
  check_whole_image<SingleDraw>();
  check_whole_image<Legacy>();
}

TEST_CASE("Every pixel is the least-squares fit on the window of the reference code", "[denoiser][patch]") {
  check_pixels(square, 3, 10);
  check_pixels(square, 4, 10);
  check_pixels({.height = 5, .width = 7, .channels = 2}, 3, 8);
  check_pixels({.height = 12, .width = 16, .channels = 2}, 8, 8);  // projections by frequencies
}

TEST_CASE("A pixel sees its window and nothing else", "[denoiser][patch]") {
  const auto model = fitted(local(3), correlated_samples(36, 25, 7));
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const Batch<double> y = random_matrix(36, 1, 8);
  const Batch<double> before = denoise_on(model, y, level);
  for (const Index pixel : {0, 5, 14, 21, 33}) {
    const Index top = start_of(pixel / 6, 3, 6);
    const Index left = start_of(pixel % 6, 3, 6);
    for (Index other = 0; other < 36; ++other) {
      const bool inside = other / 6 >= top && other / 6 < top + 3 && other % 6 >= left && other % 6 < left + 3;
      Batch<double> changed = y;
      changed(other, 0) += 3.0;
      INFO("pixel " << pixel << ", changed " << other);
      REQUIRE((denoise_on(model, changed, level)(pixel, 0) != before(pixel, 0)) == inside);
    }
  }
}

TEST_CASE("Levels that are not kept give the same samples, and sampling leaves no trace", "[denoiser][patch]") {
  check_streaming<ExactAverage>();
  check_streaming<SingleDraw>();
  check_streaming<Legacy>();
}

TEST_CASE("One noise draw and the reference code differ from the exact average", "[denoiser][patch]") {
  const Batch<double> x = correlated_samples(36, 40, 9);
  const Batch<double> y = x.leftCols(6) + 0.7 * random_matrix(36, 6, 10);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const Batch<double> exact = denoise_on(fitted(local(3), x), y, level);
  const auto single_model = fitted(local<SingleDraw>(3), x);
  const Batch<double> single = denoise_on(single_model, y, level);
  const auto legacy_model = fitted(local<Legacy>(3), x);
  const Batch<double> legacy = denoise_on(legacy_model, y, level);
  CHECK(single.allFinite());
  CHECK(legacy.allFinite());
  CHECK(relative_difference(single, exact) > 1e-3);
  CHECK(relative_difference(legacy, exact) > 1e-3);
  auto other_noise = local<SingleDraw>(3);
  other_noise.averaging.noise = Seed{77};
  CHECK(relative_difference(denoise_on(fitted(other_noise, x), y, level), single) > 1e-3);
  // The reference code normalises its features: it does not see the scale of a window. A polynomial does.
  CHECK(relative_difference(denoise_on(legacy_model, 2.0 * y, level), legacy) < 1e-12);
  CHECK(relative_difference(denoise_on(single_model, 2.0 * y, level), single) > 1e-1);
}

TEST_CASE("A window that is the same in all images is predicted exactly", "[denoiser][patch]") {
  Batch<double> x = correlated_samples(36, 20, 19);
  for (Index row = 0; row < 3; ++row) x.middleRows(6 * row, 3).setConstant(-1.0);  // the upper left corner
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const auto check = [&](const auto& architecture) {
    const Batch<double> x0_hat = denoise_on(fitted(architecture, x), random_matrix(36, 5, 20), level);
    CHECK(x0_hat.allFinite());
    for (const Index pixel : {0, 1, 6, 7}) CHECK((x0_hat.row(pixel).array() + 1.0).abs().maxCoeff() < 1e-12);
    CHECK(relative_difference(x0_hat.bottomRows(6), x.bottomRows(6).leftCols(5)) > 1e-3);
  };
  check(local<ExactAverage>(3));
  check(local<SingleDraw>(3));
  check(local<Legacy>(3));
}

TEST_CASE("A column does not depend on the others", "[denoiser][patch]") {
  const Batch<double> y = random_matrix(36, 7, 12);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const auto check = [&](const auto& model) {
    const Batch<double> all = denoise_on(model, y, level);
    for (Index j = 0; j < y.cols(); ++j)
      REQUIRE(bitwise_equal(denoise_on(model, Batch<double>(y.col(j)), level), Batch<double>(all.col(j))));
  };
  const Batch<double> x = correlated_samples(36, 25, 11);
  check(fitted(local(3), x));
  check(fitted(local<Legacy>(4), x));
}

TEST_CASE("A level between those of the schedule takes the window of the nearest", "[denoiser][patch]") {
  PatchPolynomial<3> architecture = local(3);
  architecture.patches = {.patch_sizes = {6, 4, 2}, .widths = {9, 7, 5}, .image_size = 6};
  const auto model = fitted(architecture, correlated_samples(36, 20, 13), {8.0, 2.0, 0.5, 0.0});
  const auto check = [&](double sigma, Index patch_size, Index width) {
    const auto level_fit = model.fit_at(NoiseLevel::from_sigma(sigma));
    INFO("sigma " << sigma);
    CHECK(level_fit.patch_size == patch_size);
    CHECK(level_fit.directions.cols() == width);
  };
  check(100.0, 6, 9);
  check(4.1, 6, 9);
  check(3.9, 4, 7);  // the geometric mean of 8 and 2 divides
  check(1.1, 4, 7);
  check(0.9, 2, 5);
  check(1e-3, 2, 5);
}

TEST_CASE("Shapes, ridges and biases that do not fit are refused", "[denoiser][patch]") {
  const Batch<double> x = correlated_samples(36, 10, 14);
  auto wrong_shape = local(3);
  wrong_shape.shape = {.height = 6, .width = 5, .channels = 1};
  CHECK_THROWS_AS(fitted(wrong_shape, x), DimensionMismatch);
  CHECK(message_of<DimensionMismatch>([&] { (void)fitted(wrong_shape, x); }).find("6 x 5 x 1 has 30 values") !=
        std::string::npos);
  auto no_ridge = local(3);
  no_ridge.averaging.ridge = 0.0;
  CHECK(message_of<InvalidArgument>([&] { (void)fitted(no_ridge, x); }).find("ridge = 0") != std::string::npos);
  auto biased = local<Legacy>(3);
  biased.bias = true;
  CHECK(message_of<InvalidArgument>([&] { (void)fitted(biased, x); }).find("Legacy has no bias") != std::string::npos);
  CHECK_THROWS_AS(fitted(local(7), x), InvalidArgument);
  const auto model = fitted(local(3), x);
  CHECK_THROWS_AS(denoise_on(model, Batch<double>::Ones(35, 2), NoiseLevel::from_sigma(0.7)), DimensionMismatch);
}

TEST_CASE("Every backend's windows are those of the host", "[denoiser][patch]") {
  const ImageShape shape{.height = 7, .width = 9, .channels = 2};
  const Batch<double> x = correlated_samples(shape.size(), 30, 15);
  const Batch<double> y = 1.5 * random_matrix(shape.size(), 70, 16);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  const auto check = [&](const auto& averaging, Index size) {
    using Averaging = std::remove_cvref_t<decltype(averaging)>;
    const PatchPolynomial<3, Averaging> architecture{
        .shape = shape, .patches = windows(size, 6, 7), .averaging = averaging, .seed = Seed{3}};
    INFO(architecture.name() << ", window " << size);
    const CustomSchedule schedule = CustomSchedule::from_sigmas({0.7, 0.0});
    const Batch<double> host = fit(architecture, x, schedule).denoise(y, level);
    CHECK(relative_difference(denoise_on(fitted(architecture, x), y, level), host) < 1e-12);
    const auto narrow = fit(architecture, Batch<float>(x.cast<float>()), schedule, TestedBackend{});
    const Batch<float> narrow_x0_hat = denoise_on(narrow, y.cast<float>(), level);
    const Batch<float> narrow_host =
        fit(architecture, Batch<float>(x.cast<float>()), schedule).denoise(Batch<float>(y.cast<float>()), level);
    // Projections and sums over windows are in f32, the rest in double.
    CHECK(relative_difference(narrow_x0_hat, narrow_host) < 1e-6);
    CHECK(relative_difference(narrow_x0_hat, host) < 1e-5);  // the rounding of data and directions, through the solve
  };
  for (const Index size : {7, 6, 5, 4, 2, 1}) {
    check(ExactAverage{.ridge = 1e-2}, size);
    if (size > 1) check(SingleDraw{.ridge = 1e-2}, size);  // two values have no six directions
    if (size > 1) check(Legacy{.ridge = 1e-2}, size);
  }
}
