#pragma once

#include <stb_image_write.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/io/atomic_file.hpp"

// The font is a header of static functions, not all of which are used here.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <stb_easy_font.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace diffarch {

/// A colour, three bytes.
struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;

  static const Rgb white, black;
};
inline constexpr Rgb Rgb::white{255, 255, 255};
inline constexpr Rgb Rgb::black{0, 0, 0};

/// A picture of width x height pixels, three bytes each, rows from the top, pixels from the left.
class RgbImage {
 public:
  /// Throws InvalidArgument unless width and height are in [1, 32768] and the picture has at most 2^28 pixels.
  RgbImage(Index width, Index height, Rgb background = Rgb::white) : width_(width), height_(height) {
    constexpr Index longest = 32768;
    constexpr Index most_pixels = Index{1} << 28;  // keeps the int arithmetic of the PNG encoder in range
    detail::require(width >= 1 && height >= 1 && width <= longest && height <= longest && width * height <= most_pixels,
                    "RgbImage: a picture of ", width, " x ", height, " pixels; expected sides in [1, ", longest,
                    "] and at most ", most_pixels, " pixels");
    bytes_.resize(static_cast<std::size_t>(width * height * 3));
    fill(0, 0, width, height, background);
  }

  [[nodiscard]] Index width() const noexcept { return width_; }
  [[nodiscard]] Index height() const noexcept { return height_; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const noexcept { return bytes_; }

  /// Colour at column x, row y; no bounds check.
  [[nodiscard]] Rgb pixel(Index x, Index y) const noexcept {
    const std::size_t at = offset(x, y);
    return {bytes_[at], bytes_[at + 1], bytes_[at + 2]};
  }
  void set_pixel(Index x, Index y, Rgb colour) noexcept {
    const std::size_t at = offset(x, y);
    bytes_[at] = colour.red;
    bytes_[at + 1] = colour.green;
    bytes_[at + 2] = colour.blue;
  }

  /// Fills the rectangle with its top left corner at (x, y); what lies outside the picture is left out.
  void fill(Index x, Index y, Index width, Index height, Rgb colour) noexcept {
    for (Index row = std::max<Index>(y, 0); row < std::min(y + height, height_); ++row)
      for (Index column = std::max<Index>(x, 0); column < std::min(x + width, width_); ++column)
        set_pixel(column, row, colour);
  }

 private:
  [[nodiscard]] std::size_t offset(Index x, Index y) const noexcept {
    return static_cast<std::size_t>((y * width_ + x) * 3);
  }

  Index width_;
  Index height_;
  std::vector<std::uint8_t> bytes_;
};

/// Writes a picture as PNG, atomically. Throws FileError when it cannot be written.
inline void write_png(const std::filesystem::path& path, const RgbImage& image) {
  std::vector<std::byte> encoded;
  const auto append = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(context)->assign(bytes, bytes + size);  // called once, with the whole file
  };
  const int done =
      stbi_write_png_to_func(append, &encoded, static_cast<int>(image.width()), static_cast<int>(image.height()), 3,
                             image.bytes().data(), static_cast<int>(image.width() * 3));
  if (done == 0 || encoded.empty()) throw FileError(path.string(), "the picture could not be encoded as PNG");
  write_file_atomically(path, encoded);
}

namespace detail {

inline constexpr Index text_line_height = 12;  // of the font at scale 1, baseline to baseline

/// The text with every character the font lacks replaced: one '?' per character that is not printable ASCII (a UTF-8
/// sequence counts as one), a blank for a tab; line ends stay.
[[nodiscard]] inline std::string drawable_text(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if ((byte & 0xC0U) == 0x80U) continue;  // continuation byte: its first byte has become the '?'
    if (byte == '\t')
      result += ' ';
    else if (byte == '\n' || (byte >= 0x20U && byte < 0x7FU))
      result += character;
    else
      result += '?';
  }
  return result;
}

[[nodiscard]] inline std::vector<std::string> text_lines(std::string_view text) {
  std::vector<std::string> lines;
  if (text.empty()) return lines;
  const std::string drawable = drawable_text(text);
  for (std::size_t begin = 0; begin <= drawable.size();) {
    const std::size_t end = std::min(drawable.find('\n', begin), drawable.size());
    lines.push_back(drawable.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace detail

/// Width in pixels of the longest line of `text` at an integer scale >= 1.
[[nodiscard]] inline Index text_width(std::string_view text, Index scale = 1) {
  Index longest = 0;
  for (std::string line : detail::text_lines(text))
    longest = std::max(longest, static_cast<Index>(stb_easy_font_width(line.data())));
  return longest * scale;
}

/// Height in pixels of `text`, 12 * scale for each line; 0 for empty text.
[[nodiscard]] inline Index text_height(std::string_view text, Index scale = 1) {
  return static_cast<Index>(detail::text_lines(text).size()) * detail::text_line_height * scale;
}

/// The text with blanks turned into line ends so that no line is wider than `width` pixels, except for single words.
[[nodiscard]] inline std::string wrapped_text(std::string_view text, Index width, Index scale = 1) {
  std::string wrapped;
  std::string line;
  std::string word;
  const auto take_word = [&] {
    const std::string longer = line.empty() ? word : line + ' ' + word;
    if (!line.empty() && text_width(longer, scale) > width) {
      wrapped += line + '\n';
      line = word;
    } else {
      line = longer;
    }
    word.clear();
  };
  for (const char character : text) {
    if (character == ' ' || character == '\n')
      take_word();
    else
      word += character;
    if (character == '\n') {
      wrapped += line + '\n';
      line.clear();
    }
  }
  take_word();
  return wrapped + line;
}

/// Draws text with its top left corner at (x, y) in a bitmap font magnified by `scale`; '\n' starts a new line. The
/// font has the printable ASCII characters; every other character is drawn as '?'. Parts outside the picture are left
/// out.
inline void draw_text(RgbImage& image, Index x, Index y, std::string_view text, Index scale = 1,
                      Rgb colour = Rgb::black) {
  struct Vertex {  // the layout stb_easy_font documents
    float x, y, z;
    std::array<std::uint8_t, 4> colour;
  };
  static_assert(sizeof(Vertex) == 16);
  constexpr std::size_t vertices_per_character = 96;  // four for each of at most 24 strokes
  for (std::string line : detail::text_lines(text)) {
    std::vector<Vertex> vertices(vertices_per_character * (line.size() + 1));
    const int quads = stb_easy_font_print(0.0F, 0.0F, line.data(), nullptr, vertices.data(),
                                          static_cast<int>(vertices.size() * sizeof(Vertex)));
    for (std::size_t quad = 0; quad < static_cast<std::size_t>(quads); ++quad) {
      const Vertex& first = vertices[quad * 4];  // top left; the quads are axis-aligned at whole coordinates
      const Vertex& last = vertices[quad * 4 + 2];
      image.fill(x + scale * static_cast<Index>(first.x), y + scale * static_cast<Index>(first.y),
                 scale * static_cast<Index>(last.x - first.x), scale * static_cast<Index>(last.y - first.y), colour);
    }
    y += scale * detail::text_line_height;
  }
}

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

/// The same for a data set, with its own shape.
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

/// The same with the shape of a data set the rows were made from.
template <class Scalar>
void save_labelled_rows(const std::filesystem::path& path, const std::vector<LabelledRow>& rows,
                        const Dataset<Scalar>& images, const RowsOptions& options = {}) {
  save_labelled_rows(path, rows, images.shape(), options);
}

}  // namespace diffarch
