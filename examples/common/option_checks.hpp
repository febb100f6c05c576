#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "diffarch/core/error.hpp"

// What the numbers of a command line must be. CLI11 itself lets NaN through and wraps numbers that are too large.

namespace figures {

/// A whole number in [least, largest], in decimal digits.
template <class Integer = std::int64_t>
[[nodiscard]] CLI::Validator whole_number(Integer least, Integer largest = std::numeric_limits<Integer>::max()) {
  const bool has_end = largest < std::numeric_limits<Integer>::max();
  const std::string range = diffarch::detail::concat("a whole number ", has_end ? "from " : ">= ", least,
                                                     has_end ? diffarch::detail::concat(" to ", largest) : "");
  return CLI::Validator(
      [=](const std::string& text) {
        Integer value = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool is_plain = text.size() == 1 || (text[0] != '0' && text.substr(0, 2) != "-0");  // CLI11 reads octal
        if (problem == std::errc{} && end == text.data() + text.size() && is_plain && value >= least &&
            value <= largest)
          return std::string();
        return diffarch::detail::concat("is ", text, ", expected ", range);
      },
      range);
}

/// A finite number in [least, largest], or, with `above`, in (least, largest].
[[nodiscard]] inline CLI::Validator number(double least, double largest = std::numeric_limits<double>::max(),
                                           bool above = false) {
  const bool has_end = largest < std::numeric_limits<double>::max();
  const std::string range = diffarch::detail::concat("a finite number ", above ? "> " : ">= ", least,
                                                     has_end ? diffarch::detail::concat(", <= ", largest) : "");
  return CLI::Validator(
      [=](const std::string& text) {
        double value = 0.0;
        const bool is_number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
        if (is_number && value >= least && value <= largest && !(above && value == least)) return std::string();
        return diffarch::detail::concat("is ", text, ", expected ", range);
      },
      range);
}

/// A finite number > 0.
[[nodiscard]] inline CLI::Validator positive_number() { return number(0.0, std::numeric_limits<double>::max(), true); }

/// Throws InvalidArgument when a list names something twice: the second would overwrite the first one's files.
template <class List>
void require_distinct(const std::string& option, const List& list) {
  for (auto value = list.begin(); value != list.end(); ++value)
    for (auto other = list.begin(); other != value; ++other)
      diffarch::detail::require(*other != *value, option, ": ", *value, " is named twice");
}

}  // namespace figures
