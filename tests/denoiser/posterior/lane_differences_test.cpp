#include "diffarch/denoiser/posterior/lane_differences.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using detail::image_lanes;

TEST_CASE("Squared differences of a tile of images are sums over channels", "[denoiser][local]") {
  constexpr Index pixels = 5;
  constexpr double signal = 0.7;
  for (const Index channels : {1, 2, 3, 4}) {
    const Matrix<double> ours = test::random_matrix(channels, pixels, 1);
    const Matrix<double> theirs = test::random_matrix(image_lanes, channels * pixels, 2);
    Matrix<double> all(image_lanes, pixels);
    Matrix<double> excess(image_lanes, pixels);
    detail::lane_differences<double, false>(all.data(), ours.data(), theirs.data(), pixels, signal, channels);
    detail::lane_differences<double, true>(excess.data(), ours.data(), theirs.data(), pixels, signal, channels);
    for (Index pixel = 0; pixel < pixels; ++pixel)
      for (Index lane = 0; lane < image_lanes; ++lane) {
        double expected = 0.0;
        for (Index c = 0; c < channels; ++c)
          expected += std::pow(ours(c, pixel) - signal * theirs(lane, pixel * channels + c), 2);
        REQUIRE(std::abs(all(lane, pixel) - expected) < 1e-13);
        REQUIRE(std::abs(excess(lane, pixel) - (expected - ours.col(pixel).squaredNorm())) < 1e-13);
      }
  }
}

}  // namespace
}  // namespace diffarch
