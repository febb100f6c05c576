#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"

// The command line of a program. CLI11 reads it, in command_line.cpp alone: CLI11's classes take seconds to compile in
// every file that includes them.

namespace figures {

/// What the value of an option may be, in words for --help, and what is wrong with a text (nothing: an empty string).
struct Allowed {
  std::string range = {};
  std::function<std::string(const std::string& text)> problem = {};
};

/// A whole number in [least, largest], in decimal digits. CLI11 itself wraps numbers that are too large.
[[nodiscard]] Allowed whole_number(std::int64_t least, std::int64_t largest = std::numeric_limits<std::int64_t>::max());

/// A seed: a whole number in [0, 2^64).
[[nodiscard]] Allowed any_seed();

/// A finite number in [least, largest], or, with `above`, in (least, largest]. CLI11 itself lets NaN through.
[[nodiscard]] Allowed number(double least, double largest = std::numeric_limits<double>::max(), bool above = false);

/// A finite number > 0.
[[nodiscard]] Allowed positive_number();

/// One of these names.
[[nodiscard]] Allowed one_of(const std::vector<std::string>& names);

/// One of these numbers.
[[nodiscard]] Allowed one_of_numbers(const std::vector<int>& numbers);

/// Where the value of an option goes: a variable, a list (comma separated), a flag, or a function of the text.
using OptionValue =
    std::variant<diffarch::Index*, int*, std::uint64_t*, double*, bool*, std::string*, std::filesystem::path*,
                 std::vector<diffarch::Index>*, std::vector<int>*, std::vector<std::string>*,
                 std::vector<std::filesystem::path>*, std::function<void(const std::string& text)>>;

/// An option of a program. A bool is a flag.
struct Option {
  std::string names;  ///< "--seed"; "--warm-start,!--no-warm-start" of a flag; without dashes an argument
  OptionValue value;
  std::string text;  ///< for --help
  Allowed allowed = {};
  std::optional<std::string> shown_default = {};  ///< in --help; by default the variable's value
  bool is_required = false;
  std::vector<std::string> excludes = {};
};

/// An option whose default --help does not show, as the text says what it is.
[[nodiscard]] Option without_default(Option option);

/// An option that has to be given.
[[nodiscard]] Option required(Option option);

/// The options of a program, and the parser of its command line.
class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& program, const std::string& footer = {});
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  [[nodiscard]] const std::string& program() const noexcept { return program_; }

  /// Declares an option. Its variable keeps its value where the command line does not name it. An option of the same
  /// name that was declared before is replaced.
  void add(const Option& option);

  /// Sets the variables. Returns the exit status where the program is to end at once: --help, or what was wrong, has
  /// then been printed, but for `is_quiet`.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv, bool is_quiet = false);

  /// Whether the command line that was parsed names an option.
  [[nodiscard]] bool names(const std::string& option) const;

 private:
  struct Parser;
  std::string program_;
  std::unique_ptr<Parser> parser_;
};

/// Throws InvalidArgument when a list names something twice: the second would overwrite the first one's files.
template <class List>
void require_distinct(const std::string& option, const List& list) {
  for (auto value = list.begin(); value != list.end(); ++value)
    for (auto other = list.begin(); other != value; ++other)
      diffarch::detail::require(*other != *value, option, ": ", *value, " is named twice");
}

}  // namespace figures
