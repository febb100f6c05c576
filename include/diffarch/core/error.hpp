#pragma once

#include <initializer_list>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "diffarch/core/finite_math.hpp"

namespace diffarch {

/// Base of every exception this library throws: catch it to report any failure as one message.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A parameter lies outside its documented range. The message names the parameter, its value and the range.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// Two arrays that must agree in shape do not. The message carries both shapes.
class DimensionMismatch : public Error {
 public:
  using Error::Error;
};

/// A file or folder is missing, unreadable, damaged or of another kind than expected.
class FileError : public Error {
 public:
  FileError(std::string path, const std::string& problem) : Error(path + ": " + problem), path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// A computation left the finite numbers. The message says at which step and noise level.
class NumericalError : public Error {
 public:
  using Error::Error;
};

/// An array would not fit into the memory of this machine. The message says what for, and both sizes.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// The caller asked a long computation to stop. The message says how far it came and how to go on.
class Interrupted : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// A reference to a part of a message: text, or something else that can be written to a stream. Literals of all lengths
/// have one type here, which spares every program hundreds of instantiations.
class MessagePart {
 public:
  MessagePart(std::string_view text) : text_(text) {}  // NOLINT(google-explicit-constructor): like text
  template <class T>
  requires(!std::is_convertible_v<const T&, std::string_view>)
      MessagePart(const T& value)  // NOLINT(google-explicit-constructor): like text
      : value_(&value), write_([](std::ostream& out, const void* it) { out << *static_cast<const T*>(it); }) {}

  void write_to(std::ostream& out) const {
    if (write_ != nullptr)
      write_(out, value_);
    else
      out << text_;
  }

 private:
  std::string_view text_;
  const void* value_ = nullptr;
  void (*write_)(std::ostream& out, const void* value) = nullptr;
};

/// The parts of a message as one string; numbers print with the default six significant digits, in every locale.
[[nodiscard]] inline std::string joined(std::initializer_list<MessagePart> parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  for (const MessagePart& part : parts) part.write_to(text);
  return text.str();
}

/// The arguments as one string, see `joined`.
template <class... Parts>
[[nodiscard]] std::string concat(const Parts&... parts) {
  return joined({MessagePart(parts)...});
}

/// Throws `E` with the concatenated message unless `condition` holds.
template <class E = InvalidArgument, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) throw E(concat(parts...));
}

}  // namespace detail
}  // namespace diffarch
