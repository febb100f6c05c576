#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch::detail {

/// Cosines and sines of the frequencies of `length` points, at these points, (length, length): the columns are
///   cos(0), cos(1 w), sin(1 w), cos(2 w), sin(2 w), ...,   w = 2 pi position / length,
/// the last one cos(length / 2 w) where length is even. A product with it is a discrete Fourier transform.
template <class Scalar>
[[nodiscard]] Matrix<Scalar> fourier_basis(Index length) {
  Matrix<Scalar> basis(length, length);
  for (Index column = 0; column < length; ++column)
    for (Index position = 0; position < length; ++position) {
      const Index turns = (column + 1) / 2 * position % length;  // of 1 / length each, exactly
      const double angle = 2.0 * std::numbers::pi * static_cast<double>(turns) / static_cast<double>(length);
      const bool is_sine = column > 0 && column % 2 == 0;
      basis(position, column) = static_cast<Scalar>(is_sine ? std::sin(angle) : std::cos(angle));
    }
  return basis;
}

/// The window of `size` pixels that starts at (row, column) of every image: (size size channels, n).
template <class Scalar>
[[nodiscard]] Batch<Scalar> window_of(const Batch<Scalar>& images, const ImageShape& shape, Index row, Index column,
                                      Index size) {
  const Index run = size * shape.channels;
  Batch<Scalar> window(size * run, images.cols());
  for (Index image = 0; image < images.cols(); ++image)
    for (Index line = 0; line < size; ++line)
      window.col(image).segment(line * run, run) = images.col(image).segment(shape.index(row + line, column, 0), run);
  return window;
}

/// Projections R^T x of every window x of images on directions that all windows share: a correlation of the images with
/// as many filters. Window by window it costs S^2 channels multiplications for each projection. Along a row of W
/// windows it is a product in the frequencies of its lines (correlation theorem), which costs 2 width S channels +
/// width W for all W of them, the transforms being matrix products, too: a fifth for windows of 21 pixels in images
/// of 64. The cheaper way is taken. The frequencies round to the epsilon of the whole lines, not of the window.
template <class Scalar>
class WindowProjections {
 public:
  /// Keeps references. directions: (S S channels, p); images: (shape.size(), n).
  WindowProjections(const Batch<Scalar>& directions, Index patch_size, const Batch<Scalar>& images,
                    const ImageShape& shape)
      : directions_(directions), images_(images), shape_(shape), size_(patch_size) {
    if (!by_frequencies()) return;
    const SerialEigen serial;
    const Matrix<Scalar> basis = fourier_basis<Scalar>(shape.width);
    filters_ = spectra(directions, 0, directions.cols(), size_, size_, basis);
    lines_.resize(static_cast<std::size_t>((images.cols() + block - 1) / block));
    parallel_for(static_cast<Index>(lines_.size()), block * images.rows() * shape.width, [&](Index number) {
      const Index first = number * block;
      lines_[static_cast<std::size_t>(number)] =
          spectra(images, first, std::min(block, images.cols() - first), shape.height, shape.width, basis);
    });
    // Frequencies other than 0 and width / 2 stand for themselves and their negatives.
    synthesis_ = basis.topRows(columns()).transpose() * (Scalar(2) / static_cast<Scalar>(shape.width));
    synthesis_.row(0) /= Scalar(2);
    if (shape.width % 2 == 0) synthesis_.row(shape.width - 1) /= Scalar(2);
  }

  /// Number W of windows in a row.
  [[nodiscard]] Index columns() const noexcept { return shape_.width - size_ + 1; }

  /// Whether the way through the frequencies is taken.
  [[nodiscard]] bool by_frequencies() const noexcept {
    const Index direct = columns() * size_ * size_ * shape_.channels;
    const Index transformed = shape_.width * (2 * size_ * shape_.channels + columns());
    return 2 * direct > 3 * transformed;  // smaller products run slower
  }

  /// All windows that start in `rows` rows of pixels, from `first` on, row by row: the column of a window holds its
  /// projections (p, n), column by column.
  [[nodiscard]] Matrix<Scalar> of_rows(Index first, Index rows) const {
    const Index p = directions_.cols();
    const Index n = images_.cols();
    Matrix<Scalar> projected(p * n, rows * columns());
    if (!by_frequencies()) {
      parallel_for(projected.cols(), directions_.size() * n, [&](Index window) {
        Eigen::Map<Matrix<Scalar>>(projected.col(window).data(), p, n) = LinearAlgebra<Cpu>::multiply_transposed(
            directions_, window_of(images_, shape_, first + window / columns(), window % columns(), size_));
      });
      return projected;
    }
    const SerialEigen serial;
    const auto blocks = static_cast<Index>(lines_.size());
    parallel_for(rows * blocks, block * p * shape_.width * size_, [&](Index task) {
      const Index image = task % blocks * block;
      const Index count = std::min(block, n - image);
      projected.block(image * p, task / blocks * columns(), count * p, columns()).noalias() =
          products(lines_[static_cast<std::size_t>(task % blocks)], first + task / blocks, count) * synthesis_;
    });
    return projected;
  }

 private:
  static constexpr Index block = 64;  // images of a task

  /// Of `count` images (height width channels) from `first` on: each column holds one frequency of all lines, as a
  /// matrix (height channels, count).
  [[nodiscard]] Matrix<Scalar> spectra(const Batch<Scalar>& images, Index first, Index count, Index height, Index width,
                                       const Matrix<Scalar>& basis) const {
    const Index channels = shape_.channels;
    Matrix<Scalar> lines(height * channels * count, width);
    for (Index line = 0; line < height * count; ++line) {
      const Scalar* const values = images.col(first + line / height).data() + line % height * width * channels;
      lines.middleRows(line * channels, channels) = Eigen::Map<const Matrix<Scalar>>(values, channels, width);
    }
    return lines * basis.topRows(width);
  }

  /// The frequencies (p count, width) of the correlations of a row: with the angles of line and filter a - b,
  /// cos(a - b) = cos a cos b + sin a sin b and sin(a - b) = sin a cos b - cos a sin b.
  [[nodiscard]] Matrix<Scalar> products(const Matrix<Scalar>& lines, Index row, Index count) const {
    const Index p = directions_.cols();
    const Index depth = size_ * shape_.channels;
    const auto filter = [&](Index frequency) {
      return Eigen::Map<const Matrix<Scalar>>(filters_.col(frequency).data(), depth, p).transpose();
    };
    const auto line = [&](Index frequency) {
      return Eigen::Map<const Matrix<Scalar>>(lines.col(frequency).data(), shape_.height * shape_.channels, count)
          .middleRows(row * shape_.channels, depth);
    };
    Matrix<Scalar> result(p * count, shape_.width);
    const auto of = [&](Index frequency) { return Eigen::Map<Matrix<Scalar>>(result.col(frequency).data(), p, count); };
    of(0).noalias() = filter(0) * line(0);
    for (Index cosine = 1; cosine + 1 < shape_.width; cosine += 2) {
      const Index sine = cosine + 1;
      of(cosine).noalias() = filter(cosine) * line(cosine);
      of(cosine).noalias() += filter(sine) * line(sine);
      of(sine).noalias() = filter(cosine) * line(sine);
      of(sine).noalias() -= filter(sine) * line(cosine);
    }
    if (shape_.width % 2 == 0) of(shape_.width - 1).noalias() = filter(shape_.width - 1) * line(shape_.width - 1);
    return result;
  }

  const Batch<Scalar>& directions_;
  const Batch<Scalar>& images_;
  ImageShape shape_;
  Index size_;
  Matrix<Scalar> filters_;             // (S channels p, width)
  std::vector<Matrix<Scalar>> lines_;  // of each block: (height channels images, width)
  Matrix<Scalar> synthesis_;           // (width, W)
};

}  // namespace diffarch::detail
