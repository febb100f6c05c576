#include "diffarch/denoiser/wiener_patch_sizes.hpp"

#include <Eigen/Cholesky>

#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#ifdef DIFFARCH_HAS_ZLIB
#include "diffarch/data/idx.hpp"
#endif

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

NoiseLevels levels_of(double noisiest) {
  return NoiseLevels({NoiseLevel::from_alpha_bar(0.0), NoiseLevel::from_sigma(noisiest).variance_preserving(),
                      NoiseLevel::from_sigma(0.3), NoiseLevel::from_sigma(0.0)});
}

TEST_CASE("The autocovariance of images is a sum over pairs of pixels", "[denoiser][local]") {
  const ImageShape shape{.height = 4, .width = 5, .channels = 2};
  const Batch<float> data = random_matrix<float>(shape.size(), 3, 1);
  const Matrix<double> measured = detail::autocovariance(data, shape, 3);
  Vector<double> mean = Vector<double>::Zero(2);
  for (Index i = 0; i < data.size(); ++i) mean(i % 2) += data(i % 40, i / 40) / 60.0;
  for (Index down = -3; down <= 3; ++down)
    for (Index right = -3; right <= 3; ++right) {
      double sum = 0.0;
      for (Index image = 0; image < 3; ++image)
        for (Index row = 0; row < 4; ++row)
          for (Index column = 0; column < 5; ++column)
            for (Index channel = 0; channel < 2; ++channel)
              if (row + down >= 0 && row + down < 4 && column + right >= 0 && column + right < 5)
                sum += (data(shape.index(row, column, channel), image) - mean(channel)) *
                       (data(shape.index(row + down, column + right, channel), image) - mean(channel));
      REQUIRE(measured(3 + down, 3 + right) == Approx(sum / 120.0).margin(1e-9));
    }
}

TEST_CASE("The ratio of a window is that of a Wiener filter", "[denoiser][local]") {
  // An autocovariance of exponential decay along both axes, solved densely without its modes.
  Matrix<double> autocovariance(9, 9);
  for (Index a = 0; a < 9; ++a)
    for (Index b = 0; b < 9; ++b) autocovariance(a, b) = 2.0 * std::pow(0.7, std::abs(a - 4) + std::abs(b - 4));
  const NoiseLevels levels = levels_of(3.0);
  for (const Index size : {1, 3, 5}) {
    const Index pixels = size * size;
    const Vector<double> ratios = detail::wiener_ratios(autocovariance, size, levels);
    for (Index step = 1; step < levels.steps(); ++step) {
      const double sigma = levels[step].sigma();
      Matrix<double> noisy = sigma * sigma * Matrix<double>::Identity(pixels, pixels);
      for (Index a = 0; a < pixels; ++a)
        for (Index b = 0; b < pixels; ++b)
          noisy(a, b) += autocovariance(4 + a / size - b / size, 4 + a % size - b % size);
      Vector<double> with_middle(pixels);
      for (Index a = 0; a < pixels; ++a)
        with_middle(a) = autocovariance(4 + a / size - size / 2, 4 + a % size - size / 2);
      const double loss = 2.0 - with_middle.dot(noisy.llt().solve(with_middle));
      REQUIRE(ratios(step) == Approx(sigma * sigma * (2.0 / loss - 1.0)).epsilon(1e-10));
    }
    // Without signal the filter is the covariance with the middle itself: the limit of the ratio is its square.
    double squares = 0.0;
    for (Index a = 0; a < pixels; ++a)
      squares += std::pow(autocovariance(4 + a / size - size / 2, 4 + a % size - size / 2), 2);
    REQUIRE(ratios(0) == Approx(squares / 2.0).epsilon(1e-12));
  }
}

TEST_CASE("Windows are no larger than correlations are long, and grow with the noise", "[denoiser][local]") {
  const ImageShape shape{.height = 15, .width = 15, .channels = 1};
  const Batch<double> white = random_matrix(shape.size(), 200, 2);
  const std::vector<Index> single = wiener_patch_sizes(white, shape, levels_of(3.0));
  REQUIRE(single == std::vector<Index>{1, 1, 1});
  // Each pixel is a moving average of 5 x 5 values: no correlation beyond 4 pixels, windows of at most 9.
  const ImageShape larger{.height = 19, .width = 19, .channels = 1};
  const Batch<double> values = random_matrix(larger.size(), 200, 3);
  Batch<double> smooth = Batch<double>::Zero(shape.size(), 200);
  for (Index row = 0; row < 15; ++row)
    for (Index column = 0; column < 15; ++column)
      for (Index down = 0; down < 5; ++down)
        for (Index right = 0; right < 5; ++right)
          smooth.row(shape.index(row, column)) += values.row(larger.index(row + down, column + right));
  const std::vector<Index> sizes = wiener_patch_sizes(smooth, shape, levels_of(20.0));
  REQUIRE(sizes.size() == 3);
  REQUIRE(sizes[0] >= 7);
  REQUIRE(sizes[0] <= 9);
  REQUIRE(sizes[2] < sizes[0]);
  REQUIRE(wiener_patch_sizes(smooth, shape, levels_of(20.0), 1.0, 5) == std::vector<Index>{5, 5, 5});
}

#ifdef DIFFARCH_HAS_ZLIB
TEST_CASE("Windows from the data alone are those that Kamb and Ganguli calibrated on a trained U-Net",
          "[denoiser][local]") {
  const auto folder = fashion_mnist_folder();
  if (!std::filesystem::exists(folder / "train-images-idx3-ubyte.gz")) {
    WARN("Fashion-MNIST is not installed in " << folder << " (Debian package dataset-fashion-mnist): test skipped");
    return;
  }
  // Their list for a U-Net with zeros padding on Fashion-MNIST, 20 noise levels, least noise first.
  const std::vector<Index> calibrated{3, 3, 5, 5, 7, 7, 7, 9, 11, 11, 11, 13, 15, 15, 21, 23, 25, 25, 25, 25};
  const auto images = load_fashion_mnist<float>({.count = 300, .height = 32, .width = 32});
  const std::vector<Index> sizes =
      wiener_patch_sizes(images.samples(), images.shape(), CosineSchedule{.steps = 20}.levels());
  double error = 0.0;
  for (std::size_t step = 0; step < 20; ++step)
    error += static_cast<double>(std::abs(sizes[step] - calibrated[19 - step])) / 20.0;
  INFO("mean error " << error);
  REQUIRE(error <= 2.0);
}
#endif

TEST_CASE("Windows from data say what is wrong", "[denoiser][local]") {
  const ImageShape shape{.height = 4, .width = 6, .channels = 1};
  const Batch<double> data = random_matrix(24, 5, 4);
  const NoiseLevels levels = levels_of(2.0);
  REQUIRE(message_of<DimensionMismatch>([&] {
            return wiener_patch_sizes(data, ImageShape{4, 4, 1}, levels);
          }) == "wiener_patch_sizes: the data are (24, 5), but an image of 4 x 4 x 1 has 16 values");
  REQUIRE(message_of<InvalidArgument>([&] { return wiener_patch_sizes(Batch<double>(24, 0), shape, levels); }) ==
          "wiener_patch_sizes: no images, expected at least one");
  REQUIRE(message_of<InvalidArgument>([&] { return wiener_patch_sizes(data, shape, levels, 1.5); }) ==
          "wiener_patch_sizes: share = 1.5, expected in (0, 1]");
  REQUIRE(message_of<InvalidArgument>([&] { return wiener_patch_sizes(data, shape, levels, 0.9, 4); }) ==
          "wiener_patch_sizes: largest = 4, expected an odd number in [1, 4]");
  REQUIRE(message_of<InvalidArgument>([&] {
            return wiener_patch_sizes(Batch<double>::Ones(24, 5).eval(), shape, levels);
          }) == "wiener_patch_sizes: the images have variance 0, expected more than 0");
}

}  // namespace
}  // namespace diffarch
