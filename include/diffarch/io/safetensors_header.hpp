#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/io/npy_header.hpp"

// The tensors that the JSON header of a safetensors file lists. Needs nlohmann-json (target diffarch::json).

namespace diffarch {

/// The free text of a file: its entry __metadata__.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

namespace detail {

inline constexpr std::size_t safetensors_maximum_header = 100'000'000;  // the reference reader's own limit
inline constexpr std::string_view safetensors_metadata_name = "__metadata__";

// The functions and classes below take the type of JSON as a template parameter, so that only programs that call them
// instantiate nlohmann-json.

/// A string of the file as a message can show it: in quotes, in ASCII, no longer than a line.
template <class Json = nlohmann::json>
[[nodiscard]] std::string safetensors_quoted(std::string_view text) {
  constexpr std::size_t longest = 80;
  return Json(text.substr(0, longest)).dump(-1, ' ', true, Json::error_handler_t::replace) +
         (text.size() > longest ? "..." : "");
}

/// The types whose numbers are read; `other`: any other one, whose tensors are only listed.
enum class SafetensorsType { f32, f64, f16, bf16, i64, i32, i16, i8, u32, u16, u8, boolean, other };

/// A dtype, and how many bytes a number has; 0: not known, or no whole number of bytes.
struct SafetensorsDtype {
  std::string_view name;
  SafetensorsType type;
  std::size_t item_size;
};

inline constexpr std::array<SafetensorsDtype, 17> safetensors_dtypes{{
    {"F32", SafetensorsType::f32, 4},
    {"F64", SafetensorsType::f64, 8},
    {"F16", SafetensorsType::f16, 2},
    {"BF16", SafetensorsType::bf16, 2},
    {"I64", SafetensorsType::i64, 8},
    {"I32", SafetensorsType::i32, 4},
    {"I16", SafetensorsType::i16, 2},
    {"I8", SafetensorsType::i8, 1},
    {"U32", SafetensorsType::u32, 4},
    {"U16", SafetensorsType::u16, 2},
    {"U8", SafetensorsType::u8, 1},
    {"BOOL", SafetensorsType::boolean, 1},
    {"U64", SafetensorsType::other, 8},
    {"C64", SafetensorsType::other, 8},
    {"F8_E4M3", SafetensorsType::other, 1},
    {"F8_E5M2", SafetensorsType::other, 1},
    {"F8_E8M0", SafetensorsType::other, 1},
}};

[[nodiscard]] inline SafetensorsDtype safetensors_dtype(std::string_view name) {
  for (const SafetensorsDtype& known : safetensors_dtypes)
    if (known.name == name) return known;
  return {name, SafetensorsType::other, 0};
}

/// A tensor that a header lists: bytes `begin` to `end` of the data.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  SafetensorsType type = SafetensorsType::f32;
  std::size_t item_size = 4;
  std::vector<Index> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  /// The number of elements, for a type that is read.
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(end - begin) / item_size; }
};

/// The tensors that a header lists, checked: they cover `data_size` bytes of data without gap or overlap, so that each
/// can be read without any further bound. Throws FileError, naming the file, the tensor and the field.
template <class Json = nlohmann::json>
class SafetensorsHeader {
 public:
  using Entry = SafetensorsEntry;

  SafetensorsHeader() = default;
  SafetensorsHeader(std::string path, const std::string& text, std::uint64_t data_size) : path_(std::move(path)) {
    const Json header = parsed(text);
    for (const auto& [name, value] : header.items()) {
      if (name == safetensors_metadata_name)
        take_metadata(value);
      else
        entries_.push_back(entry(name, value, data_size));
    }
    require_covered(data_size);
  }

  /// In the order of the data.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] SafetensorsMetadata metadata() && { return std::move(metadata_); }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, "safetensors " + problem); }

  [[noreturn]] void fail(const Entry& entry, std::string_view field, const std::string& problem) const {
    fail(concat("tensor ", safetensors_quoted(entry.name), ", ", field, ": ", problem));
  }

  /// The header as JSON: one object, at most two levels deep below it, no key twice.
  [[nodiscard]] Json parsed(const std::string& text) const {
    if (text.empty() || text.front() != '{') fail("header: does not start with '{'; expected a JSON object");
    // The parser takes a NUL for the end of its input.
    if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
      fail(concat("header: has a NUL at byte ", nul, "; expected JSON text"));
    constexpr int deepest = 2;
    std::vector<std::set<std::string, std::less<>>> keys;
    const auto check = [&](int depth, typename Json::parse_event_t event, Json& value) {
      const bool starts = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
      if (starts && depth > deepest) fail("header: is nested too deeply; expected tensors by name");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& key = value.template get_ref<const std::string&>();
        if (!keys.back().insert(key).second)
          fail(concat("header: the key ", safetensors_quoted(key), " appears twice"));
      }
      return true;
    };
    try {
      return Json::parse(text, check);
    } catch (const typename Json::parse_error& error) {
      fail(concat("header: is not JSON (byte ", error.byte, " of ", text.size(), ")"));
    } catch (const typename Json::exception& error) {
      fail(concat("header: ", error.what()));
    }
  }

  void take_metadata(const Json& value) {
    if (!value.is_object()) fail("__metadata__: expected an object of strings");
    for (const auto& [key, content] : value.items()) {
      if (!content.is_string()) fail(concat("__metadata__: ", safetensors_quoted(key), " is not a string"));
      metadata_.emplace(key, content.template get<std::string>());
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
    take_dtype(entry, value);
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
    const std::uint64_t expected = static_cast<std::uint64_t>(*count) * entry.item_size;
    if (entry.item_size != 0 && entry.end - entry.begin != expected)
      fail(entry, "data_offsets",
           concat("hold ", entry.end - entry.begin, " bytes; expected ", expected, " for ", npy_shape_text(entry.shape),
                  " of ", entry.dtype));
    return entry;
  }

  [[nodiscard]] const Json& field(const Entry& entry, const Json& value, const char* name) const {
    const auto found = value.find(name);
    if (found == value.end()) fail(entry, name, "is missing");
    return *found;
  }

  void take_dtype(Entry& entry, const Json& value) const {
    const Json& dtype = field(entry, value, "dtype");
    if (!dtype.is_string()) fail(entry, "dtype", "is not a string");
    entry.dtype = dtype.template get_ref<const std::string&>();
    const SafetensorsDtype known = safetensors_dtype(entry.dtype);
    entry.type = known.type;
    entry.item_size = known.item_size;
  }

  [[nodiscard]] std::vector<Index> shape(const Entry& entry, const Json& value) const {
    const Json& lengths = field(entry, value, "shape");
    if (!lengths.is_array()) fail(entry, "shape", "is not a list");
    if (lengths.size() > npy_maximum_dimensions)
      fail(entry, "shape", concat("has ", lengths.size(), " dimensions; expected at most ", npy_maximum_dimensions));
    std::vector<Index> shape;
    for (const Json& length : lengths) {
      if (!length.is_number_unsigned()) fail(entry, "shape", "expected lengths that are non-negative integers");
      if (length.template get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
        fail(entry, "shape", "a length is too large");
      shape.push_back(length.template get<Index>());
    }
    return shape;
  }

  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> offsets(const Entry& entry, const Json& value) const {
    const Json& pair = field(entry, value, "data_offsets");
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned())
      fail(entry, "data_offsets", "expected [begin, end], two non-negative integers");
    return {pair[0].template get<std::uint64_t>(), pair[1].template get<std::uint64_t>()};
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

  std::string path_;
  std::vector<Entry> entries_;
  SafetensorsMetadata metadata_;
};

}  // namespace detail
}  // namespace diffarch
