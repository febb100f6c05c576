#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// Median of a vector: the middle value, or the mean of the two middle ones. Throws InvalidArgument when it is empty,
/// or naming a value that is NaN.
[[nodiscard]] inline double median(const Vector<double>& values) {
  detail::require(values.size() >= 1, "median: no values");
  for (Index i = 0; i < values.size(); ++i) detail::require(!std::isnan(values(i)), "median: value ", i, " is NaN");
  std::vector<double> ordered(values.begin(), values.end());
  const auto middle = ordered.begin() + static_cast<std::ptrdiff_t>(ordered.size() / 2);
  std::nth_element(ordered.begin(), middle, ordered.end());
  if (ordered.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(ordered.begin(), middle));
}

}  // namespace diffarch
