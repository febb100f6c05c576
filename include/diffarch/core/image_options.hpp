#pragma once

#include <string>
#include <utility>

#include "diffarch/core/error.hpp"

// Facts about images that files do not state, so that the caller has to.

namespace diffarch {

/// Which numbers of a file are black and white: `low` becomes -1 and `high` becomes 1.
/// The default, low = high, means the range of the file's type: 0 to 255 for 8 bits, 0 to 65535 for 16 bits, 0 to 1 for
/// booleans; floating-point numbers stay as they are.
struct ValueRange {
  double low = 0.0;
  double high = 0.0;

  /// Whether the caller gave a range.
  [[nodiscard]] constexpr bool given() const noexcept { return low != high; }

  friend constexpr bool operator==(const ValueRange&, const ValueRange&) = default;
};

/// The order of the axes in a file of images.
enum class ImageLayout {
  unstated,       ///< channels last; an array that looks like another layout is refused
  channels_last,  ///< (n, height, width) or (n, height, width, channels), whatever the array looks like
  channels_first  ///< (n, channels, height, width) as in PyTorch, or (n, height, width)
};

/// The options by which a caller describes images; `size` is height and width.
enum class ImageOption { channels, size, range, layout };

/// A file of images that can be read only when the caller says more. The message names what is wrong and the field that
/// mends it. Programs replace the field by their own option.
class OptionNeeded : public FileError {
 public:
  /// `advice` names the field of the library, such as "set ImageOptions::channels"; `range` is the range that would
  /// fit, where the option is the range.
  OptionNeeded(const std::string& path, std::string problem, ImageOption option, const std::string& advice,
               ValueRange range = {})
      : FileError(path, problem + "; " + advice), problem_(std::move(problem)), option_(option), range_(range) {}

  /// The message without the path and without the advice.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] ImageOption option() const noexcept { return option_; }
  [[nodiscard]] const ValueRange& range() const noexcept { return range_; }

 private:
  std::string problem_;
  ImageOption option_;
  ValueRange range_;
};

namespace detail {

/// Throws InvalidArgument unless the range is one: finite, and low < high when it is given.
inline void require_range(const ValueRange& range, const std::string& options) {
  const double width = range.high - range.low;
  require(!range.given() || (width > 0.0 && width <= 1e300), options, ": range = {", range.low, ", ", range.high,
          "}, expected low < high, both finite");
}

}  // namespace detail
}  // namespace diffarch
