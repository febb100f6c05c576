#include "diffarch/denoiser/posterior/local_patches.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("A window grows with the patch until it could only see zeros or a pixel twice", "[denoiser][local]") {
  REQUIRE(detail::window_width(PatchPooling::same_place, 3, 5) == 3);
  REQUIRE(detail::window_width(PatchPooling::same_place, 12, 5) == 9);
  REQUIRE(detail::window_width(PatchPooling::all_shifts, 3, 5) == 3);
  REQUIRE(detail::window_width(PatchPooling::all_shifts, 12, 5) == 5);
  REQUIRE(detail::reach_before(3) == 1);
  REQUIRE(detail::reach_before(4) == 2);  // an even window reaches one further up and left
}

TEST_CASE("A shifted image continues on the other side", "[denoiser][local]") {
  REQUIRE(detail::shifted(1, 2, 5) == 3);
  REQUIRE(detail::shifted(4, 1, 5) == 0);
  REQUIRE(detail::shifted(4, 4, 5) == 3);
}

TEST_CASE("Local patches know the patch size of a level and refuse other images", "[denoiser][local]") {
  const ImageShape shape{.height = 3, .width = 4, .channels = 1};
  const Batch<double> data = test::random_matrix(12, 5, 1);
  const NoiseLevels levels({NoiseLevel::from_sigma(8.0), NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  const detail::LocalPatches patches(shape, {4, 1}, data, levels);
  REQUIRE(patches.shape() == shape);
  REQUIRE(patches.patch_size(NoiseLevel::from_sigma(9.0)) == 4);
  REQUIRE(patches.patch_size(NoiseLevel::from_sigma(0.1)) == 1);
  REQUIRE_NOTHROW(patches.check(data, 1));
  REQUIRE(message_of<DimensionMismatch>([&] { patches.check(test::random_matrix(11, 2, 1), 3); }) ==
          "denoise: y is (11, 2) but the model has dimension 12");
  REQUIRE(message_of<InvalidArgument>([&] { patches.check(data, 0); }) ==
          "LocalScore: patch size 0, expected at least 1");
  REQUIRE(message_of<DimensionMismatch>([&] { return detail::LocalPatches(shape, {4}, data, levels); }) ==
          "LocalScore: 1 patch sizes for 2 noise levels");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return detail::LocalPatches(ImageShape{3, 3, 1}, {4, 1}, data, levels);
          }) == "LocalScore: the data are (12, 5), but an image of 3 x 3 x 1 has 9 values; set LocalScore::shape");
}

}  // namespace
}  // namespace diffarch
