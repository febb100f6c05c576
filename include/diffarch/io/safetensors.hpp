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
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/npy.hpp"

// The safetensors format: eight bytes with the length of a JSON header (little-endian), the header, the data. Needs
// nlohmann-json (target diffarch::json). Source: "Format" in the documentation of huggingface/safetensors, and the
// checks and the order of its reference writer.

namespace diffarch {

/// A named array of a safetensors file: `values` in C order (last index fastest), one per element of `shape`. The type
/// of the values is the dtype: F32, F64 or I64. An empty shape is a single number.
struct Tensor {
  std::vector<Index> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> values;
};

/// Tensors by name, in the order of their names.
using Tensors = std::map<std::string, Tensor, std::less<>>;

/// The free text of a file: its entry __metadata__.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

namespace detail {

inline constexpr std::size_t safetensors_maximum_header = 100'000'000;  // the reference reader's own limit
inline constexpr std::string_view safetensors_metadata_name = "__metadata__";

/// A string of the file as a message can show it: in quotes, in ASCII, no longer than a line.
[[nodiscard]] inline std::string safetensors_quoted(std::string_view text) {
  using nlohmann::json;
  constexpr std::size_t longest = 80;
  return json(text.substr(0, longest)).dump(-1, ' ', true, json::error_handler_t::replace) +
         (text.size() > longest ? "..." : "");
}

enum class SafetensorsType { f32, f64, f16, bf16, i64 };

[[nodiscard]] constexpr std::size_t safetensors_item_size(SafetensorsType type) {
  if (type == SafetensorsType::f32) return 4;
  return type == SafetensorsType::f16 || type == SafetensorsType::bf16 ? 2 : 8;
}

/// IEEE 754 binary16. Every value is a float.
[[nodiscard]] inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | widened << 23U | fraction << 13U);
}

/// The upper half of a float.
[[nodiscard]] inline float float_of_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

/// Turns little-endian numbers into the host's, and back.
template <class T>
void swap_on_big_endian([[maybe_unused]] std::span<T> values) {
  if constexpr (std::endian::native == std::endian::big) {
    for (T& value : values) {
      auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
      std::reverse(bytes.begin(), bytes.end());
      value = std::bit_cast<T>(bytes);
    }
  }
}

/// Position of the first NaN or infinity, if there is one.
template <class T>
[[nodiscard]] std::optional<std::size_t> first_not_finite(const std::vector<T>& values) {
  if constexpr (std::floating_point<T>)
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i])) return i;
  return std::nullopt;
}

/// An open safetensors file. Its header is checked against the size of the file before anything of a tensor's size is
/// allocated.
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

  [[nodiscard]] SafetensorsMetadata metadata() && { return std::move(metadata_); }

  [[nodiscard]] Tensors read() {
    Tensors tensors;
    for (const Entry& entry : entries_) {  // in the order of the data, which they cover
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
      }
      std::visit([&](const auto& values) { require_finite(entry, values); }, tensor.values);
      tensors.emplace(entry.name, std::move(tensor));
    }
    return tensors;
  }

 private:
  using Json = nlohmann::json;

  struct Entry {
    std::string name;
    SafetensorsType type = SafetensorsType::f32;
    std::vector<Index> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] std::size_t count() const {
      return static_cast<std::size_t>(end - begin) / safetensors_item_size(type);
    }
  };

  [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, "safetensors " + problem); }

  [[noreturn]] void fail(const Entry& entry, std::string_view field, const std::string& problem) const {
    fail(concat("tensor ", safetensors_quoted(entry.name), ", ", field, ": ", problem));
  }

  void read_bytes(void* target, std::size_t size, const std::string& what) {
    file_.read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    const auto got = static_cast<std::size_t>(file_.gcount());
    if (got != size) fail(concat(what, ": expected ", size, " bytes but only ", got, " are left (truncated)"));
  }

  void read_header() {
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

    const Json header = parsed(text);
    for (const auto& [name, value] : header.items()) {
      if (name == safetensors_metadata_name)
        take_metadata(value);
      else
        entries_.push_back(entry(name, value, data_size));
    }
    require_covered(data_size);
  }

  /// The header as JSON: one object, at most two levels deep below it, no key twice.
  [[nodiscard]] Json parsed(const std::string& text) const {
    if (text.empty() || text.front() != '{') fail("header: does not start with '{'; expected a JSON object");
    // The parser takes a NUL for the end of its input.
    if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
      fail(concat("header: has a NUL at byte ", nul, "; expected JSON text"));
    constexpr int deepest = 2;
    std::vector<std::set<std::string, std::less<>>> keys;
    const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
      const bool starts = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
      if (starts && depth > deepest) fail("header: is nested too deeply; expected tensors by name");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second)
          fail(concat("header: the key ", safetensors_quoted(key), " appears twice"));
      }
      return true;
    };
    try {
      return Json::parse(text, check);
    } catch (const Json::parse_error& error) {
      fail(concat("header: is not JSON (byte ", error.byte, " of ", text.size(), ")"));
    } catch (const Json::exception& error) {
      fail(concat("header: ", error.what()));
    }
  }

  void take_metadata(const Json& value) {
    if (!value.is_object()) fail("__metadata__: expected an object of strings");
    for (const auto& [key, content] : value.items()) {
      if (!content.is_string()) fail(concat("__metadata__: ", safetensors_quoted(key), " is not a string"));
      metadata_.emplace(key, content.get<std::string>());
    }
  }

  [[nodiscard]] Entry entry(const std::string& name, const Json& value, std::uint64_t data_size) const {
    Entry entry;
    entry.name = name;
    if (!value.is_object()) fail(entry, "entry", "is not an object; expected dtype, shape and data_offsets");
    for (const auto& [key, ignored] : value.items())
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail(entry, "entry",
             concat("unknown key ", safetensors_quoted(key), "; expected dtype, shape and data_offsets"));
    entry.type = type(entry, value);
    entry.shape = shape(entry, value);
    std::tie(entry.begin, entry.end) = offsets(entry, value);

    if (entry.begin > entry.end)
      fail(entry, "data_offsets", concat("begin at ", entry.begin, " and end before it, at ", entry.end));
    if (entry.end > data_size)
      fail(entry, "data_offsets",
           concat("end at byte ", entry.end, " of the data but there are ", data_size,
                  "; the file is truncated or damaged"));
    const std::optional<Index> count = npy_count(entry.shape);
    if (!count) fail(entry, "shape", concat(npy_shape_text(entry.shape), " has more elements than memory can hold"));
    const std::uint64_t expected = static_cast<std::uint64_t>(*count) * safetensors_item_size(entry.type);
    if (entry.end - entry.begin != expected)
      fail(entry, "data_offsets",
           concat("hold ", entry.end - entry.begin, " bytes; expected ", expected, " for ", npy_shape_text(entry.shape),
                  " of ", value.at("dtype").get_ref<const std::string&>()));
    return entry;
  }

  [[nodiscard]] const Json& field(const Entry& entry, const Json& value, const char* name) const {
    const auto found = value.find(name);
    if (found == value.end()) fail(entry, name, "is missing");
    return *found;
  }

  [[nodiscard]] SafetensorsType type(const Entry& entry, const Json& value) const {
    const Json& dtype = field(entry, value, "dtype");
    if (!dtype.is_string()) fail(entry, "dtype", "is not a string");
    const auto& name = dtype.get_ref<const std::string&>();
    if (name == "F32") return SafetensorsType::f32;
    if (name == "F64") return SafetensorsType::f64;
    if (name == "F16") return SafetensorsType::f16;
    if (name == "BF16") return SafetensorsType::bf16;
    if (name == "I64") return SafetensorsType::i64;
    fail(entry, "dtype", concat(safetensors_quoted(name), " is not supported; expected F32, F64, F16, BF16 or I64"));
  }

  [[nodiscard]] std::vector<Index> shape(const Entry& entry, const Json& value) const {
    const Json& lengths = field(entry, value, "shape");
    if (!lengths.is_array()) fail(entry, "shape", "is not a list");
    if (lengths.size() > npy_maximum_dimensions)
      fail(entry, "shape", concat("has ", lengths.size(), " dimensions; expected at most ", npy_maximum_dimensions));
    std::vector<Index> shape;
    for (const Json& length : lengths) {
      if (!length.is_number_unsigned()) fail(entry, "shape", "expected lengths that are non-negative integers");
      if (length.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
        fail(entry, "shape", "a length is too large");
      shape.push_back(length.get<Index>());
    }
    return shape;
  }

  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> offsets(const Entry& entry, const Json& value) const {
    const Json& pair = field(entry, value, "data_offsets");
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned())
      fail(entry, "data_offsets", "expected [begin, end], two non-negative integers");
    return {pair[0].get<std::uint64_t>(), pair[1].get<std::uint64_t>()};
  }

  /// Sorts the entries by their place in the data, which they must cover without gap or overlap.
  void require_covered(std::uint64_t data_size) {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::uint64_t covered = 0;
    for (const Entry& entry : entries_) {
      if (entry.begin != covered)
        fail(entry, "data_offsets",
             concat("begin at byte ", entry.begin, " of the data", entry.begin < covered ? " (an overlap)" : " (a gap)",
                    "; expected ", covered, ", where the tensor before it ends"));
      covered = entry.end;
    }
    if (covered != data_size)
      fail(concat("data: ", data_size, " bytes follow the header; expected ", covered, " for its tensors"));
  }

  template <class T>
  [[nodiscard]] std::vector<T> numbers(const Entry& entry) {
    std::vector<T> values(entry.count());
    read_bytes(values.data(), values.size() * sizeof(T), "data of tensor " + safetensors_quoted(entry.name));
    swap_on_big_endian(std::span<T>(values));
    return values;
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
      fail(entry, "data", concat("value ", *bad, " is ", values[*bad], "; expected finite numbers"));
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t file_size_ = 0;
  std::vector<Entry> entries_;
  SafetensorsMetadata metadata_;
};

/// Number of bytes of a tensor's values. Throws as write_safetensors does.
[[nodiscard]] inline std::uint64_t writable_safetensors_size(const std::string& name, const Tensor& tensor) {
  const std::string who = "write_safetensors: tensor " + safetensors_quoted(name);
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

/// What a safetensors file holds, and its path for messages.
struct SafetensorsFile {
  std::string path;
  Tensors tensors;
  SafetensorsMetadata metadata;

  /// The values of a tensor that must be there with this shape, converted to T: float or double (rounded where T is
  /// narrower), or std::int64_t, which takes I64 only.
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

/// Reads a safetensors file of F32, F64, F16, BF16 and I64 tensors; F16 and BF16 become float, which loses nothing. The
/// header may list the tensors in any order.
/// Throws FileError, naming the tensor, its field and what was expected, for anything else: a missing or truncated
/// file, a header longer than the file or than 100 MB, bad JSON, a key that appears twice or is unknown, another dtype,
/// more than 64 dimensions or elements than memory can hold, data_offsets that do not fit shape and dtype, lie beyond
/// the file, overlap or leave bytes uncovered, a NaN or an infinity.
[[nodiscard]] inline SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  detail::SafetensorsReader reader(path);
  SafetensorsFile file{path.string(), reader.read(), {}};
  file.metadata = std::move(reader).metadata();
  return file;
}

/// Writes a safetensors file, atomically, byte for byte as the reference writer does: I64, then F64, then F32, in each
/// the names in order, the header padded with blanks to a multiple of eight. (It writes metadata of several entries in
/// any order; here they are sorted.)
/// Throws DimensionMismatch when values do not fill their shape, InvalidArgument for a negative length, more than 64
/// dimensions, a tensor named __metadata__, text that is not UTF-8 or a header over 100 MB, NumericalError for a value
/// that is not finite, FileError when the file cannot be written. The old file is then as it was.
inline void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                              const SafetensorsMetadata& metadata = {}) {
  using Json = nlohmann::ordered_json;
  const auto text = [](const Json& json) {
    try {
      return json.dump();
    } catch (const Json::exception&) {
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
    const std::uint64_t end = begin + detail::writable_safetensors_size(named->first, tensor);
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
