#include "common/data/data_source.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "diffarch/process/launched_process.hpp"

namespace figures {

using diffarch::FileError;
using diffarch::ImageOption;
using diffarch::detail::concat;

namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

std::string expected(const std::string& option) {
  if (option == "--noise") return "; --noise takes a .npy file, or a .npz file (FILE.npz:NAME of several arrays)";
  return concat("; ", option,
                " takes a folder of PNG or JPEG images, a .npy file, a .npz file (FILE.npz:NAME of several arrays), an "
                "IDX file (plain or .gz), fashion-mnist or synthetic");
}

/// "FILE.npz:NAME", where FILE.npz is there.
bool names_an_array(const std::string& data, DataSource& source) {
  constexpr std::string_view ending = ".npz:";
  const std::size_t at = lower_case(data).rfind(ending);
  std::error_code ignored;
  if (at == std::string::npos) return false;
  source = {DataKind::npz, data.substr(0, at + ending.size() - 1), data.substr(at + ending.size())};
  return std::filesystem::is_regular_file(source.path, ignored) && !source.array.empty();
}

}  // namespace

DataSource data_source(const std::string& data, const std::string& option) {
  if (option == "--data" && data == "fashion-mnist") return {DataKind::fashion_mnist};
  if (option == "--data" && data == "synthetic") return {DataKind::synthetic};
  std::error_code ignored;
  DataSource source{DataKind::folder, data, {}};
  if (std::filesystem::is_directory(data, ignored)) {
    if (option != "--data") throw FileError(data, "is a folder" + expected(option));
    return source;
  }
  if (!std::filesystem::exists(data, ignored)) {
    if (names_an_array(data, source)) return source;
    throw FileError(data, "does not exist" + expected(option));
  }
  if (!std::filesystem::is_regular_file(data, ignored)) throw FileError(data, "is not a file" + expected(option));

  std::string start(8, '\0');
  std::ifstream file(data, std::ios::binary);
  if (!file) throw FileError(data, "cannot be opened for reading");
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  const std::string name = lower_case(data);
  if (start.starts_with("\x93NUMPY") || name.ends_with(".npy")) {
    source.kind = DataKind::npy;
  } else if (start.starts_with("PK") || name.ends_with(".npz")) {
    source.kind = DataKind::npz;
  } else if (option == "--data" &&
             (start.starts_with("\x1f\x8b") || start.starts_with(std::string_view("\0\0\x08", 3)))) {
    source.kind = DataKind::idx;
  } else if (start.starts_with("\x89PNG") || start.starts_with("\xff\xd8\xff")) {
    throw FileError(data, "is one image" + expected(option));
  } else {
    throw FileError(data, "is none of the files that can be read" + expected(option));
  }
  return source;
}

FileError with_program_option(const diffarch::OptionNeeded& needed) {
  const auto& range = needed.range();
  switch (needed.option()) {
    case ImageOption::channels:
      return {needed.path(),
              needed.problem() + "; pass --channels 3 or --channels 1 to convert all images (alpha is dropped)"};
    case ImageOption::size:
      return {needed.path(), needed.problem() + "; pass --size N to crop and resize all images"};
    case ImageOption::layout:
      return {needed.path(),
              needed.problem() + "; pass --layout channels-first, or --layout channels-last to read it as it is"};
    case ImageOption::range:
      break;
  }
  return {needed.path(),
          concat(needed.problem(), "; pass --range ", range.low, ":", range.high,
                 range == diffarch::ValueRange{0.0, 1.0} ? ", or --range -1:1 if they are as they should be" : "")};
}

void require_gray_or_rgb(const std::string& data, diffarch::Index count, const diffarch::ImageShape& shape) {
  if (shape.channels == 1 || shape.channels == 3) return;
  throw FileError(
      data,
      concat("holds images of ", diffarch::detail::shape_text(shape), ", shape (", count, ", ", shape.height, ", ",
             shape.width, ", ", shape.channels, "); expected (n, h, w, 1) or (n, h, w, 3), channels last",
             shape.channels <= 4 ? "; pass --channels 3 or --channels 1 to convert them (alpha is dropped)" : ""));
}

void report_taken(diffarch::Index count, diffarch::Index available, const std::string& data, const std::string& order) {
  if (count >= available || diffarch::launched_process().rank != 0) return;
  std::printf("%s: the first %ld of %ld images%s (--count)\n", data.c_str(), static_cast<long>(count),
              static_cast<long>(available), order.c_str());
}

void report_narrow_range(const std::string& data, const std::string& problem) {
  if (diffarch::launched_process().rank != 0) return;
  std::fprintf(stderr,
               "note: %s: %s; --range LOW:HIGH, such as 0:4095 for 12 bits in 16-bit files, makes LOW black and HIGH "
               "white\n",
               data.c_str(), problem.c_str());
}

}  // namespace figures
