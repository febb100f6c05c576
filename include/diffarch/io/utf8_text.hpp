#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Names of files are bytes; JSON and plots take UTF-8 only.

namespace diffarch {

namespace detail {

/// Bytes of the UTF-8 sequence at the start of a text; 0 when there is none (The Unicode Standard, table 3-7).
[[nodiscard]] inline std::size_t utf8_length(std::string_view text) {
  const auto in = [&](std::size_t at, unsigned first, unsigned last) {
    if (at >= text.size()) return false;
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte >= first && byte <= last;
  };
  if (in(0, 0x00, 0x7F)) return 1;
  if (in(0, 0xC2, 0xDF)) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (in(0, 0xE0, 0xEF)) {
    const bool second = in(0, 0xE0, 0xE0)   ? in(1, 0xA0, 0xBF)
                        : in(0, 0xED, 0xED) ? in(1, 0x80, 0x9F)
                                            : in(1, 0x80, 0xBF);
    return second && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (in(0, 0xF0, 0xF4)) {
    const bool second = in(0, 0xF0, 0xF0)   ? in(1, 0x90, 0xBF)
                        : in(0, 0xF4, 0xF4) ? in(1, 0x80, 0x8F)
                                            : in(1, 0x80, 0xBF);
    return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace detail

/// The text as it is where it is UTF-8; every byte that is not part of a UTF-8 character becomes a backslash, x and its
/// two hexadecimal digits. For names of files in JSON and in plots: the names of old disks and zip files are Latin-1,
/// say.
[[nodiscard]] inline std::string utf8_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = detail::utf8_length(text);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      valid += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    }
    valid += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace diffarch
