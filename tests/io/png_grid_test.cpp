#include "diffarch/io/png_grid.hpp"

#include <limits>

#include "io/pictures.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::count_pixels;
using diffarch::test::decoded;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

TEST_CASE("save_grid maps [-1, 1] to bytes, clips, and magnifies by whole factors", "[io]") {
  const TemporaryFolder folder;
  const ImageShape shape{2, 2, 1};
  Batch<double> batch(4, 3);
  batch << -1, 0.25, 1,  //
      1, 0, 1,           //
      -7, 0, 1,          //
      7, 0, 1;
  save_grid(folder / "grid.png", batch, shape, {.columns = 2, .minimum_tile = 9, .gap = 4});
  const RgbImage image = decoded(folder / "grid.png");
  // Magnification 5 (the least with 2 * 5 >= 9): tiles of 10, gaps of 4.
  REQUIRE(image.width() == 4 + 10 + 4 + 10 + 4);
  REQUIRE(image.height() == 4 + 10 + 4 + 10 + 4);
  REQUIRE(count_pixels(image, Rgb::black, 4, 4, 5, 5) == 25);           // -1
  REQUIRE(count_pixels(image, Rgb::white, 9, 4, 5, 5) == 25);           // 1
  REQUIRE(count_pixels(image, Rgb::black, 4, 9, 5, 5) == 25);           // -7, clipped
  REQUIRE(count_pixels(image, Rgb::white, 9, 9, 5, 5) == 25);           // 7, clipped
  REQUIRE(image.pixel(18, 4) == Rgb{159, 159, 159});                    // (0.25 + 1) * 127.5 = 159.4
  REQUIRE(image.pixel(22, 13) == Rgb{128, 128, 128});                   // 127.5 rounds up
  REQUIRE(count_pixels(image, Rgb::white, 18, 18, 14, 14) == 14 * 14);  // no fourth image
}

TEST_CASE("save_grid keeps bytes that were loaded as v / 127.5 - 1", "[io]") {
  const TemporaryFolder folder;
  const ImageShape shape{1, 256, 3};
  Batch<float> batch(shape.size(), 1);
  for (Index v = 0; v < 256; ++v) {
    batch(shape.index(0, v, 0), 0) = static_cast<float>(v) / 127.5F - 1.0F;
    batch(shape.index(0, v, 1), 0) = -1.0F;
    batch(shape.index(0, v, 2), 0) = static_cast<float>(255 - v) / 127.5F - 1.0F;
  }
  save_grid(folder / "bytes.png", batch, shape);
  const RgbImage image = decoded(folder / "bytes.png");
  for (Index v = 0; v < 256; ++v)
    REQUIRE(image.pixel(4 + v, 4) == Rgb{static_cast<std::uint8_t>(v), 0, static_cast<std::uint8_t>(255 - v)});
}

TEST_CASE("save_grid draws a title above and a footer below", "[io]") {
  const TemporaryFolder folder;
  const ImageShape shape{8, 8, 1};
  const Batch<float> batch = Batch<float>::Constant(64, 1, 0.0F);
  save_grid(folder / "plain.png", batch, shape);
  save_grid(folder / "text.png", batch, shape, {.title = "A title\nin two lines", .footer = "A footer"});
  const RgbImage plain = decoded(folder / "plain.png");
  const RgbImage text = decoded(folder / "text.png");
  const Index title = text_height("A title\nin two lines", 2) + 4;
  REQUIRE(text.height() == plain.height() + title + text_height("A footer", 2) + 4);
  REQUIRE(count_pixels(text, Rgb::black, 0, 0, text.width(), title) > 100);
  REQUIRE(count_pixels(text, Rgb::black, 0, text.height() - 30, text.width(), 30) > 50);
  REQUIRE(count_pixels(text, Rgb{128, 128, 128}, 0, title, text.width(), 88) == 80 * 80);
}

TEST_CASE("save_grid accepts expressions and data sets", "[io]") {
  const TemporaryFolder folder;
  const Dataset<float> images(Batch<float>::Random(12, 5), {2, 2, 3}, "random");
  save_grid(folder / "whole.png", images);
  save_grid(folder / "part.png", images.samples().leftCols(5), images.shape());
  REQUIRE(file_content(folder / "whole.png") == file_content(folder / "part.png"));
}

TEST_CASE("save_labelled_rows draws labels left of their rows, captions above their columns", "[io]") {
  const TemporaryFolder folder;
  const ImageShape shape{8, 8, 1};
  const Batch<double> gray = Batch<double>::Zero(64, 3);
  save_labelled_rows(folder / "rows.png",
                     {{"data", gray}, {"a longer label\nin two lines", gray.leftCols(2)}, {"", gray}}, shape,
                     {.title = "Title", .column_captions = {"first", "second"}, .footer = "Footer"});
  const RgbImage image = decoded(folder / "rows.png");
  constexpr Rgb mid{128, 128, 128};
  REQUIRE(count_pixels(image, mid, 0, 0, image.width(), image.height()) == 8 * 80 * 80);

  // Where the first tile is: left of it stand labels, above it the caption.
  Index left = 0;
  Index top = 0;
  while (count_pixels(image, mid, left, 0, 1, image.height()) == 0) ++left;
  while (count_pixels(image, mid, 0, top, image.width(), 1) == 0) ++top;
  REQUIRE(left > text_width("a longer label", 2));
  REQUIRE(count_pixels(image, Rgb::black, 0, top, left, 80) > 50);        // "data"
  REQUIRE(count_pixels(image, Rgb::black, 0, top + 84, left, 80) > 100);  // the longer label
  REQUIRE(count_pixels(image, Rgb::black, 0, top + 168, left, 80) == 0);  // the empty label
  REQUIRE(count_pixels(image, Rgb::black, left, top - 32, 80, 32) > 30);  // "first"
  REQUIRE(count_pixels(image, Rgb::black, left + 84, top - 32, 80, 32) > 30);
  REQUIRE(count_pixels(image, Rgb::black, left + 168, top - 32, 80, 32) == 0);  // the third column has no caption
  // The second row is short: its third place stays white.
  REQUIRE(count_pixels(image, Rgb::white, left + 168, top + 84, 80, 80) == 80 * 80);

  // Captions of a row stand below its images and push the next row down.
  LabelledRow captioned("", gray);
  captioned.captions = {"0.12 0.34", "", "0.56"};
  save_labelled_rows(folder / "captions.png", {captioned, {"", gray}}, shape);
  const RgbImage below = decoded(folder / "captions.png");
  REQUIRE(count_pixels(below, mid, 0, 0, below.width(), below.height()) == 6 * 80 * 80);
  top = left = 0;
  while (count_pixels(below, mid, left, 0, 1, below.height()) == 0) ++left;
  while (count_pixels(below, mid, 0, top, below.width(), 1) == 0) ++top;
  Index next = top + 80;
  while (count_pixels(below, mid, 0, next, below.width(), 1) == 0) ++next;
  const Index space = next - (top + 80);
  REQUIRE(space > 12);
  REQUIRE(count_pixels(below, Rgb::black, left, top + 80, 80, space) > 50);
  REQUIRE(count_pixels(below, Rgb::black, left + 84, top + 80, 80, space) == 0);
  REQUIRE(count_pixels(below, Rgb::black, left + 168, top + 80, 80, space) > 30);
}

TEST_CASE("Pictures of invalid input are refused and the old file stays", "[io]") {
  const TemporaryFolder folder;
  const auto path = put_file(folder / "old.png", "old");
  const ImageShape shape{2, 2, 1};
  Batch<float> batch = Batch<float>::Zero(4, 2);
  REQUIRE_THROWS_AS(save_grid(path, batch, ImageShape{2, 3, 1}), DimensionMismatch);
  REQUIRE_THROWS_WITH(save_grid(path, batch, ImageShape{2, 3, 1}), ContainsSubstring("2 x 3 x 1 has 6 values"));
  REQUIRE_THROWS_WITH(save_grid(path, batch, ImageShape{2, 1, 2}), ContainsSubstring("1 or 3 channels"));
  REQUIRE_THROWS_WITH(save_grid(path, batch.leftCols(0), shape), ContainsSubstring("has no samples"));
  REQUIRE_THROWS_AS(save_grid(path, batch, shape, {.columns = -1}), InvalidArgument);
  REQUIRE_THROWS_WITH(save_labelled_rows(path, {}, shape), ContainsSubstring("there are no rows"));
  LabelledRow many("one", batch);
  many.captions = {"a", "b", "c"};
  REQUIRE_THROWS_WITH(save_labelled_rows(path, {many}, shape), ContainsSubstring("3 captions for 2 images"));
  REQUIRE_THROWS_WITH(save_labelled_rows(path, {{"one", batch}}, shape, {.column_captions = {"a", "b", "c"}}),
                      ContainsSubstring("3 column captions for 2 columns"));

  batch(2, 1) = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_AS(save_grid(path, batch, shape), NumericalError);
  REQUIRE_THROWS_WITH(save_grid(path, batch, shape), ContainsSubstring("sample 1, row 1, column 0, channel 0 is nan"));
  REQUIRE_THROWS_WITH(save_labelled_rows(path, {{"one", batch}}, shape), ContainsSubstring("row 0 ('one'), sample 1"));
  REQUIRE(file_content(path) == "old");
  REQUIRE(folder.entries() == 1);
  REQUIRE_THROWS_AS(save_grid(path / "below.png", Batch<float>(Batch<float>::Zero(4, 1)), shape), FileError);
}

TEST_CASE("labelled_rows_size is known before the picture, and has room for it", "[io]") {
  const TemporaryFolder folder;
  const std::string label = "nearest to\nk = 27";
  const std::string caption = "0.123 0.45";
  for (const ImageShape& shape :
       {ImageShape{16, 16, 3}, ImageShape{64, 8, 1}, ImageShape{8, 64, 1}, ImageShape{100, 90, 3}})
    for (const Index columns : {1, 9}) {
      const LabelledRow plain(label, Batch<float>::Zero(shape.size(), columns));
      LabelledRow captioned = plain;
      captioned.captions.assign(static_cast<std::size_t>(columns), caption);
      save_labelled_rows(folder / "rows.png", {captioned, plain, captioned, captioned}, shape,
                         {.title = "title", .column_captions = captioned.captions, .footer = "two\nlines"});
      const RgbImage image = decoded(folder / "rows.png");
      const PictureSize size = labelled_rows_size(4, columns, shape, label, caption);
      CHECK(size.width >= image.width());
      CHECK(size.height >= image.height());
      CHECK(size.width <= image.width() + 64);
      CHECK(size.height <= image.height() + 256);
    }
  CHECK(RgbImage::is_possible(32768, 8192));
  CHECK_FALSE(RgbImage::is_possible(32769, 1));
  CHECK_FALSE(RgbImage::is_possible(32768, 8193));
  CHECK_FALSE(RgbImage::is_possible(0, 1));
}
