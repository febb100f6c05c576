#include "diffarch/io/draw_text.hpp"

#include "io/pictures.hpp"

using namespace diffarch;
using diffarch::test::count_pixels;

TEST_CASE("draw_text draws printable ASCII, other characters as one '?', and clips", "[io]") {
  RgbImage expected(200, 40);
  draw_text(expected, 2, 2, "a?b? c\n~");
  RgbImage image(200, 40);
  draw_text(image, 2, 2,
            "a\xc3\xa9"
            "b\x01\tc\n~");  // e acute in UTF-8 is two bytes; a tab becomes a blank
  REQUIRE(image.bytes() == expected.bytes());
  REQUIRE(count_pixels(image, Rgb::black, 0, 0, 200, 40) > 30);

  REQUIRE(text_height("") == 0);
  REQUIRE(text_height("one") == 12);
  REQUIRE(text_height("one\ntwo", 2) == 48);
  REQUIRE(text_width("one\nlonger", 3) == 3 * text_width("longer"));

  RgbImage large(200, 40);
  draw_text(large, 0, 0, "scaled", 2);
  RgbImage small(100, 20);
  draw_text(small, 0, 0, "scaled");
  for (Index y = 0; y < 40; ++y)
    for (Index x = 0; x < 200; ++x) REQUIRE(large.pixel(x, y) == small.pixel(x / 2, y / 2));

  RgbImage tiny(3, 3);
  draw_text(tiny, -20, -3, "far too long for this picture", 2);  // must not write outside: the sanitizers look on
}

TEST_CASE("wrapped_text breaks lines at blanks and keeps words whole", "[io]") {
  const Index width = text_width("three word");
  REQUIRE(wrapped_text("three words here", width) == "three\nwords here");
  REQUIRE(wrapped_text("a b c", width) == "a b c");
  REQUIRE(wrapped_text("one\ntwo", width) == "one\ntwo");
  REQUIRE(wrapped_text("incomprehensibilities a", width) == "incomprehensibilities\na");
  REQUIRE(wrapped_text("", width).empty());
}
