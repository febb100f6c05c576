#pragma once

#include <filesystem>
#include <string>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/core/image_shape.hpp"

// What --data and --noise name.

namespace figures {

enum class DataKind { fashion_mnist, synthetic, folder, npy, npz, idx };

struct DataSource {
  DataKind kind = DataKind::folder;
  std::filesystem::path path = {};
  std::string array = {};  ///< of a .npz file; empty: the only one
};

/// Tells by the name of a set that the programs know, or by the first bytes of a file, what `data` is. The ending of
/// its name does not matter. Throws FileError, with all that `option` takes, for anything else.
[[nodiscard]] DataSource data_source(const std::string& data, const std::string& option);

/// The same message with the program's option in place of the library's field.
[[nodiscard]] diffarch::FileError with_program_option(const diffarch::OptionNeeded& needed);

/// Throws FileError unless the images have 1 or 3 channels, which is what pictures show.
void require_gray_or_rgb(const std::string& data, diffarch::Index count, const diffarch::ImageShape& shape);

/// Says which images are used when there are more; by the first of several processes only.
void report_taken(diffarch::Index count, diffarch::Index available, const std::string& data, const std::string& order);

/// Says that images use little of the range (`problem`), and what to pass; by the first of several processes only.
void report_narrow_range(const std::string& data, const std::string& problem);

}  // namespace figures
