#include "certificates/certificate.hpp"

#include <algorithm>
#include <cmath>

namespace certificates {

bool Check::passed() const {
  if (!std::isfinite(measured) || !std::isfinite(predicted)) return false;
  switch (kind) {
    case Kind::equal:
      return std::abs(measured - predicted) <= tolerance;
    case Kind::at_most:
      return measured <= predicted + tolerance;
    case Kind::at_least:
      return measured >= predicted - tolerance;
  }
  return false;
}

void Certificate::equal(std::string what, double predicted, double measured, double tolerance) {
  checks.push_back({std::move(what), Check::Kind::equal, predicted, measured, tolerance});
}

void Certificate::at_most(std::string what, double bound, double measured, double tolerance) {
  checks.push_back({std::move(what), Check::Kind::at_most, bound, measured, tolerance});
}

void Certificate::at_least(std::string what, double bound, double measured, double tolerance) {
  checks.push_back({std::move(what), Check::Kind::at_least, bound, measured, tolerance});
}

bool Certificate::passed() const {
  return !checks.empty() &&
         std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed(); });
}

}  // namespace certificates
