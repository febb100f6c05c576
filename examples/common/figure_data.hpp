#pragma once

#include <algorithm>
#include <string>

#include "diffarch/diffarch.hpp"
#include "figure_options.hpp"

namespace figures {

/// The training images that --data, --size and --count name, values in [-1, 1].
template <class Scalar>
[[nodiscard]] diffarch::Dataset<Scalar> load_data(const FigureOptions& options) {
  using namespace diffarch;
  constexpr Index paper_count = 1000;
  const Index count = options.count > 0 ? options.count : paper_count;
  if (options.data == "fashion-mnist") {
    const Index size = options.size > 0 ? options.size : 32;
    return load_fashion_mnist<Scalar>({.count = count, .height = size, .width = size});
  }
  if (options.data == "synthetic") {
    const Index size = options.size > 0 ? options.size : 32;
    return synthetic_faces<Scalar>(count, ImageShape{size, size, 3}, Seed{options.seed});
  }
  if (options.data.ends_with(".npy")) {
    auto images = load_npy_images<Scalar>(options.data);
    const Index wanted = options.count > 0 ? options.count : std::min(paper_count, images.size());
    detail::require(wanted <= images.size(), options.data, ": holds ", images.size(), " images, but --count is ",
                    wanted);
    detail::require(
        options.size == 0 || (images.shape().height == options.size && images.shape().width == options.size),
        options.data, ": images are ", images.shape().height, " x ", images.shape().width, ", but --size is ",
        options.size, "; .npy images are not resized");
    return {images.samples().leftCols(wanted), images.shape(), options.data};
  }
  const auto available = static_cast<Index>(list_images(options.data).size());
  return load_images<Scalar>(options.data,
                             {.height = options.size,
                              .width = options.size,
                              .count = options.count > 0 ? options.count : std::min(paper_count, available)});
}

/// x_T for the samples that are shown: from --noise, else from the seed. All rows of a figure start from it.
template <class Scalar>
[[nodiscard]] diffarch::Batch<Scalar> initial_noise(const FigureOptions& options, const diffarch::ImageShape& shape) {
  using namespace diffarch;
  if (options.noise.empty()) return normal_batch<Scalar>(shape.size(), options.samples, Seed{options.seed});
  auto noise = read_npy_batch<Scalar>(options.noise);
  detail::require<DimensionMismatch>(noise.rows() == shape.size(), options.noise.string(), ": holds ", noise.cols(),
                                     " arrays of ", noise.rows(), " values, but an image of ",
                                     detail::shape_text(shape), " has ", shape.size());
  return noise;
}

}  // namespace figures
