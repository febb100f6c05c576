// Code of .github/docs/from_pytorch.md: check_code_blocks.py compares the two.

#include "diffarch/core/standardise.hpp"
#include "diffarch/core/value_range.hpp"
#include "diffarch/io/npy.hpp"
#include "documentation/working_folder.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("From PyTorch: arrays", "[documentation]") {
  const test::WorkingFolder folder;
  const Batch<float> pixels = test::random_matrix<float>(12, 5, 1);
  write_npy_images("images.npy", pixels, ImageShape{2, 2, 3});
  write_npy_batch("codes.npy", pixels);
  NpyArray<float> pixel_values{{5, 3, 2, 2}, {}};
  for (int i = 0; i < 60; ++i) pixel_values.values.push_back(static_cast<float>(i) / 59.0F);
  write_npy("torch.npy", pixel_values);

  auto images = load_npy_images<float>("images.npy");
  auto torch = load_npy_images<float>("torch.npy", {.layout = ImageLayout::channels_first, .range = {0, 1}});
  check_image_range(torch);
  auto [standard, map] = standardise(torch);
  Batch<float> restored = map.undo(standard.samples());
  Batch<float> codes = read_npy_batch<float>("codes.npy");
  write_npy_images("copy.npy", images);
  write_npy_batch("codes_again.npy", codes);

  REQUIRE(test::bitwise_equal(images.samples(), pixels));
  REQUIRE(test::file_content("copy.npy") == test::file_content("images.npy"));
  REQUIRE(torch.samples()(3, 0) == 2 * pixel_values.values[1] - 1);  // pixel 1, channel 0
  REQUIRE(test::relative_difference(restored, torch.samples()) < 1e-5);
  REQUIRE(test::file_content("codes_again.npy") == test::file_content("codes.npy"));
}
