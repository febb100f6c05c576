#pragma once

#include <stb_image.h>
#include <stb_image_resize.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch {

/// Which images of a folder to load, and what to make of them.
struct ImageOptions {
  Index height = 0;    ///< rows; 0: all images must have the height of the first
  Index width = 0;     ///< columns; 0: all images must have the width of the first
  Index channels = 0;  ///< 1 (gray) or 3 (RGB), converting every image; 0: all must be as the first one, without alpha
  Index count = 0;     ///< the first so many images; 0: all
};

namespace detail {

using FileBytes = std::vector<std::uint8_t>;

[[nodiscard]] inline FileBytes read_image_bytes(const std::filesystem::path& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  std::ifstream file(path, std::ios::binary);
  if (problem || !file) throw FileError(path.string(), "cannot be opened for reading");
  if (size > static_cast<std::uintmax_t>(std::numeric_limits<int>::max()))
    throw FileError(path.string(), concat("has ", size, " bytes; expected an image of at most 2 GiB"));
  FileBytes bytes(static_cast<std::size_t>(size));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size) throw FileError(path.string(), "cannot be read to its end");
  return bytes;
}

[[nodiscard]] constexpr std::uint32_t big_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3];
}

/// CRC-32 of ISO 3309, as PNG uses it (PNG specification, annex D).
[[nodiscard]] inline std::uint32_t png_crc(const std::uint8_t* bytes, std::size_t size) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t byte = 0; byte < entries.size(); ++byte) {
      std::uint32_t remainder = byte;
      for (int bit = 0; bit < 8; ++bit)
        remainder = (remainder & 1U) != 0 ? 0xEDB88320U ^ (remainder >> 1U) : remainder >> 1U;
      entries[byte] = remainder;
    }
    return entries;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 0; i < size; ++i) crc = table[(crc ^ bytes[i]) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

[[nodiscard]] inline bool is_png(const FileBytes& file) {
  constexpr std::array<std::uint8_t, 8> signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return file.size() >= signature.size() && std::equal(signature.begin(), signature.end(), file.begin());
}

[[nodiscard]] inline bool is_jpeg(const FileBytes& file) {
  return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

/// Throws unless `data_size` bytes can hold an image of this size. The decoder takes memory for what the header claims,
/// before it sees that nothing comes: a file of 100 bytes may ask for gigabytes.
inline void require_plausible_size(const std::string& path, std::string_view kind, std::size_t height,
                                   std::size_t width, double most_pixels, std::size_t data_size) {
  if (static_cast<double>(height) * static_cast<double>(width) > most_pixels)
    throw FileError(path, concat(kind, ": claims ", height, " x ", width, " pixels, but its ", data_size,
                                 " bytes of data cannot hold as many; it is damaged"));
}

/// Checks that the chunks of a PNG file are whole up to the last one, that their sums are right and the size is
/// possible: the decoder checks none of it, and shows a damaged image instead.
inline void check_png(const std::string& path, const FileBytes& file) {
  std::size_t position = 8;
  std::size_t data_size = 0;
  while (true) {
    if (file.size() - position < 12) throw FileError(path, "PNG: ends before its IEND chunk; the file is truncated");
    const std::size_t length = big_endian_32(&file[position]);
    const std::string type(file.begin() + static_cast<std::ptrdiff_t>(position) + 4,
                           file.begin() + static_cast<std::ptrdiff_t>(position) + 8);
    if (file.size() - position - 12 < length)
      throw FileError(path, concat("PNG: chunk ", type, " at byte ", position, " claims ", length,
                                   " bytes but the file ends before; the file is truncated"));
    if (png_crc(&file[position + 4], length + 4) != big_endian_32(&file[position + 8 + length]))
      throw FileError(path,
                      concat("PNG: chunk ", type, " at byte ", position, " does not match its CRC; it is damaged"));
    if (type == "IDAT") data_size += length;
    if (type == "IEND") break;
    position += 12 + length;
  }
  constexpr std::size_t header_end = 8 + 8 + 13;  // signature, length and type of the first chunk, IHDR
  if (file.size() < header_end || std::string(file.begin() + 12, file.begin() + 16) != "IHDR")
    throw FileError(path, "PNG: does not start with an IHDR chunk; it is damaged");
  constexpr double deflate_ratio = 1032.0;  // at most 258 bytes for two bits
  const int colour = file[25];
  const double channels = colour == 2 ? 3.0 : colour == 4 ? 2.0 : colour == 6 ? 4.0 : 1.0;
  const double bits_per_pixel = channels * std::max<double>(1.0, file[24]);
  require_plausible_size(path, "PNG", big_endian_32(&file[20]), big_endian_32(&file[16]),
                         8.0 * deflate_ratio * static_cast<double>(data_size) / bits_per_pixel, data_size);
}

/// Checks that a JPEG file goes on to its end-of-image marker, since the decoder fills what is missing with gray, and
/// that its size is possible.
inline void check_jpeg(const std::string& path, const FileBytes& file) {
  const auto truncated = [&] { throw FileError(path, "JPEG: has no end-of-image marker; the file is truncated"); };
  std::size_t position = 2;
  while (true) {
    // A marker is FF and a byte other than 00 (a stuffed FF of the data), FF (fill) or D0 ... D7 (restarts in the
    // data).
    while (position + 1 < file.size() && !(file[position] == 0xFF && file[position + 1] != 0x00 &&
                                           file[position + 1] != 0xFF && (file[position + 1] & 0xF8U) != 0xD0))
      ++position;
    if (position + 1 >= file.size()) truncated();
    const std::uint8_t marker = file[position + 1];
    constexpr std::uint8_t end_of_image = 0xD9;
    if (marker == end_of_image) return;
    const auto number = [&](std::size_t at) {
      if (at + 1 >= file.size()) truncated();
      return std::size_t{file[at]} << 8U | file[at + 1];
    };
    // SOF0 ... SOF15, without the three markers between them of another meaning, have the height and width.
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      constexpr double pixels_per_byte = 8.0 * 64.0;  // a block of 8 x 8 pixels takes at least one bit
      require_plausible_size(path, "JPEG", number(position + 5), number(position + 7),
                             pixels_per_byte * static_cast<double>(file.size()), file.size());
    }
    const std::size_t length = number(position + 2);
    position += 2 + std::max<std::size_t>(length, 2);
  }
}

/// An image as its file has it: bytes, channel fastest.
struct DecodedImage {
  Index height = 0;
  Index width = 0;
  Index channels = 0;  ///< of `bytes`
  std::vector<std::uint8_t> bytes;
};

/// Decodes an image file to `channels` channels (1 or 3). With 0 channels it must have no alpha and keeps its own.
[[nodiscard]] inline DecodedImage decode_image(const std::filesystem::path& path, Index channels) {
  const std::string name = path.string();
  const FileBytes file = read_image_bytes(path);
  if (is_png(file))
    check_png(name, file);
  else if (is_jpeg(file))
    check_jpeg(name, file);
  else
    throw FileError(name, "starts with neither the PNG nor the JPEG signature");

  int width = 0;
  int height = 0;
  int channels_in_file = 0;
  const auto reason = [] {
    const char* text = stbi_failure_reason();
    return std::string(text != nullptr ? text : "unknown");
  };
  if (stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels_in_file) == 0)
    throw FileError(name, "cannot be decoded: " + reason());
  if (channels == 0 && channels_in_file != 1 && channels_in_file != 3)
    throw FileError(name, "has an alpha channel; expected none (ImageOptions::channels = 1 or 3 drops it)");
  const int wanted = channels == 0 ? channels_in_file : static_cast<int>(channels);

  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels_in_file, wanted),
      stbi_image_free);
  if (!pixels) throw FileError(name, "cannot be decoded: " + reason());
  DecodedImage image{height, width, wanted, {}};
  image.bytes.assign(pixels.get(), pixels.get() + image.height * image.width * image.channels);
  return image;
}

/// Writes an image of exactly the wanted shape, or its resized centre, to `target` (shape.size() values in [-1, 1]).
template <class Scalar>
void place_image(const std::string& path, const DecodedImage& image, const ImageShape& shape, Scalar* target) {
  const auto value = [](double byte) { return byte / 127.5 - 1.0; };
  if (image.height == shape.height && image.width == shape.width) {
    for (Index i = 0; i < shape.size(); ++i)
      target[i] = static_cast<Scalar>(value(image.bytes[static_cast<std::size_t>(i)]));
    return;
  }
  // The largest centred rectangle with the aspect of the target, in whole pixels.
  const double aspect = static_cast<double>(shape.width) / static_cast<double>(shape.height);
  const auto rounded = [](double length, Index most) {
    return std::clamp<Index>(static_cast<Index>(std::lround(length)), 1, most);
  };
  const Index crop_width = rounded(static_cast<double>(image.height) * aspect, image.width);
  const Index crop_height = rounded(static_cast<double>(image.width) / aspect, image.height);
  const Index top = (image.height - crop_height) / 2;
  const Index left = (image.width - crop_width) / 2;

  std::vector<float> source(static_cast<std::size_t>(crop_height * crop_width * shape.channels));
  auto next = source.begin();
  for (Index row = 0; row < crop_height; ++row)
    for (Index i = 0; i < crop_width * shape.channels; ++i)
      *next++ = static_cast<float>(
          value(image.bytes[static_cast<std::size_t>(((top + row) * image.width + left) * shape.channels + i)]));
  std::vector<float> resized(static_cast<std::size_t>(shape.size()));
  const int done = stbir_resize_float(source.data(), static_cast<int>(crop_width), static_cast<int>(crop_height), 0,
                                      resized.data(), static_cast<int>(shape.width), static_cast<int>(shape.height), 0,
                                      static_cast<int>(shape.channels));
  if (done == 0) throw FileError(path, concat("cannot be resized to ", shape_text(shape)));
  for (Index i = 0; i < shape.size(); ++i)  // the cubic filter overshoots at edges
    target[i] = static_cast<Scalar>(std::clamp(resized[static_cast<std::size_t>(i)], -1.0F, 1.0F));
}

}  // namespace detail

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
/// v / 127.5 - 1 in [-1, 1]. With both height and width given, an image of another size is cropped about its centre to
/// their aspect and resized (Mitchell filter down, Catmull-Rom up, on the stored values). 16-bit PNG is read as 8-bit.
/// The data set is named after the folder.
/// Throws FileError, naming the file and the reason, for a missing or empty folder, fewer images than asked for, a
/// truncated or damaged image, and, unless the options say what to make of them, sizes or channels that differ and
/// alpha; InvalidArgument for options out of range.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> load_images(const std::filesystem::path& folder, const ImageOptions& options = {}) {
  constexpr Index longest = 32768;
  detail::require(options.height >= 0 && options.width >= 0 && options.height <= longest && options.width <= longest &&
                      (options.height == 0) == (options.width == 0),
                  "ImageOptions: height = ", options.height, ", width = ", options.width, "; expected both in [1, ",
                  longest, "], or both 0 for the size of the first image");
  detail::require(options.channels == 0 || options.channels == 1 || options.channels == 3,
                  "ImageOptions: channels = ", options.channels, "; expected 0, 1 or 3");
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

  // An exception cannot leave a parallel loop; the first in the order of names is the one reported.
  std::vector<std::exception_ptr> problems(files.size());
  parallel_for(samples.cols(), 16 * samples.rows(), [&](Index i) {
    const std::filesystem::path& file = files[static_cast<std::size_t>(i)];
    try {
      const detail::DecodedImage image = detail::decode_image(file, options.channels);
      if (image.channels != shape.channels)
        throw FileError(file.string(),
                        detail::concat("has ", image.channels, " channels but ", files.front().string(), " has ",
                                       shape.channels, "; set ImageOptions::channels to convert all"));
      if (!resizes && (image.height != shape.height || image.width != shape.width))
        throw FileError(file.string(), detail::concat("is ", image.height, " x ", image.width, " but ",
                                                      files.front().string(), " is ", shape.height, " x ", shape.width,
                                                      "; set ImageOptions::height and width to resize all"));
      detail::place_image(file.string(), image, shape, samples.col(i).data());
    } catch (...) {
      problems[static_cast<std::size_t>(i)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& problem : problems)
    if (problem) std::rethrow_exception(problem);

  const std::filesystem::path named = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return Dataset<Scalar>(std::move(samples), shape, named.string());
}

}  // namespace diffarch
