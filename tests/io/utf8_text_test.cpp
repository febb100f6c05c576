#include "diffarch/io/utf8_text.hpp"

#include "catch.hpp"

using namespace diffarch;

TEST_CASE("UTF-8 stays, and every other byte is shown as \\xNN", "[io]") {
  // The first and last characters of each length, and sequences that only look like characters: too long, cut, a
  // surrogate, beyond U+10FFFF (Python's bytes.decode("utf-8", "backslashreplace") gives the same).
  for (const char* text :
       {"", "plain", "K\xc3\xb6ln", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
        "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"})
    CHECK(utf8_text(text) == text);
  CHECK(utf8_text("K\xf6ln") == "K\\xf6ln");
  CHECK(utf8_text("\xc0\xaf|\xe0\x80\xaf|\xf0\x80\x80\xaf") == "\\xc0\\xaf|\\xe0\\x80\\xaf|\\xf0\\x80\\x80\\xaf");
  CHECK(utf8_text("\xed\xa0\x80|\xf4\x90\x80\x80") == "\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80");
  CHECK(utf8_text("\xe2\x82") == "\\xe2\\x82");
  CHECK(utf8_text("\x80z\xff") == "\\x80z\\xff");
  CHECK(utf8_text(std::string_view("\0a", 2)) == std::string_view("\0a", 2));
}
