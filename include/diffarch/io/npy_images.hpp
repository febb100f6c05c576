#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/image_channels.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/value_range.hpp"
#include "diffarch/io/npy_reader.hpp"

// Which images an array of a file holds: the meaning of its axes and of its numbers.

namespace diffarch {

/// How to read an array of images.
struct NpyImageOptions {
  ImageLayout layout = ImageLayout::unstated;  ///< order of the axes
  ValueRange range = {};     ///< the numbers that become -1 and 1; none: those of the type, floats as they are
  Index channels = 0;        ///< 1 (gray) or 3 (RGB), converting every image (convert_channels); 0: as in the file
  bool check_range = false;  ///< refuse floats that look as if they needed `range` (image_range_problem)
};

namespace detail {

/// The meaning of the axes of an array of images.
struct ImageAxes {
  Index count = 0;
  ImageShape shape;
  bool channels_first = false;
};

[[nodiscard]] inline bool is_channels(Index length) { return length >= 1 && length <= 4; }

/// How an array looks that is probably not (n, h, w[, c]); nothing when it looks like one.
[[nodiscard]] inline std::optional<std::string> foreign_layout(const std::vector<Index>& axes) {
  const auto text = [](const std::vector<Index>& shape) { return npy_shape_text(shape); };
  if (axes.size() == 4) {
    const Index n = axes[0];
    const Index a = axes[1];
    const Index b = axes[2];
    const Index c = axes[3];
    const bool square_in_both = (a == 1 || a == 3) && b == c && is_channels(c) && c > 1 && !(a == 3 && c == 3);
    if ((is_channels(a) && !is_channels(c)) || square_in_both)
      return concat("looks like channels first, (n, c, h, w): ", n, " images of ", b, " x ", c, " with ", a,
                    " channels would be ", text({n, b, c, a}));
    if (is_channels(b) && !is_channels(c))
      return concat("looks like (h, w, c, n), images along the last axis: ", c, " images would be ", text({c, n, a, b}),
                    " (numpy.moveaxis(images, -1, 0))");
  }
  if (axes.size() == 3) {
    if ((axes[2] == 3 || axes[2] == 4) && axes[1] > 4)
      return concat("looks like one image (h, w, c), which would be ", text({1, axes[0], axes[1], axes[2]}),
                    ", or like images (n, h * w, c) without their height and width");
    if (axes[0] == axes[1] && axes[0] >= 8 && axes[2] > 4 * axes[0])
      return concat("looks like (h, w, n), images along the last axis: ", axes[2], " images would be ",
                    text({axes[2], axes[0], axes[1]}), " (numpy.moveaxis(images, -1, 0))");
  }
  return std::nullopt;
}

/// The axes of an array of images. Throws FileError when it cannot be one, OptionNeeded when it looks like another
/// layout and none is stated.
[[nodiscard]] inline ImageAxes image_axes(const std::string& path, const std::vector<Index>& axes, ImageLayout layout) {
  const bool empty = std::find(axes.begin(), axes.end(), 0) != axes.end();
  const bool first = layout == ImageLayout::channels_first;
  if ((axes.size() != 3 && axes.size() != 4) || empty)
    throw FileError(path,
                    concat("npy shape: is ", npy_shape_text(axes), "; expected images (n, h, w) or ",
                           first ? "(n, c, h, w)" : "(n, h, w, c), channels last", ", none empty",
                           axes.size() == 2 ? ": an array (n, d) does not say the height and width of an image" : ""));
  if (layout == ImageLayout::unstated)
    if (const auto foreign = foreign_layout(axes))
      throw OptionNeeded(path,
                         concat("npy shape: is ", npy_shape_text(axes),
                                "; expected channels last, (n, h, w) or (n, h, w, c), but it ", *foreign),
                         ImageOption::layout,
                         "state the layout, ImageLayout::channels_first or channels_last, to read it as one");
  if (axes.size() == 3) return {axes[0], {axes[1], axes[2], 1}, false};
  if (first) return {axes[0], {axes[2], axes[3], axes[1]}, true};
  return {axes[0], {axes[1], axes[2], axes[3]}, false};
}

/// Moves the channels of images from before height and width to behind them.
template <class Scalar>
void put_channels_last(Batch<Scalar>& samples, const ImageShape& shape) {
  std::vector<Scalar> image(static_cast<std::size_t>(shape.size()));
  for (Index sample = 0; sample < samples.cols(); ++sample) {
    Scalar* values = samples.data() + sample * samples.rows();
    std::copy(values, values + samples.rows(), image.begin());
    auto next = image.begin();
    for (Index channel = 0; channel < shape.channels; ++channel)
      for (Index pixel = 0; pixel < shape.height * shape.width; ++pixel)
        values[pixel * shape.channels + channel] = *next++;
  }
}

/// Brings the numbers of an array to [-1, 1] as the options and its type say.
template <class Scalar>
void map_npy_values(const NpyReader& reader, const NpyImageOptions& options, Batch<Scalar>& samples) {
  const ValueRange natural = npy_natural_range(reader.type());
  if (options.range.given()) {
    const ValueSummary values = summarise_values(samples);
    require_within(reader.path(), options.range, values.lowest, values.highest);
  } else if (reader.type().is_floating_point()) {
    const auto problem =
        options.check_range ? image_range_problem(summarise_values(samples)) : std::optional<RangeProblem>{};
    if (problem)
      throw OptionNeeded(reader.path(), problem->text, ImageOption::range,
                         concat("set NpyImageOptions::range = {", problem->range.low, ", ", problem->range.high,
                                "}, or {-1, 1} to take them as they are"),
                         problem->range);
  } else if (!natural.given()) {
    const ValueSummary values = summarise_values(samples);
    const ValueRange likely = values.lowest >= 0.0 ? likely_range(values) : ValueRange{values.lowest, values.highest};
    throw OptionNeeded(reader.path(),
                       concat("npy descr: images of ", reader.type().kind, reader.type().size,
                              " have no known range; expected |u1, <f4 or <f8 (or b1, u2, f2); ", range_text(values)),
                       ImageOption::range, "set NpyImageOptions::range", likely);
  }
  map_to_unit_range(samples.data(), samples.size(), options.range.given() ? options.range : natural);
}

template <class Scalar>
[[nodiscard]] Dataset<Scalar> read_npy_images(NpyReader& reader, const NpyImageOptions& options, std::string name) {
  require_range(options.range, "NpyImageOptions");
  require(options.channels == 0 || options.channels == 1 || options.channels == 3,
          "NpyImageOptions: channels = ", options.channels, "; expected 0, 1 or 3");
  const ImageAxes axes = image_axes(reader.path(), reader.shape(), options.layout);
  if (options.channels != 0 && !is_channels(axes.shape.channels))
    throw FileError(reader.path(), concat("npy shape: is ", npy_shape_text(reader.shape()), ", images with ",
                                          axes.shape.channels, " channels; expected 1 (gray), 2 (gray and alpha), 3 ",
                                          "(RGB) or 4 (RGB and alpha) to convert"));
  require_memory<Scalar>(axes.shape.size(), axes.count, "the images of ", reader.path());
  Batch<Scalar> samples(axes.shape.size(), axes.count);
  reader.read(samples.data());
  if (axes.channels_first) put_channels_last(samples, axes.shape);
  map_npy_values(reader, options, samples);
  Dataset<Scalar> images(std::move(samples), axes.shape, std::move(name));
  return options.channels == 0 ? images : convert_channels(images, options.channels);
}

/// Reads samples (n, d), (n, h, w) or (n, h, w, c) as a batch (d, n).
template <class Scalar>
[[nodiscard]] Batch<Scalar> read_npy_samples(NpyReader& reader) {
  const auto& shape = reader.shape();
  if (shape.size() < 2 || shape.size() > 4 || reader.count() == 0)
    throw FileError(reader.path(), concat("npy shape: is ", npy_shape_text(shape),
                                          "; expected samples (n, d), (n, h, w) or (n, h, w, c), none empty"));
  require_memory<Scalar>(reader.count() / shape[0], shape[0], "the samples of ", reader.path());
  Batch<Scalar> batch(reader.count() / shape[0], shape[0]);
  reader.read(batch.data());
  return batch;
}

/// Throws DimensionMismatch unless the axes of an array are (n, h, w, c) of this shape, axis by axis; (n, h, w) will do
/// for one channel. Of a shape with one axis longer than 1, such as that of points, no axis can be mistaken for
/// another: (n, d) will do, and axes of length 1 do not count.
inline void require_axes(const std::string& path, const std::vector<Index>& axes, const ImageShape& shape) {
  const Index n = axes.empty() ? 0 : axes[0];
  const auto longer_than_one = [](std::vector<Index> lengths) {
    std::erase(lengths, 1);
    return lengths;
  };
  const std::vector<Index> lengths{shape.height, shape.width, shape.channels};
  const std::vector<Index> given(axes.begin() + (axes.empty() ? 0 : 1), axes.end());
  const bool point = longer_than_one(lengths).size() <= 1;
  const bool without_channel = shape.channels == 1 && given == std::vector<Index>{shape.height, shape.width};
  if (n > 0 && (given == lengths || without_channel || (point && longer_than_one(given) == longer_than_one(lengths))))
    return;
  const std::optional<Index> count = npy_count(axes);
  const Index values = n > 0 && count ? *count / n : 0;
  const bool first = given == std::vector<Index>{shape.channels, shape.height, shape.width};
  throw DimensionMismatch(
      concat(path, ": holds ", n, " arrays of ", values, " values",
             values == shape.size() ? "" : concat(", but an image of ", shape_text(shape), " has ", shape.size()),
             ": the shape is ", npy_shape_text(axes), ", expected ",
             point ? concat("(n, ", shape.size(), ")")
                   : concat("(n, ", shape.height, ", ", shape.width, ", ", shape.channels, "), channels last"),
             first && !point ? " (it is channels first: numpy.moveaxis(array, 1, -1))" : ""));
}

}  // namespace detail
}  // namespace diffarch
