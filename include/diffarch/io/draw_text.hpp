#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diffarch/io/rgb_image.hpp"

// The font is a header of static functions, not all of which are used here.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <stb_easy_font.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

// Labels in pictures, in the bitmap font of stb. Needs stb (target diffarch::images).

namespace diffarch {

namespace detail {

inline constexpr Index text_line_height = 12;  // of the font at scale 1, baseline to baseline

/// The text with every character the font lacks replaced: one '?' per character that is not printable ASCII (a UTF-8
/// sequence counts as one), a blank for a tab; line ends stay.
[[nodiscard]] inline std::string drawable_text(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if ((byte & 0xC0U) == 0x80U) continue;  // continuation byte: its first byte has become the '?'
    if (byte == '\t')
      result += ' ';
    else if (byte == '\n' || (byte >= 0x20U && byte < 0x7FU))
      result += character;
    else
      result += '?';
  }
  return result;
}

[[nodiscard]] inline std::vector<std::string> text_lines(std::string_view text) {
  std::vector<std::string> lines;
  if (text.empty()) return lines;
  const std::string drawable = drawable_text(text);
  for (std::size_t begin = 0; begin <= drawable.size();) {
    const std::size_t end = std::min(drawable.find('\n', begin), drawable.size());
    lines.push_back(drawable.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace detail

/// Width in pixels of the longest line of `text` at an integer scale >= 1.
[[nodiscard]] inline Index text_width(std::string_view text, Index scale = 1) {
  Index longest = 0;
  for (std::string line : detail::text_lines(text))
    longest = std::max(longest, static_cast<Index>(stb_easy_font_width(line.data())));
  return longest * scale;
}

/// Height in pixels of `text`, 12 * scale for each line; 0 for empty text.
[[nodiscard]] inline Index text_height(std::string_view text, Index scale = 1) {
  return static_cast<Index>(detail::text_lines(text).size()) * detail::text_line_height * scale;
}

/// The text with blanks turned into line ends so that no line is wider than `width` pixels, except for single words.
[[nodiscard]] inline std::string wrapped_text(std::string_view text, Index width, Index scale = 1) {
  std::string wrapped;
  std::string line;
  std::string word;
  const auto take_word = [&] {
    const std::string longer = line.empty() ? word : line + ' ' + word;
    if (!line.empty() && text_width(longer, scale) > width) {
      wrapped += line + '\n';
      line = word;
    } else {
      line = longer;
    }
    word.clear();
  };
  for (const char character : text) {
    if (character == ' ' || character == '\n')
      take_word();
    else
      word += character;
    if (character == '\n') {
      wrapped += line + '\n';
      line.clear();
    }
  }
  take_word();
  return wrapped + line;
}

/// Draws text with its top left corner at (x, y) in a bitmap font magnified by `scale`; '\n' starts a new line. The
/// font has the printable ASCII characters; every other character is drawn as '?'. Parts outside the picture are left
/// out.
inline void draw_text(RgbImage& image, Index x, Index y, std::string_view text, Index scale = 1,
                      Rgb colour = Rgb::black) {
  struct Vertex {  // the layout stb_easy_font documents
    float x, y, z;
    std::array<std::uint8_t, 4> colour;
  };
  static_assert(sizeof(Vertex) == 16);
  constexpr std::size_t vertices_per_character = 96;  // four for each of at most 24 strokes
  for (std::string line : detail::text_lines(text)) {
    std::vector<Vertex> vertices(vertices_per_character * (line.size() + 1));
    const int quads = stb_easy_font_print(0.0F, 0.0F, line.data(), nullptr, vertices.data(),
                                          static_cast<int>(vertices.size() * sizeof(Vertex)));
    for (std::size_t quad = 0; quad < static_cast<std::size_t>(quads); ++quad) {
      const Vertex& first = vertices[quad * 4];  // top left; the quads are axis-aligned at whole coordinates
      const Vertex& last = vertices[quad * 4 + 2];
      image.fill(x + scale * static_cast<Index>(first.x), y + scale * static_cast<Index>(first.y),
                 scale * static_cast<Index>(last.x - first.x), scale * static_cast<Index>(last.y - first.y), colour);
    }
    y += scale * detail::text_line_height;
  }
}

}  // namespace diffarch
