#include "common/data/figure_data.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/data/data_source.hpp"
#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/images.hpp"

namespace figures {

using namespace diffarch;

namespace {

constexpr Index paper_count = 1000;

/// How many of the images that there are a program takes: as many as --count says, or else as its default says, or
/// fewer. Throws InvalidArgument when --count says more than there are.
Index wanted_count(const FigureOptions& options, Index available) {
  const Index count = options.count > 0 ? options.count : paper_count;
  diffarch::detail::require(count <= available || !options.count_is_given, options.data, ": holds ", available,
                            available == 1 ? " image" : " images", ", but --count is ", count);
  return std::min(count, available);
}

template <class Scalar>
Dataset<Scalar> load_array(const FigureOptions& options, const DataSource& source) {
  const NpyImageOptions image_options{options.layout, options.range, options.channels, true};
  const auto images = source.kind == DataKind::npz ? load_npz_images<Scalar>(source.path, source.array, image_options)
                                                   : load_npy_images<Scalar>(source.path, image_options);
  diffarch::detail::require(
      options.size == 0 || (images.shape().height == options.size && images.shape().width == options.size),
      options.data, ": images are ", images.shape().height, " x ", images.shape().width, ", but --size is ",
      options.size, "; images of .npy and .npz files are not resized");
  const Index count = wanted_count(options, images.size());
  report_taken(count, images.size(), options.data, "");
  return {images.samples().leftCols(count), images.shape(), options.data};
}

template <class Scalar>
Dataset<Scalar> load_idx(const FigureOptions& options, const DataSource& source) {
  const Index available = count_idx_images(source.path);
  const Index count = wanted_count(options, available);
  report_taken(count, available, options.data, "");
  return load_idx_images<Scalar>(
      source.path, {.count = count, .height = options.size, .width = options.size, .range = options.range});
}

template <class Scalar>
Dataset<Scalar> load_folder(const FigureOptions& options) {
  const auto available = static_cast<Index>(list_images(options.data).size());
  const Index count = wanted_count(options, available);
  report_taken(count, available, options.data, " in the order of their names");
  return load_images<Scalar>(options.data, {.height = options.size,
                                            .width = options.size,
                                            .channels = options.channels,
                                            .count = count,
                                            .range = options.range});
}

template <class Scalar>
Dataset<Scalar> load_source(const FigureOptions& options, const DataSource& source) {
  const Index drawn_size = options.size > 0 ? options.size : 32;
  switch (source.kind) {
    case DataKind::synthetic:
      return synthetic_faces<Scalar>(options.count > 0 ? options.count : paper_count,
                                     ImageShape{drawn_size, drawn_size, 3}, Seed{options.seed});
    case DataKind::fashion_mnist: {
      constexpr Index available = 60000;
      const Index count = wanted_count(options, available);
      report_taken(count, available, options.data, "");
      return load_fashion_mnist<Scalar>(
          {.count = count, .height = drawn_size, .width = drawn_size, .range = options.range});
    }
    case DataKind::npy:
    case DataKind::npz:
      return load_array<Scalar>(options, source);
    case DataKind::idx:
      return load_idx<Scalar>(options, source);
    case DataKind::folder:
      break;
  }
  return load_folder<Scalar>(options);
}

}  // namespace

template <class Scalar>
Dataset<Scalar> load_data(const FigureOptions& options) try {
  const DataSource source = data_source(options.data, "--data");
  const bool array = source.kind == DataKind::npy || source.kind == DataKind::npz;
  diffarch::detail::require(array || options.layout == ImageLayout::unstated, "--layout: ", options.data,
                            " is no .npy or .npz file, so its images have no other layout");
  diffarch::detail::require(source.kind != DataKind::synthetic || !options.range.given(),
                            "--range: synthetic images are drawn in [-1, 1]");
  Dataset<Scalar> images = load_source<Scalar>(options, source);
  if (options.channels != 0 && options.channels != images.shape().channels)
    images = convert_channels(images, options.channels);
  require_gray_or_rgb(options.data, images.size(), images.shape());
  diffarch::detail::require(distinct_samples(images).indices.size() >= 2,
                            options.count_is_given ? diffarch::detail::concat("--count ", options.count, ": ") : "",
                            "--data ", options.data, ": ", images.size(),
                            images.size() == 1 ? " image" : " equal images", "; expected at least 2 that differ");
  if (!options.range.given() && source.kind != DataKind::synthetic)
    if (const auto problem = narrow_range_problem(summarise_values(images.samples())))
      report_narrow_range(options.data, *problem);
  return images;
} catch (const OptionNeeded& needed) {
  throw with_program_option(needed);
}

template <class Scalar>
Batch<Scalar> initial_noise(const FigureOptions& options, const ImageShape& shape) {
  if (options.noise.empty()) return normal_batch<Scalar>(shape.size(), options.samples, Seed{options.seed});
  const DataSource source = data_source(options.noise.string(), "--noise");
  return source.kind == DataKind::npz ? read_npz_batch<Scalar>(source.path, source.array, shape)
                                      : read_npy_batch<Scalar>(source.path, shape);
}

template <class Scalar>
EscapeLog escape_log(const Batch<Scalar>& images) {
  return EscapeLog(10.0 * std::sqrt(images.template cast<double>().squaredNorm() / static_cast<double>(images.size())));
}

template Dataset<float> load_data(const FigureOptions&);
template Dataset<double> load_data(const FigureOptions&);
template Batch<float> initial_noise(const FigureOptions&, const ImageShape&);
template Batch<double> initial_noise(const FigureOptions&, const ImageShape&);
template EscapeLog escape_log(const Batch<float>&);
template EscapeLog escape_log(const Batch<double>&);

}  // namespace figures
