#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/io/draw_text.hpp"
#include "diffarch/io/rgb_image.hpp"

// Pictures of batches of images. Needs stb (target diffarch::images).

namespace diffarch {

/// How a plain grid of images is laid out.
struct GridOptions {
  Index columns = 0;        ///< images per row; 0: about as many as rows
  Index minimum_tile = 80;  ///< images are magnified by the least whole factor that makes their longer side this long
  Index gap = 4;            ///< pixels between images and around the grid
  std::string title = {};   ///< drawn above the grid; '\n' starts a new line
  std::string footer = {};  ///< drawn below the grid
};

/// One row of a labelled picture: its label ('\n' starts a new line) and its images, one per column.
struct LabelledRow {
  template <class Derived>
  LabelledRow(std::string label_, const Eigen::DenseBase<Derived>& samples_)
      : label(std::move(label_)), samples(samples_.template cast<float>()) {}
  template <class Scalar>
  LabelledRow(std::string label_, const Dataset<Scalar>& images) : LabelledRow(std::move(label_), images.samples()) {}

  std::string label;
  Batch<float> samples;
  std::vector<std::string> captions = {};  ///< centred below the images, broken at blanks; may be fewer
};

/// How rows of images with labels are laid out.
struct RowsOptions {
  std::string title = {};                         ///< above everything; '\n' starts a new line
  std::vector<std::string> column_captions = {};  ///< centred above the columns, broken at blanks; may be fewer
  std::string footer = {};                        ///< below everything
  Index minimum_tile = 80;                        ///< as in GridOptions
  Index gap = 4;                                  ///< pixels between images
};

namespace detail {

[[nodiscard]] inline Index magnification(const ImageShape& shape, Index minimum_tile) {
  const Index longest = std::max(shape.height, shape.width);
  return std::max<Index>(1, (minimum_tile + longest - 1) / longest);
}

/// Text is drawn twice as large where a tile has room for three such lines.
[[nodiscard]] inline Index text_scale(Index tile_height) { return tile_height >= 72 ? 2 : 1; }

template <class Derived>
void check_drawable(std::string_view caller, std::string_view what, const Eigen::DenseBase<Derived>& samples,
                    const ImageShape& shape) {
  require(shape.height >= 1 && shape.width >= 1 && (shape.channels == 1 || shape.channels == 3), caller,
          ": image shape ", shape_text(shape), "; expected height, width >= 1 and 1 or 3 channels");
  require<DimensionMismatch>(samples.rows() == shape.size(), caller, ": ", what, " is ", shape_text(samples),
                             " but an image of ", shape_text(shape), " has ", shape.size(), " values");
  for (Index sample = 0; sample < samples.cols(); ++sample)
    for (Index i = 0; i < samples.rows(); ++i)
      require<NumericalError>(std::isfinite(samples.derived().coeff(i, sample)), caller, ": ", what, ", sample ",
                              sample, ", row ", i / shape.channels / shape.width, ", column ",
                              i / shape.channels % shape.width, ", channel ", i % shape.channels, " is ",
                              samples.derived().coeff(i, sample), "; expected finite values");
}

/// Captions of images of one width: broken at blanks to that width; if a word is wider still, all are small.
struct CaptionLayout {
  CaptionLayout(const std::vector<std::string>& captions, Index tile_width, Index largest_scale)
      : scale(largest_scale) {
    lay_out(captions, tile_width);
    if (width > tile_width) {
      scale = 1;
      lay_out(captions, tile_width);
    }
  }

  /// Draws them in columns `pitch` wide, the first at `left`, in lines from `top`, or ending at `top + height`.
  void draw(RgbImage& picture, Index left, Index top, Index pitch, Index gap, bool at_bottom) const {
    for (std::size_t column = 0; column < texts.size(); ++column) {
      const Index x = left + static_cast<Index>(column) * pitch + (pitch - gap - text_width(texts[column], scale)) / 2;
      draw_text(picture, x, at_bottom ? top + height - text_height(texts[column], scale) : top, texts[column], scale);
    }
  }

  std::vector<std::string> texts;
  Index scale;
  Index width = 0;
  Index height = 0;

 private:
  void lay_out(const std::vector<std::string>& captions, Index tile_width) {
    texts.clear();
    width = height = 0;
    for (const std::string& caption : captions) {
      texts.push_back(wrapped_text(caption, tile_width, scale));
      width = std::max(width, text_width(texts.back(), scale));
      height = std::max(height, text_height(texts.back(), scale));
    }
  }
};

/// The byte that shows a value: -1 is 0, 1 is 255, values outside are clipped.
[[nodiscard]] inline std::uint8_t display_byte(double value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp((value + 1.0) * 127.5, 0.0, 255.0)));
}

/// Draws column `sample` with its top left corner at (x, y), each pixel as a square of side `scale`.
template <class Derived>
void draw_sample(RgbImage& picture, Index x, Index y, const Eigen::DenseBase<Derived>& samples, Index sample,
                 const ImageShape& shape, Index scale) {
  const auto byte = [&](Index row, Index column, Index channel) {
    const auto value = samples.derived().coeff(shape.index(row, column, std::min(channel, shape.channels - 1)), sample);
    return display_byte(static_cast<double>(value));
  };
  for (Index row = 0; row < shape.height; ++row)
    for (Index column = 0; column < shape.width; ++column)
      picture.fill(x + column * scale, y + row * scale, scale, scale,
                   {byte(row, column, 0), byte(row, column, 1), byte(row, column, 2)});
}

}  // namespace detail

/// Saves a batch (shape.size(), n) of images as one PNG, row by row on white, each magnified by a whole factor (nearest
/// neighbour). Values in [-1, 1] become 0 ... 255; values outside are clipped, in the picture only. 1 or 3 channels.
/// Throws InvalidArgument for an empty batch or another number of channels, DimensionMismatch when the batch does not
/// hold images of that shape, NumericalError for a NaN or an infinity, FileError when the file cannot be written.
template <class Derived>
void save_grid(const std::filesystem::path& path, const Eigen::DenseBase<Derived>& samples, const ImageShape& shape,
               const GridOptions& options = {}) {
  detail::check_drawable("save_grid", "the batch", samples, shape);
  detail::require(samples.cols() >= 1, "save_grid: the batch has no samples");
  detail::require(options.columns >= 0 && options.gap >= 0 && options.minimum_tile >= 1,
                  "save_grid: columns = ", options.columns, ", gap = ", options.gap,
                  ", minimum_tile = ", options.minimum_tile, "; expected columns, gap >= 0 and minimum_tile >= 1");
  const Index count = samples.cols();
  const Index square = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))));
  const Index columns = std::min(options.columns > 0 ? options.columns : square, count);
  const Index rows = (count + columns - 1) / columns;
  const Index scale = detail::magnification(shape, options.minimum_tile);
  const Index pitch_x = shape.width * scale + options.gap;
  const Index pitch_y = shape.height * scale + options.gap;
  const Index text_scale = detail::text_scale(shape.height * scale);
  const Index margin = std::max<Index>(options.gap, 4);
  const auto text_space = [&](const std::string& text) {
    return text.empty() ? 0 : text_height(text, text_scale) + margin;
  };

  const Index top = margin + text_space(options.title);
  const Index widest_text = std::max(text_width(options.title, text_scale), text_width(options.footer, text_scale));
  RgbImage picture(2 * margin + std::max(columns * pitch_x - options.gap, widest_text),
                   top + rows * pitch_y - options.gap + margin + text_space(options.footer));
  draw_text(picture, margin, margin, options.title, text_scale);
  for (Index i = 0; i < count; ++i)
    detail::draw_sample(picture, margin + i % columns * pitch_x, top + i / columns * pitch_y, samples, i, shape, scale);
  draw_text(picture, margin, top + rows * pitch_y - options.gap + margin, options.footer, text_scale);
  write_png(path, picture);
}

/// Overload for data sets, which know the shape of their images.
template <class Scalar>
void save_grid(const std::filesystem::path& path, const Dataset<Scalar>& images, const GridOptions& options = {}) {
  save_grid(path, images.samples(), images.shape(), options);
}

/// Saves rows of images as one PNG: each row's label at its left, title above, captions above the columns and below the
/// images of a row, footer below. Images are drawn as by save_grid; a row may be shorter than others. Labels are ASCII:
/// see draw_text. Throws like save_grid, and InvalidArgument when there are no rows, or more captions than columns or
/// images of a row.
inline void save_labelled_rows(const std::filesystem::path& path, const std::vector<LabelledRow>& rows,
                               const ImageShape& shape, const RowsOptions& options = {}) {
  constexpr std::string_view caller = "save_labelled_rows";
  detail::require(!rows.empty(), caller, ": there are no rows");
  detail::require(options.gap >= 0 && options.minimum_tile >= 1, caller, ": gap = ", options.gap,
                  ", minimum_tile = ", options.minimum_tile, "; expected gap >= 0 and minimum_tile >= 1");
  Index columns = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    detail::check_drawable(caller, detail::concat("row ", row, " ('", rows[row].label, "')"), rows[row].samples, shape);
    detail::require(static_cast<Index>(rows[row].captions.size()) <= rows[row].samples.cols(), caller, ": row ", row,
                    " has ", rows[row].captions.size(), " captions for ", rows[row].samples.cols(), " images");
    columns = std::max(columns, rows[row].samples.cols());
  }
  detail::require(columns >= 1, caller, ": the rows have no samples");
  const auto captions = static_cast<Index>(options.column_captions.size());
  detail::require(captions <= columns, caller, ": ", captions, " column captions for ", columns, " columns");

  const Index scale = detail::magnification(shape, options.minimum_tile);
  const Index tile_width = shape.width * scale;
  const Index tile_height = shape.height * scale;
  const Index text_scale = detail::text_scale(tile_height);
  const Index space = 4 * text_scale;  // between texts and images, and around the picture

  Index label_width = 0;
  for (const LabelledRow& row : rows) label_width = std::max(label_width, text_width(row.label, text_scale));
  const detail::CaptionLayout above(options.column_captions, tile_width, text_scale);
  std::vector<detail::CaptionLayout> below;
  Index caption_width = above.width;
  for (const LabelledRow& row : rows) {
    below.emplace_back(row.captions, tile_width, text_scale);
    caption_width = std::max(caption_width, below.back().width);
  }

  const Index left = space + (label_width > 0 ? label_width + 2 * space : 0);
  const Index pitch = std::max(tile_width, caption_width + 2) + options.gap;
  const auto text_space = [&](const std::string& text) {
    return text.empty() ? 0 : text_height(text, text_scale) + space;
  };
  const Index caption_top = space + text_space(options.title);
  const auto with_space = [&](Index height) { return height > 0 ? height + space / 2 : 0; };
  const Index top = caption_top + with_space(above.height);
  Index body_height = -options.gap;
  for (std::size_t row = 0; row < rows.size(); ++row)
    body_height +=
        std::max(tile_height, text_height(rows[row].label, text_scale)) + with_space(below[row].height) + options.gap;
  const Index widest_text = std::max(text_width(options.title, text_scale), text_width(options.footer, text_scale));

  RgbImage picture(std::max(left + columns * pitch - options.gap, space + widest_text) + space,
                   top + body_height + space + text_space(options.footer));
  draw_text(picture, space, space, options.title, text_scale);
  above.draw(picture, left, caption_top, pitch, options.gap, true);
  Index y = top;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LabelledRow& row = rows[i];
    const Index label_height = text_height(row.label, text_scale);
    const Index row_height = std::max(tile_height, label_height);
    draw_text(picture, space, y + (row_height - label_height) / 2, row.label, text_scale);
    for (Index column = 0; column < row.samples.cols(); ++column)
      detail::draw_sample(picture, left + column * pitch + (pitch - options.gap - tile_width) / 2,
                          y + (row_height - tile_height) / 2, row.samples, column, shape, scale);
    below[i].draw(picture, left, y + row_height + space / 4, pitch, options.gap, false);
    y += row_height + with_space(below[i].height) + options.gap;
  }
  draw_text(picture, space, top + body_height + space, options.footer, text_scale);
  write_png(path, picture);
}

/// Width and height of a picture, in pixels.
struct PictureSize {
  Index width = 0;
  Index height = 0;
};

/// The size of the picture that `save_labelled_rows` draws of `rows` rows of `columns` images, each with a label and
/// with captions that are no longer than these, a title of one line and a footer of two: to know before hours of work
/// whether `RgbImage` can hold it.
[[nodiscard]] inline PictureSize labelled_rows_size(Index rows, Index columns, const ImageShape& shape,
                                                    const std::string& label, const std::string& caption) {
  const RowsOptions options;
  const Index scale = detail::magnification(shape, options.minimum_tile);
  const Index tile_height = shape.height * scale;
  const Index text_scale = detail::text_scale(tile_height);
  const Index space = 4 * text_scale;
  const detail::CaptionLayout captions({caption}, shape.width * scale, text_scale);
  const Index pitch = std::max(shape.width * scale, captions.width + 2) + options.gap;
  const Index row_height = std::max(tile_height, text_height(label, text_scale)) + captions.height + space;
  return {4 * space + text_width(label, text_scale) + columns * pitch,
          rows * (row_height + options.gap) + captions.height + 4 * (text_height(label, text_scale) + space)};
}

/// Overload that takes the shape of the images from a data set.
template <class Scalar>
void save_labelled_rows(const std::filesystem::path& path, const std::vector<LabelledRow>& rows,
                        const Dataset<Scalar>& images, const RowsOptions& options = {}) {
  save_labelled_rows(path, rows, images.shape(), options);
}

}  // namespace diffarch
