#include "diffarch/solver/shift_averaged_moments.hpp"

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

constexpr ImageShape shift_shape{4, 6, 2};

/// The images, shifted down and to the right, continued at the other side.
Batch<double> shifted_images(const Batch<double>& images, Index down, Index right) {
  Batch<double> result(images.rows(), images.cols());
  for (Index row = 0; row < shift_shape.height; ++row)
    for (Index column = 0; column < shift_shape.width; ++column)
      for (Index channel = 0; channel < shift_shape.channels; ++channel)
        result.row(shift_shape.index((row + down) % shift_shape.height, (column + right) % shift_shape.width,
                                     channel)) = images.row(shift_shape.index(row, column, channel));
  return result;
}

TEST_CASE("Moments averaged over shifts are those of all shifted images", "[solver]") {
  const Batch<double> images = random_matrix(shift_shape.size(), 5, 1);
  for (const Index period : {1, 2}) {
    std::vector<Batch<double>> all;
    for (Index down = 0; down < shift_shape.height; down += period)
      for (Index right = 0; right < shift_shape.width; right += period)
        all.push_back(shifted_images(images, down, right));
    Batch<double> joined(images.rows(), 5 * static_cast<Index>(all.size()));
    for (std::size_t i = 0; i < all.size(); ++i) joined.middleCols(5 * static_cast<Index>(i), 5) = all[i];
    const Vector<double> mean = joined.rowwise().mean();
    const Matrix<double> centred = joined.colwise() - mean;
    const auto moments = shift_averaged_moments(images, shift_shape, period);
    REQUIRE((moments.mean() - mean).cwiseAbs().maxCoeff() < 1e-14);
    const Matrix<double> covariance = centred * centred.transpose() / static_cast<double>(joined.cols());
    REQUIRE((moments.covariance() - covariance).cwiseAbs().maxCoeff() < 1e-13);
  }
}

TEST_CASE("The linear denoiser of such moments commutes with shifts by the period", "[solver]") {
  const Batch<double> images = random_matrix(shift_shape.size(), 7, 2);
  const CosineSchedule schedule{.steps = 3};
  const auto model = fit(Linear{}, shift_averaged_moments(images, shift_shape, 2), schedule);
  const NoiseLevel level = schedule.levels()[1];
  const Batch<double> y = random_matrix(shift_shape.size(), 2, 3);
  const Batch<double> x0_hat = model.denoise(y, level);
  REQUIRE(relative_difference(model.denoise(shifted_images(y, 2, 4), level), shifted_images(x0_hat, 2, 4)) < 1e-12);
  REQUIRE(relative_difference(model.denoise(shifted_images(y, 1, 0), level), shifted_images(x0_hat, 1, 0)) > 1e-2);
}

TEST_CASE("Moments averaged over shifts say what is wrong", "[solver]") {
  const Batch<double> images = random_matrix(shift_shape.size(), 2, 4);
  REQUIRE(message_of<DimensionMismatch>([&] {
            return shift_averaged_moments(images, ImageShape{4, 4, 2});
          }) == "shift_averaged_moments: the data are (48, 2), but an image of 4 x 4 x 2 has 32 values");
  REQUIRE(message_of<InvalidArgument>([&] { return shift_averaged_moments(Batch<double>(48, 0), shift_shape); }) ==
          "shift_averaged_moments: no samples, expected at least one");
  REQUIRE(message_of<InvalidArgument>([&] { return shift_averaged_moments(images, shift_shape, 4); }) ==
          "shift_averaged_moments: a period of 4 pixels for images of 4 x 6 x 2; expected one that divides height and "
          "width");
}

}  // namespace
}  // namespace diffarch
