#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/image_options.hpp"

// Whether the numbers of images are in the range that the library works in.

namespace diffarch {

/// Smallest and largest number of an array, their mean and their standard deviation.
struct ValueSummary {
  double lowest = 0.0;
  double highest = 0.0;
  double mean = 0.0;
  double deviation = 0.0;
};

/// Summarises all numbers of a batch. Two passes over the batch. Zeros for an empty batch.
template <class Scalar>
[[nodiscard]] ValueSummary summarise_values(const Batch<Scalar>& batch) {
  const Index count = batch.size();
  if (count == 0) return {};
  const Scalar* values = batch.data();
  ValueSummary summary{static_cast<double>(values[0]), static_cast<double>(values[0]), 0.0, 0.0};
  for (Index i = 0; i < count; ++i) {
    const auto value = static_cast<double>(values[i]);
    summary.lowest = std::min(summary.lowest, value);
    summary.highest = std::max(summary.highest, value);
    summary.mean += value / static_cast<double>(count);
  }
  double squares = 0.0;
  for (Index i = 0; i < count; ++i) {
    const double distance = static_cast<double>(values[i]) - summary.mean;
    squares += distance * distance / static_cast<double>(count);
  }
  summary.deviation = std::sqrt(squares);
  return summary;
}

/// Why numbers are not what images should be, and the range that they seem to have.
struct RangeProblem {
  std::string text;
  ValueRange range;
};

namespace detail {

inline constexpr double resizing_overshoot = 0.15;  ///< of the range: what bicubic and Lanczos filters add at edges

/// The range that images with these numbers were stored in, by the largest one.
[[nodiscard]] inline ValueRange likely_range(const ValueSummary& values) {
  constexpr std::array<double, 6> usual{1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0};
  for (const double high : usual)
    if (values.highest <= high * (1.0 + resizing_overshoot))
      return {0.0, values.highest >= high / 4.0 || high == 1.0 ? high : std::ceil(values.highest)};
  return {0.0, std::ceil(values.highest)};
}

[[nodiscard]] inline std::string range_text(const ValueSummary& values) {
  return concat("values lie between ", values.lowest, " and ", values.highest, ", mean ", values.mean);
}

/// (v - low) * 2 / (high - low) - 1 for every number, as one division by half of the width.
template <class Scalar>
void map_to_unit_range(Scalar* values, Index count, const ValueRange& range) {
  if (!range.given() || range == ValueRange{-1.0, 1.0}) return;
  const auto low = static_cast<Scalar>(range.low);
  const auto half = static_cast<Scalar>((range.high - range.low) / 2.0);
  for (Index i = 0; i < count; ++i) values[i] = (values[i] - low) / half - Scalar(1);
}

/// Throws FileError when numbers of a file lie far outside of the range that the caller gave.
inline void require_within(const std::string& path, const ValueRange& range, double lowest, double highest) {
  const double overshoot = 0.5 * (range.high - range.low);
  if (lowest < range.low - overshoot || highest > range.high + overshoot)
    throw FileError(path, concat("values lie between ", lowest, " and ", highest, ", outside of the range ", range.low,
                                 " to ", range.high, " that was given"));
}

}  // namespace detail

/// Tells whether the numbers look like images in [-1, 1], slightly beyond it from resizing, or like standardised data
/// (mean near 0, any width). Nothing when they do. What is found: numbers without negatives, as in 0..1, 0..255 or
/// 0..4095, resized or not, and numbers far beyond 1 whose mean is far from 0. It cannot be certain: images in [-1, 1]
/// that are all brighter than middle gray are taken for images in 0..1.
[[nodiscard]] inline std::optional<RangeProblem> image_range_problem(const ValueSummary& values) {
  constexpr double centred = 0.2;  // |mean| of standardised data, in standard deviations, when they are few
  constexpr double far = 10.0;
  const double width = values.highest - values.lowest;
  const bool without_negatives = values.lowest >= 0.0 ? values.highest > 0.0
                                                      : -values.lowest < detail::resizing_overshoot * width &&
                                                            values.mean > centred * values.deviation;
  const bool far_away =
      std::max(-values.lowest, values.highest) > far && std::abs(values.mean) > centred * values.deviation;
  if (!without_negatives && !far_away) return std::nullopt;
  return RangeProblem{detail::range_text(values) + ", but images are expected in [-1, 1], or with mean 0",
                      without_negatives ? detail::likely_range(values)
                                        : ValueRange{std::floor(values.lowest), std::ceil(values.highest)}};
}

/// Tells whether images in [-1, 1] use less than an eighth of it, as 12-bit numbers in 16-bit files do. Nothing when
/// they use more, or are constant.
[[nodiscard]] inline std::optional<std::string> narrow_range_problem(const ValueSummary& values) {
  const double width = values.highest - values.lowest;
  if (width <= 0.0 || width >= 0.25 || values.lowest < -1.0 || values.highest > 1.0) return std::nullopt;
  return detail::concat(detail::range_text(values), ", an eighth of [-1, 1] or less");
}

/// Throws InvalidArgument, with the smallest and the largest number and the range they seem to have, unless the numbers
/// of these images look as the library expects them (image_range_problem, narrow_range_problem). For images whose
/// numbers come from somewhere else than the library's own readers.
template <class Scalar>
void check_image_range(const Dataset<Scalar>& images) {
  const ValueSummary values = summarise_values(images.samples());
  if (const auto problem = image_range_problem(values))
    throw InvalidArgument(detail::concat("data set '", images.name(), "': ", problem->text,
                                         "; read them with range = {", problem->range.low, ", ", problem->range.high,
                                         "}, or standardise the data set"));
  if (const auto problem = narrow_range_problem(values))
    throw InvalidArgument(detail::concat("data set '", images.name(), "': ", *problem,
                                         "; read them with the range that their numbers have, such as {0, 4095}"));
}

}  // namespace diffarch
