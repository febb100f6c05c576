#pragma once

// What a certificate is: a statement about what a denoiser's architecture generates, the numbers that it predicts, and
// the numbers that the library's fits and samplers give.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/io/gnuplot.hpp"

namespace certificates {

using namespace diffarch;
using Json = nlohmann::ordered_json;

/// One predicted number against one measured. A number that is not finite never passes.
struct Check {
  enum class Kind {
    equal,    ///< |measured - predicted| <= tolerance
    at_most,  ///< measured <= predicted + tolerance
    at_least  ///< measured >= predicted - tolerance
  };
  std::string what;
  Kind kind = Kind::equal;
  double predicted = 0.0;
  double measured = 0.0;
  double tolerance = 0.0;

  [[nodiscard]] bool passed() const;
};

/// What came out for one statement: it holds when every check passes.
struct Certificate {
  std::vector<Check> checks = {};
  std::vector<Panel> panels = {};  ///< the statement's picture
  Json details = Json::object();   ///< further numbers

  void equal(std::string what, double predicted, double measured, double tolerance);
  void zero(std::string what, double measured, double tolerance) { equal(std::move(what), 0.0, measured, tolerance); }
  void at_most(std::string what, double bound, double measured, double tolerance = 0.0);
  void at_least(std::string what, double bound, double measured, double tolerance = 0.0);

  [[nodiscard]] bool passed() const;
};

/// `sentence` says what is claimed, `source` where it stands.
struct Statement {
  std::string_view id;
  std::string_view sentence;
  std::string_view source;
  Certificate (*certify)();
};

}  // namespace certificates
