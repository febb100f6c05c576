#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"

// The description of the array in the header of a .npy file: a Python literal. Source: NumPy Enhancement Proposal 1.

namespace diffarch::detail {

inline constexpr std::size_t npy_maximum_dimensions = 64;  // NumPy 2's own limit

inline constexpr std::string_view npy_types_text = "numbers or booleans: f2, f4, f8, i1 to i8, u1 to u8 or b1";

/// "(2, 3)", "(2,)" or "()": a shape in Python's spelling.
[[nodiscard]] inline std::string npy_shape_text(const std::vector<Index>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

/// Number of elements of a shape of non-negative lengths; nothing when even their bytes could not be counted.
[[nodiscard]] inline std::optional<Index> npy_count(const std::vector<Index>& shape) {
  constexpr Index limit = std::numeric_limits<Index>::max() / 8;
  Index product = 1;
  bool empty = false;
  for (const Index length : shape) {
    empty = empty || length == 0;
    if (length == 0) continue;
    if (product > limit / length) return std::nullopt;
    product *= length;
  }
  return empty ? 0 : product;
}

/// Reads the Python literal of a .npy header: a dictionary with the keys descr, fortran_order and shape. Nothing is
/// evaluated; whatever numpy.save cannot have written is refused.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string path, std::string_view text) : path_(std::move(path)), text_(text) {}

  std::string descr;
  bool fortran_order = false;
  std::vector<Index> shape;

  void parse() {
    std::array<bool, 3> seen{};
    expect('{', "header");
    while (!accept('}')) {
      const std::string key = quoted("header key");
      expect(':', "header");
      if (key == "descr") {
        mark(seen[0], key);
        parse_descr();
      } else if (key == "fortran_order") {
        mark(seen[1], key);
        parse_fortran_order();
      } else if (key == "shape") {
        mark(seen[2], key);
        parse_shape();
      } else {
        fail("header", "unknown key '" + key + "'; expected descr, fortran_order and shape");
      }
      if (accept('}')) break;
      expect(',', "header");
    }
    skip_blanks();
    if (position_ != text_.size()) fail("header", "expected only blanks after '}'");
    constexpr std::array<std::string_view, 3> names{"descr", "fortran_order", "shape"};
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!seen[i]) fail("header", concat("has no key '", names[i], "'"));
  }

 private:
  [[noreturn]] void fail(std::string_view field, const std::string& problem) const {
    throw FileError(path_, concat("npy ", field, " (byte ", position_, " of the header): ", problem));
  }

  void mark(bool& seen, const std::string& key) const {
    if (seen) fail("header", "key '" + key + "' appears twice");
    seen = true;
  }

  void skip_blanks() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }

  [[nodiscard]] bool accept(char wanted) {
    skip_blanks();
    if (position_ >= text_.size() || text_[position_] != wanted) return false;
    ++position_;
    return true;
  }

  void expect(char wanted, std::string_view field) {
    if (!accept(wanted)) fail(field, concat("expected '", wanted, "'"));
  }

  [[nodiscard]] bool accept_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }

  [[nodiscard]] std::string quoted(std::string_view field) {
    skip_blanks();
    if (text_.substr(position_).starts_with("u'") || text_.substr(position_).starts_with("u\""))
      ++position_;  // Python 2
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"') fail(field, "expected a quoted string");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail(field, "the quoted string does not end");
    std::string content(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return content;
  }

  void parse_descr() {
    skip_blanks();
    if (position_ < text_.size() && text_[position_] == '[')
      fail("descr", concat("is a structured dtype; expected ", npy_types_text));
    descr = quoted("descr");
  }

  void parse_fortran_order() {
    if (accept_word("True"))
      fortran_order = true;
    else if (!accept_word("False"))
      fail("fortran_order", "expected True or False");
  }

  void parse_shape() {
    expect('(', "shape");
    bool comma = true;
    while (!accept(')')) {
      if (!comma) fail("shape", "expected ',' or ')'");
      if (shape.size() == npy_maximum_dimensions)
        fail("shape", concat("has more than ", npy_maximum_dimensions, " dimensions"));
      shape.push_back(length());
      comma = accept(',');
    }
    if (shape.size() == 1 && !comma) fail("shape", "expected a tuple such as (3,)");
  }

  [[nodiscard]] Index length() {
    skip_blanks();
    const std::size_t begin = position_;
    Index value = 0;
    for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9'; ++position_) {
      const Index digit = text_[position_] - '0';
      if (value > (std::numeric_limits<Index>::max() - digit) / 10) fail("shape", "a length is too large");
      value = value * 10 + digit;
    }
    if (position_ == begin) fail("shape", "expected a length (a non-negative integer)");
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;  // a long integer of Python 2
    return value;
  }

  std::string path_;
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace diffarch::detail
