#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/little_endian.hpp"
#include "diffarch/io/npy_header.hpp"
#include "diffarch/io/safetensors_header.hpp"
#include "diffarch/io/weights_kind.hpp"

// The safetensors format: eight bytes with the length of a JSON header (little-endian), the header, the data. Needs
// nlohmann-json (target diffarch::json). Source: "Format" in the documentation of huggingface/safetensors, and the
// checks and the order of its reference writer.

namespace diffarch {

/// A named array of a safetensors file: `values` in C order (last index fastest), one per element of `shape`. The type
/// of the values is the dtype that is written: F32, F64 or I64. An empty shape is a single number.
struct Tensor {
  std::vector<Index> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> values;
};

/// Tensors by name, in the order of their names.
using Tensors = std::map<std::string, Tensor, std::less<>>;

/// A tensor of a safetensors file whose values are not read.
struct UnreadTensor {
  std::string dtype;
  std::vector<Index> shape;
};

namespace detail {

/// Position of the first NaN or infinity, if there is one.
template <class T>
[[nodiscard]] std::optional<std::size_t> first_not_finite(const std::vector<T>& values) {
  if constexpr (std::floating_point<T>)
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i])) return i;
  return std::nullopt;
}

/// Says of a tensor whether it may hold numbers that are not finite; it is then listed as unread.
using ToleratesNotFinite = bool (*)(std::string_view name);

/// An open safetensors file. Its header is checked against the size of the file before anything of a tensor's size is
/// allocated.
template <class Json = nlohmann::json>
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem)) throw FileError(path_, "does not exist; expected a safetensors file");
    if (!std::filesystem::is_regular_file(path, problem))
      throw FileError(path_, "is not a file; expected a safetensors file");
    file_size_ = std::filesystem::file_size(path, problem);
    file_.open(path, std::ios::binary);
    if (problem || !file_) throw FileError(path_, "cannot be opened for reading");
    read_header();
  }

  [[nodiscard]] SafetensorsMetadata metadata() && { return std::move(header_).metadata(); }

  void read(Tensors& tensors, std::map<std::string, UnreadTensor, std::less<>>& unread, ToleratesNotFinite tolerates) {
    for (const Entry& entry : header_.entries()) {  // in the order of the data, which they cover
      Tensor tensor{entry.shape, {}};
      switch (entry.type) {
        case SafetensorsType::f32:
          tensor.values = numbers<float>(entry);
          break;
        case SafetensorsType::f64:
          tensor.values = numbers<double>(entry);
          break;
        case SafetensorsType::i64:
          tensor.values = numbers<std::int64_t>(entry);
          break;
        case SafetensorsType::f16:
          tensor.values = halves(entry, float_of_half);
          break;
        case SafetensorsType::bf16:
          tensor.values = halves(entry, float_of_bfloat16);
          break;
        case SafetensorsType::i32:
          tensor.values = integers<std::int32_t>(entry);
          break;
        case SafetensorsType::i16:
          tensor.values = integers<std::int16_t>(entry);
          break;
        case SafetensorsType::i8:
          tensor.values = integers<std::int8_t>(entry);
          break;
        case SafetensorsType::u32:
          tensor.values = integers<std::uint32_t>(entry);
          break;
        case SafetensorsType::u16:
          tensor.values = integers<std::uint16_t>(entry);
          break;
        case SafetensorsType::u8:
        case SafetensorsType::boolean:
          tensor.values = integers<std::uint8_t>(entry);
          break;
        case SafetensorsType::other:
          file_.seekg(static_cast<std::streamoff>(entry.end - entry.begin), std::ios::cur);
          unread.emplace(entry.name, UnreadTensor{entry.dtype, entry.shape});
          continue;
      }
      const auto bad = std::visit([](const auto& values) { return first_not_finite(values); }, tensor.values);
      if (bad && tolerates != nullptr && tolerates(entry.name)) {
        unread.emplace(entry.name, UnreadTensor{entry.dtype, entry.shape});
        continue;
      }
      std::visit([&](const auto& values) { require_finite(entry, values); }, tensor.values);
      tensors.emplace(entry.name, std::move(tensor));
    }
  }

 private:
  using Entry = SafetensorsEntry;

  [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, "safetensors " + problem); }

  void read_bytes(void* target, std::size_t size, const std::string& what) {
    file_.read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    const auto got = static_cast<std::size_t>(file_.gcount());
    if (got != size) fail(concat(what, ": expected ", size, " bytes but only ", got, " are left (truncated)"));
  }

  /// Throws FileError, saying what the file is, when it is a well-known file of another kind.
  void refuse_other_kinds() {
    std::string bytes(512, '\0');
    file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file_.gcount()));
    file_.clear();
    file_.seekg(0);
    // A header begins with '{' after a length below 2^32; a file of another kind has neither.
    if (bytes.size() > 8 && bytes[8] == '{' && bytes.compare(4, 4, std::string(4, '\0')) == 0) return;
    if (const std::string kind = weights_kind(bytes, path_); !kind.empty()) throw FileError(path_, kind);
  }

  void read_header() {
    refuse_other_kinds();
    std::array<unsigned char, 8> length_bytes{};
    read_bytes(length_bytes.data(), length_bytes.size(), "header length");
    const auto length = from_little_endian<std::uint64_t>(length_bytes.data());
    if (length > safetensors_maximum_header)
      fail(concat("header length: is ", length, " bytes; expected at most ", safetensors_maximum_header));
    if (length > file_size_ - length_bytes.size())
      fail(concat("header length: is ", length, " bytes but only ", file_size_ - length_bytes.size(),
                  " follow; the file is truncated or damaged"));
    std::string text(static_cast<std::size_t>(length), '\0');
    read_bytes(text.data(), text.size(), "header");
    const std::uint64_t data_size = file_size_ - length_bytes.size() - length;

    header_ = SafetensorsHeader<Json>(path_, text, data_size);
  }

  template <class T>
  [[nodiscard]] std::vector<T> numbers(const Entry& entry) {
    std::vector<T> values(entry.count());
    read_bytes(values.data(), values.size() * sizeof(T), "data of tensor " + safetensors_quoted(entry.name));
    swap_on_big_endian(std::span<T>(values));
    return values;
  }

  template <class T>
  [[nodiscard]] std::vector<std::int64_t> integers(const Entry& entry) {
    const std::vector<T> values = numbers<T>(entry);
    return {values.begin(), values.end()};
  }

  [[nodiscard]] std::vector<float> halves(const Entry& entry, float (*widen)(std::uint16_t)) {
    const std::vector<std::uint16_t> bits = numbers<std::uint16_t>(entry);
    std::vector<float> values(bits.size());
    std::transform(bits.begin(), bits.end(), values.begin(), widen);
    return values;
  }

  template <class T>
  void require_finite(const Entry& entry, const std::vector<T>& values) const {
    if (const auto bad = first_not_finite(values))
      fail(concat("tensor ", safetensors_quoted(entry.name), ", data: value ", *bad, " is ", values[*bad],
                  "; expected finite numbers"));
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t file_size_ = 0;
  SafetensorsHeader<Json> header_;
};

/// Number of bytes of a tensor's values. Throws as write_safetensors does.
template <class Json = nlohmann::json>
[[nodiscard]] std::uint64_t writable_safetensors_size(const std::string& name, const Tensor& tensor) {
  const std::string who = "write_safetensors: tensor " + safetensors_quoted<Json>(name);
  require(name != safetensors_metadata_name, who, ": this name is kept for metadata");
  require(tensor.shape.size() <= npy_maximum_dimensions, who, ": ", tensor.shape.size(),
          " dimensions; expected at most ", npy_maximum_dimensions);
  for (const Index length : tensor.shape)
    require(length >= 0, who, ": shape ", npy_shape_text(tensor.shape), " has a negative length");
  return std::visit(
      [&]<class T>(const std::vector<T>& values) -> std::uint64_t {
        const std::optional<Index> count = npy_count(tensor.shape);
        require<DimensionMismatch>(count && static_cast<std::size_t>(*count) == values.size(), who, ": shape ",
                                   npy_shape_text(tensor.shape), " does not have the ", values.size(),
                                   " elements that there are values");
        if (const auto bad = first_not_finite(values))
          throw NumericalError(concat(who, ": value ", *bad, " is ", values[*bad], "; expected finite numbers"));
        return values.size() * sizeof(T);
      },
      tensor.values);
}

}  // namespace detail

/// The contents of a safetensors file, and its path for messages.
struct SafetensorsFile {
  std::string path;
  Tensors tensors;
  SafetensorsMetadata metadata;
  std::map<std::string, UnreadTensor, std::less<>> unread = {};  ///< tensors of types that are not read

  /// The values of a tensor that must be there with this shape, converted to T: float or double (rounded where T is
  /// narrower), or std::int64_t, which takes integers only.
  /// Throws FileError, naming the tensor and what was expected, when it is missing, has another shape or another type,
  /// or a value overflows T.
  template <class T>
  [[nodiscard]] std::vector<T> values(std::string_view name, const std::vector<Index>& shape) const {
    static_assert(std::floating_point<T> || std::same_as<T, std::int64_t>,
                  "tensors are read as float, double or int64");
    const auto fail = [&](const std::string& problem) {
      throw FileError(path, detail::concat("safetensors tensor ", detail::safetensors_quoted(name), problem));
    };
    const auto found = tensors.find(name);
    if (const auto other = unread.find(name); found == tensors.end() && other != unread.end())
      fail(", dtype: is " + detail::safetensors_quoted(other->second.dtype) +
           "; expected F32, F64, F16, BF16 or integers");
    if (found == tensors.end()) fail(" is missing; expected shape " + detail::npy_shape_text(shape));
    const Tensor& tensor = found->second;
    if (tensor.shape != shape)
      fail(", shape: is " + detail::npy_shape_text(tensor.shape) + "; expected " + detail::npy_shape_text(shape));
    return std::visit(
        [&]<class Stored>(const std::vector<Stored>& stored) {
          std::vector<T> converted(stored.size());
          if constexpr (std::floating_point<Stored> && std::same_as<T, std::int64_t>)
            fail(", dtype: holds floating-point numbers; expected I64");
          else
            std::transform(stored.begin(), stored.end(), converted.begin(),
                           [](Stored value) { return static_cast<T>(value); });
          if (const auto bad = detail::first_not_finite(converted))
            fail(detail::concat(", data: value ", *bad, " is ", stored[*bad], "; expected numbers that fit the ",
                                sizeof(T) * 8, "-bit type read"));
          return converted;
        },
        tensor.values);
  }
};

namespace detail {

template <class Json = nlohmann::json>
[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path, ToleratesNotFinite tolerates) {
  SafetensorsReader<Json> reader(path);
  SafetensorsFile file{.path = path.string(), .tensors = {}, .metadata = {}};
  reader.read(file.tensors, file.unread, tolerates);
  file.metadata = std::move(reader).metadata();
  return file;
}

}  // namespace detail

/// Reads a safetensors file. F32, F64 and I64 tensors stay what they are; F16 and BF16 become float, BOOL and integers
/// of up to 32 bits std::int64_t, which loses nothing. Tensors of other types (U64, C64, F8_E4M3 and the like) are
/// listed in `unread`. The header may list the tensors in any order.
/// Throws FileError, naming the tensor, its field and what was expected, for anything else: a missing or truncated
/// file, one of another kind (PyTorch's, a zip archive, an index.json), a header longer than the file or than 100 MB,
/// bad JSON, a key that appears twice or is unknown, more than 64 dimensions or elements than memory can hold,
/// data_offsets that do not fit shape and dtype, lie beyond the file, overlap or leave bytes uncovered, a NaN or an
/// infinity.
template <class Json = nlohmann::json>
[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return detail::read_safetensors<Json>(path, nullptr);
}

/// Writes a safetensors file, atomically, byte for byte as the reference writer does: I64, then F64, then F32, in each
/// the names in order, the header padded with blanks to a multiple of eight. (It writes metadata of several entries in
/// any order; here they are sorted.)
/// Throws DimensionMismatch when values do not fill their shape, InvalidArgument for a negative length, more than 64
/// dimensions, a tensor named __metadata__, text that is not UTF-8 or a header over 100 MB, NumericalError for a value
/// that is not finite, FileError when the file cannot be written. The old file is then as it was.
template <class Json = nlohmann::ordered_json>
void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                       const SafetensorsMetadata& metadata = {}) {
  const auto text = [](const Json& json) {
    try {
      return json.dump();
    } catch (const typename Json::exception&) {
      throw InvalidArgument("write_safetensors: a name or a metadata text is not UTF-8");
    }
  };

  std::vector<const Tensors::value_type*> order;
  for (const auto& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(),
                   [](auto* a, auto* b) { return a->second.values.index() > b->second.values.index(); });

  std::string header = "{";
  if (!metadata.empty()) header += "\"__metadata__\":" + text(Json(metadata));
  std::uint64_t begin = 0;
  for (const auto* named : order) {
    const Tensor& tensor = named->second;
    const std::uint64_t end = begin + detail::writable_safetensors_size<Json>(named->first, tensor);
    constexpr std::array<const char*, 3> dtypes{"F32", "F64", "I64"};
    if (header.size() > 1) header += ',';
    header += text(Json(named->first)) + ':' +
              text(Json{{"dtype", dtypes[tensor.values.index()]},
                        {"shape", tensor.shape},
                        {"data_offsets", std::array<std::uint64_t, 2>{begin, end}}});
    begin = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  detail::require(header.size() <= detail::safetensors_maximum_header, "write_safetensors: the header has ",
                  header.size(), " bytes; expected at most ", detail::safetensors_maximum_header);

  AtomicFile file(path);
  std::array<std::uint64_t, 1> length{header.size()};
  detail::swap_on_big_endian(std::span<std::uint64_t>(length));
  file.write(std::as_bytes(std::span(length)));
  file.write(header);
  for (const auto* named : order) {
    std::visit(
        [&]<class T>(const std::vector<T>& values) {
          if constexpr (std::endian::native == std::endian::little) {
            file.write(std::as_bytes(std::span(values)));
          } else {
            std::vector<T> swapped = values;
            detail::swap_on_big_endian(std::span<T>(swapped));
            file.write(std::as_bytes(std::span(swapped)));
          }
        },
        named->second.values);
  }
  file.commit();
}

}  // namespace diffarch
