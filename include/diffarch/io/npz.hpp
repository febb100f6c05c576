#pragma once

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/io/zip_archive.hpp"

// NumPy's .npz format: a zip archive of .npy files, as numpy.savez and numpy.savez_compressed write it. Needs zlib.

namespace diffarch {

namespace detail {

/// The entry of an archive that holds the array `name`, with or without .npy; of an empty name the only array.
[[nodiscard]] inline ZipEntry npz_entry(const ZipArchive& archive, const std::string& name) {
  std::string names;
  std::vector<ZipEntry> arrays;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with(".npy")) continue;
    const std::string array = entry.name.substr(0, entry.name.size() - 4);
    if (!name.empty() && (name == array || name == entry.name)) return entry;
    arrays.push_back(entry);
    names += (names.empty() ? "" : ", ") + array;
  }
  if (arrays.empty()) throw FileError(archive.path(), "npz: holds no array (no .npy file in this zip file)");
  if (!name.empty()) throw FileError(archive.path(), concat("npz: has no array '", name, "'; expected one of ", names));
  if (arrays.size() > 1)
    throw FileError(archive.path(),
                    concat("npz: holds ", arrays.size(), " arrays, ", names, "; expected the name of one, as in ",
                           archive.path(), ":", names.substr(0, names.find(','))));
  return arrays.front();
}

/// An array of an archive, ready to be read. Messages call it PATH:NAME.
[[nodiscard]] inline NpyReader open_npz(const std::filesystem::path& path, const std::string& name) {
  ZipArchive archive(path);
  const ZipEntry entry = npz_entry(archive, name);
  std::string content = archive.content(entry);
  const std::size_t size = content.size();
  return NpyReader(concat(archive.path(), ":", entry.name.substr(0, entry.name.size() - 4)),
                   std::make_unique<std::istringstream>(std::move(content)), size);
}

}  // namespace detail

/// The names of the arrays in a .npz file, in the order of the file. Throws FileError for a file that is missing, no
/// zip archive, or damaged.
[[nodiscard]] inline std::vector<std::string> npz_names(const std::filesystem::path& path) {
  const detail::ZipArchive archive(path);
  std::vector<std::string> names;
  for (const detail::ZipEntry& entry : archive.entries())
    if (entry.name.ends_with(".npy")) names.push_back(entry.name.substr(0, entry.name.size() - 4));
  return names;
}

/// Reads the array `name` of a .npz file, stored or deflated, as read_npy reads a file; an empty name means the only
/// array. The array's bytes are in memory while it is read, and their CRC is checked.
/// Throws FileError for an archive that is missing, damaged or encrypted, an unknown name, no name where there are
/// several arrays (with all names), and like read_npy.
template <std::floating_point Scalar>
[[nodiscard]] NpyArray<Scalar> read_npz(const std::filesystem::path& path, const std::string& name = {}) {
  detail::NpyReader reader = detail::open_npz(path, name);
  NpyArray<Scalar> array{reader.shape(), std::vector<Scalar>(static_cast<std::size_t>(reader.count()))};
  reader.read(array.values.data());
  return array;
}

/// Reads the array `name` as samples of a known shape, as read_npy_batch reads a file. Throws like read_npz and
/// read_npy_batch.
template <std::floating_point Scalar>
[[nodiscard]] Batch<Scalar> read_npz_batch(const std::filesystem::path& path, const std::string& name,
                                           const ImageShape& shape) {
  detail::NpyReader reader = detail::open_npz(path, name);
  detail::require_axes(reader.path(), reader.shape(), shape);
  return detail::read_npy_samples<Scalar>(reader);
}

/// Reads the array `name` as images, as load_npy_images reads a file. The data set is named after the file. Throws like
/// read_npz and load_npy_images.
template <std::floating_point Scalar>
[[nodiscard]] Dataset<Scalar> load_npz_images(const std::filesystem::path& path, const std::string& name = {},
                                              const NpyImageOptions& options = {}) {
  detail::NpyReader reader = detail::open_npz(path, name);
  return detail::read_npy_images<Scalar>(reader, options, path.stem().string());
}

}  // namespace diffarch
