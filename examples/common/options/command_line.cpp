#include "common/options/command_line.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <type_traits>
#include <utility>

namespace figures {

using diffarch::detail::concat;

namespace {

template <class Integer>
[[nodiscard]] Allowed whole_number_of(Integer least, Integer largest) {
  const bool has_end = largest < std::numeric_limits<Integer>::max();
  const std::string range =
      concat("a whole number ", has_end ? "from " : ">= ", least, has_end ? concat(" to ", largest) : "");
  return {range, [=](const std::string& text) {
            Integer value = 0;
            const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool is_plain =  // CLI11 reads octal
                text.size() == 1 || (text[0] != '0' && text.substr(0, 2) != "-0");
            if (problem == std::errc{} && end == text.data() + text.size() && is_plain && value >= least &&
                value <= largest)
              return std::string();
            return concat("is ", text, ", expected ", range);
          }};
}

template <class T>
[[nodiscard]] Allowed member_of(const std::vector<T>& values) {
  const CLI::Validator member = CLI::IsMember(values);
  return {member.get_description(), [member](std::string text) { return member(text); }};
}

}  // namespace

Allowed whole_number(std::int64_t least, std::int64_t largest) { return whole_number_of(least, largest); }

Allowed any_seed() { return whole_number_of<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()); }

Allowed number(double least, double largest, bool above) {
  const bool has_end = largest < std::numeric_limits<double>::max();
  const std::string range =
      concat("a finite number ", above ? "> " : ">= ", least, has_end ? concat(", <= ", largest) : "");
  return {range, [=](const std::string& text) {
            double value = 0.0;
            const bool is_number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            if (is_number && value >= least && value <= largest && !(above && value == least)) return std::string();
            return concat("is ", text, ", expected ", range);
          }};
}

Allowed positive_number() { return number(0.0, std::numeric_limits<double>::max(), true); }

Allowed one_of(const std::vector<std::string>& names) { return member_of(names); }
Allowed one_of_numbers(const std::vector<int>& numbers) { return member_of(numbers); }

Option without_default(Option option) {
  option.shown_default = "";
  return option;
}

Option required(Option option) {
  option.is_required = true;
  return without_default(std::move(option));
}

struct CommandLine::Parser {
  Parser(const std::string& description, const std::string& program) : app(description, program) {}

  [[nodiscard]] CLI::Option* declare(const Option& option) {
    return std::visit(
        [&]<class T>(const T& value) -> CLI::Option* {
          if constexpr (std::is_same_v<T, bool*>)
            return app.add_flag(option.names, *value, option.text);
          else if constexpr (std::is_pointer_v<T>)
            return app.add_option(option.names, *value, option.text);
          else
            return app.add_option_function<std::string>(option.names, value, option.text);
        },
        option.value);
  }

  CLI::App app;
};

CommandLine::CommandLine(const std::string& description, const std::string& program, const std::string& footer)
    : program_(program), parser_(std::make_unique<Parser>(description, program)) {
  parser_->app.footer(footer);
  parser_->app.failure_message([program](const CLI::App* /*app*/, const CLI::Error& error) {
    return concat(program, ": error: ", error.what(), " (see --help)\n");
  });
}

CommandLine::~CommandLine() = default;

void CommandLine::add(const Option& option) {
  CLI::App& app = parser_->app;
  const bool is_argument = !option.names.starts_with('-');
  if (CLI::Option* other = app.get_option_no_throw(option.names); other != nullptr) app.remove_option(other);
  CLI::Option* declared = parser_->declare(option);
  const bool is_list = std::visit(
      []<class T>(const T& /*value*/) {
        return std::is_same_v<T, std::vector<diffarch::Index>*> || std::is_same_v<T, std::vector<int>*> ||
               std::is_same_v<T, std::vector<std::string>*>;
      },
      option.value);
  if (is_list) declared->delimiter(',');
  if (option.allowed.problem) declared->check(CLI::Validator(option.allowed.problem, option.allowed.range));
  const bool is_variable = option.value.index() + 1 < std::variant_size_v<OptionValue>;
  if (option.shown_default)
    declared->default_str(*option.shown_default);
  else if (is_variable && !is_argument && !std::holds_alternative<bool*>(option.value))
    declared->capture_default_str();
  declared->required(option.is_required);
  for (const std::string& other : option.excludes) declared->excludes(other);
}

std::optional<int> CommandLine::parse(int argc, const char* const* argv, bool is_quiet) {
  try {
    parser_->app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return is_quiet ? 0 : parser_->app.exit(error);
  }
}

bool CommandLine::names(const std::string& option) const { return parser_->app.count(option) > 0; }

}  // namespace figures
