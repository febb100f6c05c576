// What the suite shared with the host does not reach: several tiles and blocks on the device, images of odd shapes, and
// the host's own results.

#include "diffarch/cuda/denoiser/patch_posterior_denoiser.hpp"

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::random_matrix;
using test::relative_difference;

constexpr PatchSymmetry same_place{Padding::zeros, PatchSymmetry::same_place};
constexpr PatchSymmetry all_shifts{Padding::circular, 1};

template <class Scalar>
void compare_with_host(const PatchSymmetry& symmetry, const ImageShape& shape, Index n, Index queries,
                       const std::vector<Index>& patch_sizes, double tolerance,
                       double spread = std::numeric_limits<double>::infinity()) {
  const NoiseLevels levels({NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  const Batch<Scalar> data = random_matrix<Scalar>(shape.size(), n, 1);
  const Batch<Scalar> noise = random_matrix<Scalar>(shape.size(), queries, 2);
  for (const Index patch_size : patch_sizes) {
    const std::vector<PatchWindow> windows{{patch_size, patch_size % 2 == 0 ? 2.0 : 1.0, spread}};
    const PatchPosteriorDenoiser<Scalar, Cuda> model(shape, symmetry, windows, data, levels);
    const PatchPosteriorDenoiser<Scalar> host(shape, symmetry, windows, data, levels);
    for (const double sigma : {0.0, 0.05, 1.0, 20.0}) {
      INFO(shape.height << " x " << shape.width << " x " << shape.channels << ", " << n << " images, patch "
                        << patch_size << ", sigma " << sigma);
      const NoiseLevel level = NoiseLevel::from_sigma(sigma);
      Batch<Scalar> y = static_cast<Scalar>(sigma) * noise;
      for (Index j = 0; j < queries; ++j) y.col(j) += Scalar(0.9) * data.col(j % n);
      const Batch<Scalar> x0_hat = denoise_on(model, y, level);
      REQUIRE(relative_difference(x0_hat, host.denoise(y, level)) < tolerance);
      REQUIRE(bitwise_equal(denoise_on(model, y.rightCols(1), level), Batch<Scalar>(x0_hat.rightCols(1))));
    }
  }
}

TEST_CASE("Images of every shape, from one pixel on", "[cuda][local]") {
  for (const ImageShape& shape :
       {ImageShape{1, 1, 1}, ImageShape{1, 1, 3}, ImageShape{1, 9, 2}, ImageShape{7, 1, 1}, ImageShape{3, 5, 4}})
    for (const Index n : {1, 3, 9, 30}) {
      compare_with_host<double>(same_place, shape, n, 3, {1, 2, 3, 8, 20}, 1e-12);
      compare_with_host<double>(all_shifts, shape, n, 3, {1, 2, 3, 8, 20}, 1e-12);
      compare_with_host<double>({Padding::zeros, 1}, shape, n, 3, {1, 2, 3, 8}, 1e-12);
      compare_with_host<double>({Padding::zeros, 2}, shape, n, 3, {1, 2, 3}, 1e-12);
      compare_with_host<double>({Padding::zeros, 2}, shape, n, 3, {1, 2, 5}, 1e-12, 0.3);
      compare_with_host<double>(all_shifts, shape, n, 3, {1, 2, 5}, 1e-12, 0.5);
    }
}

TEST_CASE("Several tiles of training images and blocks of noisy ones", "[cuda][local]") {
  // 24 pixels: tiles of 10920 images, blocks of 8 noisy ones.
  compare_with_host<double>(all_shifts, {4, 6, 1}, 470, 10, {3}, 1e-12);
  compare_with_host<double>(same_place, {4, 6, 1}, 2 * 10920 + 11, 3, {4}, 1e-12);
  compare_with_host<double>({Padding::circular, 2}, {4, 6, 1}, 2 * 1820 + 11, 3, {3}, 1e-12);
  compare_with_host<double>({Padding::zeros, 1}, {4, 6, 1}, 1500, 3, {3}, 1e-12);
}

TEST_CASE("In single precision local scores are those of the host", "[cuda][local]") {
  // 2e-6: an exponent is a sum over the up to 396 values of a window, each x (x - 2 y) / (2 sigma^2) of about
  // 1 / sigma where noise dominates, as at sigma = 20; where it does not, few patches have a weight. So the sum, and
  // with it the logarithm of a weight, is left an error of epsilon sqrt(396) in either order of summation.
  compare_with_host<float>(same_place, {12, 11, 3}, 60, 5, {1, 5, 23}, 2e-6);
  compare_with_host<float>(all_shifts, {6, 5, 2}, 20, 5, {1, 3, 6}, 2e-6);
}

TEST_CASE("Not a number stays visible, in its own window and image only", "[cuda][local]") {
  const ImageShape shape{.height = 5, .width = 5, .channels = 1};
  const NoiseLevels levels({NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  const PatchPosteriorDenoiser<double, Cuda> model(shape, same_place, {{3}}, random_matrix(25, 20, 3), levels);
  Batch<double> y = random_matrix(25, 2, 4);
  y(shape.index(0, 0), 1) = std::nan("");
  const Batch<double> x0_hat = denoise_on(model, y, NoiseLevel::from_sigma(0.5));
  REQUIRE(x0_hat.col(0).allFinite());
  for (Index row = 0; row < 5; ++row)
    for (Index column = 0; column < 5; ++column)
      REQUIRE(std::isnan(x0_hat(shape.index(row, column), 1)) == (row < 2 && column < 2));
}

}  // namespace
}  // namespace diffarch
