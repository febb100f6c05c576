#include "diffarch/denoiser/posterior/local_patches.hpp"

#include <algorithm>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("A window grows with the patch until it could only see zeros or a pixel twice", "[denoiser][local]") {
  REQUIRE(detail::window_width(Padding::zeros, 3, 5) == 3);
  REQUIRE(detail::window_width(Padding::zeros, 12, 5) == 9);
  REQUIRE(detail::window_width(Padding::circular, 3, 5) == 3);
  REQUIRE(detail::window_width(Padding::circular, 12, 5) == 5);
  REQUIRE(detail::reach_before(3) == 1);
  REQUIRE(detail::reach_before(4) == 2);  // an even window reaches one further up and left
}

TEST_CASE("Pixels of a window weigh as a Gaussian says, or all alike", "[denoiser][local]") {
  REQUIRE(detail::window_weights<double>(5, {5}).empty());
  const std::vector<double> weights =
      detail::window_weights<double>(4, {.size = 4, .spread = 0.5});  // a deviation of two pixels
  REQUIRE(weights.size() == 4);
  REQUIRE(weights[2] == 1.0);  // the pixel itself: an even window reaches one further up and left
  REQUIRE(weights[0] == Approx(std::exp(-0.5)));
  REQUIRE(weights[1] == Approx(std::exp(-0.125)));
  REQUIRE(weights[3] == weights[1]);
}

TEST_CASE("A shifted image continues on the other side", "[denoiser][local]") {
  REQUIRE(detail::shifted(1, 2, 5) == 3);
  REQUIRE(detail::shifted(4, 1, 5) == 0);
  REQUIRE(detail::shifted(4, 4, 5) == 3);
}

/// The shifts of an axis that serve pixel p, by their definition.
std::vector<Index> shifts_by_definition(const PatchSymmetry& symmetry, Index window, Index size, Index p) {
  const bool is_circular = symmetry.border == Padding::circular;
  const Index width = detail::window_width(symmetry.border, window, size);
  const auto is_inside = [&](Index pixel) { return pixel - width / 2 >= 0 && pixel + (width - 1) / 2 < size; };
  std::vector<Index> shifts;
  for (Index q = 0; q < size; ++q) {
    const bool is_served =
        q == p || ((q - p) % symmetry.period == 0 && (is_circular || (is_inside(p) && is_inside(q))));
    if (is_served) shifts.push_back(is_circular ? (q - p + size) % size : q - p);
  }
  std::sort(shifts.begin(), shifts.end());
  return shifts;
}

TEST_CASE("The shifts of an axis are those of the places that serve a pixel", "[denoiser][local]") {
  for (const Padding border : {Padding::zeros, Padding::circular})
    for (const Index size : {1, 2, 6, 12})
      for (const Index period : {Index{1}, Index{2}, Index{3}, Index{4}, PatchSymmetry::same_place}) {
        if (border == Padding::circular && period < size && size % period != 0) continue;
        for (Index window = 1; window <= 2 * size + 1; ++window) {
          const PatchSymmetry symmetry{border, period};
          const detail::ShiftAxis axis = detail::shift_axis(symmetry, window, size);
          for (Index pixel = 0; pixel < size; ++pixel) {
            std::vector<Index> shifts;
            for (Index number = 0; number < axis.count; ++number) {
              const auto served = axis.served(axis.shift(number));
              REQUIRE(served.count() >= 1);  // no shift in vain
              if (pixel >= served.begin && pixel < served.end) shifts.push_back(axis.shift(number));
            }
            INFO(size << " pixels, period " << period << ", window " << window << ", pixel " << pixel);
            REQUIRE(shifts == shifts_by_definition(symmetry, window, size, pixel));
          }
        }
      }
}

TEST_CASE("Local patches know the window of a level and refuse what cannot be", "[denoiser][local]") {
  const ImageShape shape{.height = 3, .width = 4, .channels = 1};
  const Batch<double> data = test::random_matrix(12, 5, 1);
  const NoiseLevels levels({NoiseLevel::from_sigma(8.0), NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  const auto patches_of = [&](const ImageShape& images, const PatchSymmetry& symmetry,
                              std::vector<PatchWindow> windows) {
    return detail::LocalPatches(images, symmetry, std::move(windows), data, levels);
  };
  const PatchSymmetry everywhere{Padding::zeros, 1};
  const detail::LocalPatches patches = patches_of(shape, everywhere, {{4, 2.0}, {1}});
  REQUIRE(patches.shape() == shape);
  REQUIRE(patches.symmetry().period == 1);
  REQUIRE(patches.window(NoiseLevel::from_sigma(9.0)).size == 4);
  REQUIRE(patches.window(NoiseLevel::from_sigma(9.0)).temperature == 2.0);
  REQUIRE(patches.window(NoiseLevel::from_sigma(0.1)).size == 1);
  REQUIRE(detail::patch_precision(NoiseLevel::from_sigma(0.5), {1, 4.0}) == 0.5);
  REQUIRE_NOTHROW(patches.check(data, {1}));
  REQUIRE(message_of<DimensionMismatch>([&] { patches.check(test::random_matrix(11, 2, 1), {3}); }) ==
          "denoise: y is (11, 2) but the model has dimension 12");
  REQUIRE(message_of<InvalidArgument>([&] { patches.check(data, {0}); }) ==
          "PatchPosterior: a patch size of 0 pixels, expected at least 1");
  REQUIRE(message_of<InvalidArgument>([&] {
            patches.check(data, {1, 0.0});
          }) == "PatchPosterior: a temperature of 0, expected a positive, finite number");
  REQUIRE(message_of<InvalidArgument>([&] { patches.check(data, {.size = 1, .spread = -0.5}); }) ==
          "PatchPosterior: a spread of -0.5 widths, expected a positive number");
  REQUIRE(message_of<DimensionMismatch>([&] { return patches_of(shape, everywhere, {{4}}); }) ==
          "PatchPosterior: 1 windows for 2 noise levels");
  REQUIRE(message_of<InvalidArgument>([&] {
            return patches_of(shape, {Padding::zeros, 0}, {{4}, {1}});
          }) == "PatchPosterior: a period of 0 pixels, expected at least 1");
  REQUIRE(message_of<InvalidArgument>([&] {
            return patches_of(shape, {Padding::circular, 2}, {{4}, {1}});
          }) ==
          "PatchPosterior: a period of 2 pixels for circular images of 3 x 4 x 1; expected one that divides height and "
          "width");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return patches_of({3, 3, 1}, everywhere, {{4}, {1}});
          }) ==
          "PatchPosterior: the data are (12, 5), but an image of 3 x 3 x 1 has 9 values; set the architecture's shape");
}

}  // namespace
}  // namespace diffarch
