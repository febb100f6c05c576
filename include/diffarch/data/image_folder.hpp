#pragma once

#include <algorithm>
#include <cctype>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/data/image_file.hpp"

namespace diffarch {

/// Which images of a folder to load, and what to make of them.
struct ImageOptions {
  Index height = 0;    ///< rows; 0: all images must have the height of the first
  Index width = 0;     ///< columns; 0: all images must have the width of the first
  Index channels = 0;  ///< 1 (gray) or 3 (RGB), converting every image; 0: all must be as the first one, without alpha
  Index count = 0;     ///< the first so many images in the order of their names; 0: all
  ValueRange range = {};  ///< the stored numbers that become -1 and 1; none: all that the file's 8 or 16 bits can hold
};

/// The PNG and JPEG files of a folder by extension in any case, sorted by name; hidden files and subfolders are not
/// looked at. Throws FileError when the folder is missing, is not a folder, or holds no image.
[[nodiscard]] inline std::vector<std::filesystem::path> list_images(const std::filesystem::path& folder) {
  std::error_code problem;
  if (!std::filesystem::exists(folder, problem)) throw FileError(folder.string(), "does not exist; expected a folder");
  if (!std::filesystem::is_directory(folder, problem))
    throw FileError(folder.string(), "is not a folder; expected a folder of PNG or JPEG images");
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entry(folder, problem);
  for (; !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem)) {
    std::string extension = entry->path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    std::error_code ignored;
    if ((extension == ".png" || extension == ".jpg" || extension == ".jpeg") && entry->is_regular_file(ignored) &&
        !entry->path().filename().string().starts_with('.'))
      files.push_back(entry->path());
  }
  if (problem) throw FileError(folder.string(), "cannot be listed: " + problem.message());
  if (files.empty()) throw FileError(folder.string(), "holds no PNG or JPEG images (.png, .jpg, .jpeg)");
  std::sort(files.begin(), files.end());
  return files;
}

/// Loads the PNG and JPEG images of a folder in the order of their names: shape (height * width * channels, n), values
/// v / 127.5 - 1 in [-1, 1] for 8 bits, v / 32767.5 - 1 for the 65536 values of 16-bit PNG. Images are turned upright
/// as their EXIF block says. With both height and width given, an image of another size is cropped about its centre to
/// their aspect and resized (Mitchell filter down, Catmull-Rom up, on the stored values). With channels given, gray
/// images and palettes become RGB or colours become gray, and alpha is dropped: the colour of a transparent pixel is
/// the one that the file has there. The data set is named after the folder. Throws FileError, naming the file and the
/// reason, for a missing or empty folder, fewer images than asked for, a truncated or damaged image, numbers far
/// outside of the range given; OptionNeeded, which is one, for sizes or channels that differ and for alpha, unless the
/// options say what to make of them; InvalidArgument for options out of range.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> load_images(const std::filesystem::path& folder, const ImageOptions& options = {}) {
  constexpr Index longest = 32768;
  detail::require(options.height >= 0 && options.width >= 0 && options.height <= longest && options.width <= longest &&
                      (options.height == 0) == (options.width == 0),
                  "ImageOptions: height = ", options.height, ", width = ", options.width, "; expected both in [1, ",
                  longest, "], or both 0 for the size of the first image");
  detail::require(options.channels == 0 || options.channels == 1 || options.channels == 3,
                  "ImageOptions: channels = ", options.channels, "; expected 0, 1 or 3");
  detail::require_range(options.range, "ImageOptions");
  detail::require(options.count >= 0, "ImageOptions: count = ", options.count, "; expected count >= 0");

  std::vector<std::filesystem::path> files = list_images(folder);
  const auto available = static_cast<Index>(files.size());
  if (options.count > available)
    throw FileError(folder.string(),
                    detail::concat("holds ", available, " images but ImageOptions asks for count = ", options.count));
  if (options.count > 0) files.resize(static_cast<std::size_t>(options.count));

  const detail::DecodedImage first = detail::decode_image(files.front(), options.channels);
  const bool resizes = options.height > 0;
  const ImageShape shape{resizes ? options.height : first.height, resizes ? options.width : first.width,
                         first.channels};
  detail::require_memory<Scalar>(shape.size(), static_cast<Index>(files.size()), "the images of ", folder.string());
  Batch<Scalar> samples(shape.size(), static_cast<Index>(files.size()));

  parallel_for(samples.cols(), 16 * samples.rows(), [&](Index i) {
    const std::filesystem::path& file = files[static_cast<std::size_t>(i)];
    const detail::DecodedImage image = detail::decode_image(file, options.channels);
    if (image.channels != shape.channels)
      throw OptionNeeded(
          file.string(),
          detail::concat("has ", image.channels, " channels but ", files.front().string(), " has ", shape.channels),
          ImageOption::channels, "set ImageOptions::channels to convert all");
    if (!resizes && (image.height != shape.height || image.width != shape.width))
      throw OptionNeeded(file.string(),
                         detail::concat("is ", image.height, " x ", image.width, " but ", files.front().string(),
                                        " is ", shape.height, " x ", shape.width),
                         ImageOption::size, "set ImageOptions::height and width to resize all");
    if (options.range.given() && image.highest != first.highest)
      throw FileError(file.string(),
                      detail::concat("has numbers up to ", image.highest, " but those of ", files.front().string(),
                                     " go up to ", first.highest, "; one range cannot speak of both"));
    detail::place_image(file.string(), image, shape, samples.col(i).data(), options.range);
  });

  const std::filesystem::path named = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return Dataset<Scalar>(std::move(samples), shape, named.string());
}

}  // namespace diffarch
