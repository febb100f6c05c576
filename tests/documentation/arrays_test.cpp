// Code of .github/docs/from_pytorch.md: check_code_blocks.py compares the two.

#include "diffarch/io/npy.hpp"
#include "documentation/working_folder.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("From PyTorch: arrays", "[documentation]") {
  const test::WorkingFolder folder;
  const Batch<float> pixels = test::random_matrix<float>(12, 5, 1);
  write_npy_images("images.npy", pixels, ImageShape{2, 2, 3});
  write_npy_batch("codes.npy", pixels);

  auto images = load_npy_images<float>("images.npy");
  Batch<float> codes = read_npy_batch<float>("codes.npy");
  write_npy_images("copy.npy", images);
  write_npy_batch("codes_again.npy", codes);

  REQUIRE(test::bitwise_equal(images.samples(), pixels));
  REQUIRE(test::file_content("copy.npy") == test::file_content("images.npy"));
  REQUIRE(test::file_content("codes_again.npy") == test::file_content("codes.npy"));
}
