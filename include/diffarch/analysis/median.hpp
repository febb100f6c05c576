#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch {

namespace detail {

/// The median of at least one number, none of them NaN.
[[nodiscard]] inline double median_of_numbers(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

}  // namespace detail

/// Median of a vector: the middle value, or the mean of the two middle ones. Throws InvalidArgument when it is empty,
/// or naming a value that is NaN.
[[nodiscard]] inline double median(const Vector<double>& values) {
  detail::require(values.size() >= 1, "median: no values");
  for (Index i = 0; i < values.size(); ++i) detail::require(!std::isnan(values(i)), "median: value ", i, " is NaN");
  return detail::median_of_numbers({values.data(), values.data() + values.size()});
}

}  // namespace diffarch
