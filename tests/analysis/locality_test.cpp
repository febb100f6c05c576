#include "diffarch/analysis/locality.hpp"

#include <memory>
#include <numbers>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/network/network_denoiser.hpp"
#include "diffarch/nn/unet.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

const NoiseLevel locality_level = NoiseLevel::from_sigma(0.5).variance_preserving();

/// A denoiser of one network; set(values) of each of its tensors that are trained.
template <class Body, class Set>
NetworkDenoiser<Body> network_of(Body body, const ImageShape& shape, const Set& set) {
  using Model = NetworkDenoiser<Body>;
  auto network = std::make_unique<typename Model::Network>(std::move(body), shape);
  network->initialise(Seed{1});
  network->for_each_parameter([&](const auto& parameter) {
    if (parameter.trainable()) set(parameter.values);
  });
  std::vector<typename Model::Level> levels;
  levels.push_back({locality_level, std::move(network)});
  return Model(std::move(levels));
}

const auto all_positive = [](auto values) { std::fill(values.begin(), values.end(), 0.1); };
const auto as_initialised = [](auto /*values*/) {};

template <Padding padding>
PixelBox box_of_convolution(Index row, Index column) {
  const ImageShape shape{5, 6, 2};
  std::vector<double> weights;
  const auto model = network_of(nn::Convolution<double>(2, 2, padding), shape, [&](auto values) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::cos(1.0 + 3.0 * static_cast<double>(i));
    weights.assign(values.begin(), values.end());
  });
  REQUIRE(weights.size() == 36);
  const LocalityMap map = locality_map(model, random_matrix(shape.size(), 2, 1), locality_level, shape, row, column);
  CHECK(map.row == row);
  CHECK(map.column == column);
  Matrix<double> expected = Matrix<double>::Zero(5, 6);
  for (Index k = 0; k < 3; ++k)
    for (Index l = 0; l < 3; ++l) {
      double squares = 0.0;
      for (Index pair = 0; pair < 4; ++pair)
        squares += std::pow(weights[static_cast<std::size_t>(9 * pair + 3 * k + l)], 2);
      Index r = row + k - 1;
      Index c = column + l - 1;
      if (padding == Padding::circular) {
        r = (r + 5) % 5;
        c = (c + 6) % 6;
      }
      if (r >= 0 && r < 5 && c >= 0 && c < 6) expected(r, c) = squares;
    }
  CHECK(relative_difference(map.sensitivity, expected) < 1e-14);
  CHECK(locality_radius(map, 1.0, padding == Padding::circular ? PixelGeometry::torus : PixelGeometry::plane) == 1);
  return observed_receptive_field(map, 0.0, padding == Padding::circular ? PixelGeometry::torus : PixelGeometry::plane);
}

template <class Net>
PixelBox theoretical_box(Index row, Index column) {
  const auto rows = nn::receptive_field<Net>(row);
  const auto columns = nn::receptive_field<Net>(column);
  return {rows.first, rows.last, columns.first, columns.last};
}

/// Cosine transform of a function of the frequency on a torus of h x w: sum over frequencies / (h w), at one shift.
template <class Spectrum>
double on_torus(Index h, Index w, Index dr, Index dc, const Spectrum& spectrum) {
  double sum = 0.0;
  for (Index k = 0; k < h; ++k)
    for (Index l = 0; l < w; ++l)
      sum += spectrum(std::min(k, h - k), std::min(l, w - l)) *
             std::cos(2.0 * std::numbers::pi * (real(k * dr) / real(h) + real(l * dc) / real(w)));
  return sum / real(h * w);
}

LocalityMap map_of(Index row, Index column, const Matrix<double>& sensitivity) { return {row, column, sensitivity}; }

}  // namespace

TEST_CASE("The locality map of a convolution is its squared kernel", "[analysis][locality]") {
  CHECK(box_of_convolution<Padding::zeros>(2, 3) == PixelBox{-1, 1, -1, 1});
  CHECK(box_of_convolution<Padding::zeros>(0, 5) == PixelBox{0, 1, -1, 0});
  CHECK(box_of_convolution<Padding::circular>(0, 5) == PixelBox{-1, 1, -1, 1});
  CHECK(box_of_convolution<Padding::circular>(4, 0) == PixelBox{-1, 1, -1, 1});
}

TEST_CASE("The observed receptive field of a U-Net is the one known at compile time", "[analysis][locality]") {
  using Net = nn::UNet<1, double>;
  const ImageShape shape{32, 36, 1};
  // Positive weights and inputs: nothing cancels and every ReLU is on.
  const auto model = network_of(Net({.channels = 2, .image_channels = 1}), shape, all_positive);
  const Batch<double> ones = Batch<double>::Ones(shape.size(), 1);
  for (const Index row : {16, 17})
    for (const Index column : {18, 19})
      CHECK(observed_receptive_field(locality_map(model, ones, locality_level, shape, row, column)) ==
            theoretical_box<Net>(row, column));
  // Random weights reach no further.
  const auto random = network_of(Net({.channels = 2, .image_channels = 1}), shape, as_initialised);
  const LocalityMap map = locality_map(random, random_matrix(shape.size(), 3, 2), locality_level, shape, 16, 19);
  const PixelBox box = observed_receptive_field(map);
  const PixelBox bound = theoretical_box<Net>(16, 19);
  CHECK(box.first_row >= bound.first_row);
  CHECK(box.last_row <= bound.last_row);
  CHECK(box.first_column >= bound.first_column);
  CHECK(box.last_column <= bound.last_column);
  CHECK(box.last_row - box.first_row >= 8);
  CHECK(locality_radius(map) <= std::max(-bound.first_row, bound.last_row));
  CHECK(locality_radius(map) < locality_radius(map, 1.0));
  // Across the border of a torus, where a plane would see the whole image.
  const auto circular =
      network_of(Net({.channels = 2, .padding = Padding::circular, .image_channels = 1}), shape, all_positive);
  const LocalityMap corner = locality_map(circular, ones, locality_level, shape, 0, 35);
  CHECK(observed_receptive_field(corner, 0.0, PixelGeometry::torus) == theoretical_box<Net>(0, 35));
  CHECK(observed_receptive_field(corner) == PixelBox{0, 31, -35, 0});
  CHECK(locality_radius(corner, 1.0, PixelGeometry::torus) < 12);
}

TEST_CASE("The linear denoiser of stationary images is local as its Wiener filter", "[analysis][locality]") {
  const ImageShape shape{8, 7, 1};
  const auto variance = [](Index k, Index l) { return 10.0 / (0.1 + real(k * k + l * l)); };
  Matrix<double> covariance(shape.size(), shape.size());
  for (Index i = 0; i < shape.size(); ++i)
    for (Index j = 0; j < shape.size(); ++j) covariance(i, j) = on_torus(8, 7, i / 7 - j / 7, i % 7 - j % 7, variance);
  covariance = (0.5 * (covariance + covariance.transpose())).eval();
  const auto model = fit(Linear{}, GaussianMoments<double>(Vector<double>::Constant(56, 0.3), covariance),
                         CustomSchedule::from_sigmas({1.0, 0.0}));
  const Batch<double> y = random_matrix(shape.size(), 2, 3);
  Index previous_radius = 0;
  for (const double sigma : {0.05, 1.0, 20.0}) {
    const LocalityMap map = locality_map(model, y, NoiseLevel::from_sigma(sigma), shape, 2, 5);
    Matrix<double> expected(8, 7);
    for (Index r = 0; r < 8; ++r)
      for (Index c = 0; c < 7; ++c)
        expected(r, c) =
            std::pow(on_torus(8, 7, r - 2, c - 5,
                              [&](Index k, Index l) { return variance(k, l) / (variance(k, l) + sigma * sigma); }),
                     2);
    CHECK(relative_difference(map.sensitivity, expected) < 1e-12);
    // Noise has the denoiser look further, from the pixel alone to the whole torus.
    const Index radius = locality_radius(map, 0.9, PixelGeometry::torus);
    CHECK(radius >= previous_radius);
    previous_radius = radius;
    if (sigma == 0.05) CHECK(radius == 0);
  }
  CHECK(previous_radius >= 3);
}

TEST_CASE("Boxes and radii of known maps", "[analysis][locality]") {
  Matrix<double> s = Matrix<double>::Zero(6, 8);
  s(1, 2) = 4.0;
  s(2, 2) = 3.0;
  s(1, 5) = 2.0;
  s(5, 2) = 1.0;
  const LocalityMap map = map_of(1, 2, s);
  CHECK(observed_receptive_field(map) == PixelBox{0, 4, 0, 3});
  CHECK(observed_receptive_field(map, 0.25) == PixelBox{0, 1, 0, 3});  // strictly more than the threshold
  CHECK(observed_receptive_field(map, 0.6) == PixelBox{0, 1, 0, 0});
  CHECK(observed_receptive_field(map, 0.0, PixelGeometry::torus) == PixelBox{-2, 1, 0, 3});
  CHECK(locality_radius(map, 0.4) == 0);
  CHECK(locality_radius(map, 0.41) == 1);
  CHECK(locality_radius(map, 0.7) == 1);
  CHECK(locality_radius(map, 0.71) == 3);
  CHECK(locality_radius(map, 1.0) == 4);
  CHECK(locality_radius(map, 0.71, PixelGeometry::torus) == 2);
  CHECK(locality_radius(map, 1.0, PixelGeometry::torus) == 3);
  // All that is seen lies before the pixel, across the border: it ends the arc.
  Matrix<double> before = Matrix<double>::Zero(6, 8);
  before(1, 2) = before(5, 1) = before(0, 2) = 1.0;
  CHECK(observed_receptive_field(map_of(1, 2, before), 0.0, PixelGeometry::torus) == PixelBox{-2, 0, -1, 0});
  // A pixel that does not see itself; a torus without a gap.
  CHECK(observed_receptive_field(map_of(4, 7, s), 0.6, PixelGeometry::torus) == PixelBox{3, 4, 3, 3});
  CHECK(observed_receptive_field(map_of(4, 7, s), 0.6) == PixelBox{-3, -2, -5, -5});
  CHECK(observed_receptive_field(map_of(1, 2, Matrix<double>::Ones(3, 4)), 0.0, PixelGeometry::torus) ==
        PixelBox{-1, 1, -2, 1});
}

TEST_CASE("Images and maps that do not fit are refused", "[analysis][locality]") {
  const ImageShape shape{3, 2, 1};
  const auto model = fit(Linear{}, correlated_samples(6, 20, 4), CustomSchedule::from_sigmas({1.0, 0.0}));
  const Batch<double> y = random_matrix(6, 1, 5);
  CHECK(message_of<DimensionMismatch>([&] {
          (void)locality_map(model, y, locality_level, ImageShape{3, 3, 1}, 0, 0);
        }) == "locality_map: the model has dimension 6, y is (6, 1), an image of 3 x 3 x 1 has 9 values");
  CHECK(message_of<InvalidArgument>([&] { (void)locality_map(model, y, locality_level, shape, 3, 0); }) ==
        "locality_map: pixel (3, 0) of an image of 3 x 2 x 1");
  CHECK(message_of<InvalidArgument>([&] {
          (void)locality_map(model, Batch<double>(6, 0), locality_level, shape, 0, 0);
        }) == "locality_map: no samples");
  CHECK(message_of<InvalidArgument>([&] { (void)locality_radius(map_of(0, 0, Matrix<double>::Zero(2, 2))); }) ==
        "locality_radius: the map is zero, so the pixel depends on nothing");
  CHECK(message_of<InvalidArgument>([&] {
          (void)observed_receptive_field(map_of(0, 0, Matrix<double>{{1.0, -1.0}}));
        }) == "observed_receptive_field: the map holds -1 at (0, 1); expected finite elements >= 0");
  CHECK(message_of<InvalidArgument>([&] { (void)locality_radius(map_of(2, 0, Matrix<double>::Ones(2, 2))); }) ==
        "locality_radius: pixel (2, 0) of a map of 2 x 2 pixels");
  CHECK(message_of<InvalidArgument>([&] { (void)locality_radius(map_of(0, 0, Matrix<double>::Ones(2, 2)), 1.5); }) ==
        "locality_radius: fraction = 1.5, expected 0 < fraction <= 1");
  CHECK(message_of<InvalidArgument>([&] {
          (void)observed_receptive_field(map_of(0, 0, Matrix<double>::Ones(2, 2)), 1.0);
        }) == "observed_receptive_field: threshold 1; expected 0 <= threshold < 1");
}
