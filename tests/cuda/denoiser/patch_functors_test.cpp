#include "diffarch/cuda/denoiser/patch_functors.hpp"

#include <vector>

#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/launch.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using namespace cuda::detail;  // the functors

TEST_CASE("Divisions of numbers below 2^32 are exact", "[cuda][local]") {
  for (const Index number : {Index{0}, Index{1}, Index{12345678}, (Index{1} << 32) - 1})
    for (const Index divisor : {Index{1}, Index{3}, Index{1000}, (Index{1} << 32) - 1}) {
      REQUIRE(divide(number, divisor).quotient == number / divisor);
      REQUIRE(divide(number, divisor).remainder == number % divisor);
    }
}

TEST_CASE("Shifted images are the images, continued periodically", "[cuda][local]") {
  const ImageShape shape{.height = 3, .width = 4, .channels = 2};
  const Batch<double> data = random_matrix(shape.size(), 5, 1);
  const PatchSymmetry everywhere{Padding::circular, 1};
  const ShiftedImages<double> images{data.data(), shape, 5, diffarch::detail::shift_axis(everywhere, 3, 3),
                                     diffarch::detail::shift_axis(everywhere, 3, 4)};
  for (Index down = 0; down < 3; ++down)
    for (Index right = 0; right < 4; ++right)
      for (Index image = 0; image < 5; ++image)
        for (Index pixel = 0; pixel < 12; ++pixel)
          REQUIRE(images.at((down * 4 + right) * 5 + image, pixel) ==
                  data.col(image).data() + shape.index((pixel / 4 + down) % 3, (pixel % 4 + right) % 4));
}

TEST_CASE("Shifted images end at the border, and serve the pixels whose windows lie inside", "[cuda][local]") {
  const ImageShape shape{.height = 4, .width = 5, .channels = 1};
  const Batch<double> data = random_matrix(shape.size(), 2, 1);
  const PatchSymmetry symmetry{Padding::zeros, 1};
  const ShiftedImages<double> images{data.data(), shape, 2, diffarch::detail::shift_axis(symmetry, 3, 4),
                                     diffarch::detail::shift_axis(symmetry, 3, 5)};
  REQUIRE(images.rows.count == 3);     // one pixel up, none, one down
  REQUIRE(images.columns.count == 5);  // two to each side
  for (Index number = 0; number < 30; ++number) {
    const Index down = number / 10 - 1;
    const Index right = number / 2 % 5 - 2;
    for (Index row = 0; row < 4; ++row)
      for (Index column = 0; column < 5; ++column) {
        const Index pixel = row * 5 + column;
        const bool is_inside = row + down >= 0 && row + down < 4 && column + right >= 0 && column + right < 5;
        const double* const there = data.col(number % 2).data() + (row + down) * 5 + column + right;
        REQUIRE(images.at(number, pixel) == (is_inside ? there : nullptr));
        const auto fits = [](Index place, Index size) { return place >= 1 && place < size - 1; };
        REQUIRE(images.serves(number, pixel) == ((down == 0 || (fits(row, 4) && fits(row + down, 4))) &&
                                                 (right == 0 || (fits(column, 5) && fits(column + right, 5)))));
      }
  }
}

/// Sums over all windows of one axis, by doubling on the device and by their definition.
void check_windows(Index height, Index width, bool along_columns, Index window, bool is_torus) {
  const Index size = along_columns ? height : width;
  const WindowAxis axis{size, along_columns ? width : 1, window, is_torus};
  const Index pixels = height * width;
  const Matrix<double> values = random_matrix(pixels, 3, 2);
  auto blocks = cuda::DeviceArray<double>::upload(values);
  cuda::DeviceArray<double> doubled(pixels, 3);
  cuda::DeviceArray<double> sums(pixels, 3);
  for (Index block = 1; block <= std::min(window, size); block *= 2) {
    cuda::for_each(pixels, 3, WindowDoubling<double>{sums.data(), doubled.data(), blocks.data(), axis, block, pixels});
    std::swap(blocks, doubled);
  }
  Matrix<double> expected = Matrix<double>::Zero(pixels, 3);
  for (Index pixel = 0; pixel < pixels; ++pixel)
    for (Index offset = -(window / 2); offset < window - window / 2; ++offset) {
      const Index position = (along_columns ? pixel / width : pixel % width);
      Index there = position + offset;
      if (is_torus) there = (there + size) % size;
      if (there >= 0 && there < size) expected.row(pixel) += values.row(pixel + (there - position) * axis.stride);
    }
  INFO(height << " x " << width << ", window " << window << (is_torus ? " on a torus" : "") << along_columns);
  REQUIRE((sums.download() - expected).cwiseAbs().maxCoeff() < 1e-13);
}

TEST_CASE("Window sums by doubling are sums over windows, on a plane and a torus", "[cuda][local]") {
  for (const auto& [height, width] : std::vector<std::pair<Index, Index>>{{1, 1}, {1, 7}, {6, 1}, {5, 8}, {9, 4}})
    for (const bool along_columns : {false, true}) {
      const Index size = along_columns ? height : width;
      for (Index window = 1; window <= size; ++window) check_windows(height, width, along_columns, window, true);
      for (Index window = 1; window <= 2 * size - 1; ++window)
        check_windows(height, width, along_columns, window, false);
    }
}

TEST_CASE("A tile without a patch in reach changes nothing", "[cuda][local]") {
  PatchState<double> state{2.0, false, 5.0, 1.0};
  std::vector<double> distances = {50.0, 60.0};
  const diffarch::detail::ShiftAxis axis = diffarch::detail::shift_axis({}, 1, 1);
  const PatchWeights<double> weights{&state, distances.data(), {nullptr, {1, 1, 1}, 2, axis, axis}, 0, 2, 1, 1.0};
  weights(0, 0);
  REQUIRE_FALSE(state.adds);
  REQUIRE(state.weight_sum == 5.0);
  distances = {1.0, 3.0};
  weights(0, 0);
  REQUIRE(state.adds);
  REQUIRE(state.smallest == 1.0);
  REQUIRE(state.rescaling == Approx(std::exp(-1.0)));
  REQUIRE(state.weight_sum == Approx(5.0 * std::exp(-1.0) + 1.0 + std::exp(-2.0)));
  REQUIRE(distances[0] == 1.0);
  REQUIRE(distances[1] == Approx(std::exp(-2.0)));
}

}  // namespace
}  // namespace diffarch
