#include "diffarch/io/safetensors.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "support.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::message_of;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

namespace {

std::filesystem::path safetensors_fixture(const std::string& name) {
  return std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / (name + ".safetensors");
}

/// A file with the given header, its length as it is, and that many bytes of data.
std::string safetensors_bytes(const std::string& header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255U);
  return bytes + header + std::string(data, '\0');
}

std::string safetensors_refusal(const TemporaryFolder& folder, std::string_view content) {
  const auto path = put_file(folder / "bad.safetensors", content);
  return message_of<FileError>([&] { static_cast<void>(read_safetensors(path)); });
}

/// What written.safetensors holds: see safetensors_reference.py.
Tensors tensors_of_reference() {
  return {
      {"encoder.0.0.weight", {{2, 3}, std::vector<float>{1.5F, -2.25F, 3.125F, 0.1F, 1e-30F, -0.0F}}},
      {"bn.running_var", {{2}, std::vector<float>{0.25F, 4.0F}}},
      {"bn.num_batches_tracked", {{}, std::vector<std::int64_t>{(std::int64_t{1} << 53) + 1}}},
      {"double", {{1, 2, 3}, std::vector<double>{0.0, 1.0 / 3, 2.0 / 3, 1.0, 4.0 / 3, 5.0 / 3}}},
      {"empty", {{0, 5}, std::vector<float>{}}},
      {"\u00e9 \"quoted\"", {{2}, std::vector<double>{5e-324, -1e300}}},
  };
}

const SafetensorsMetadata metadata_of_reference{{"format", "pt"}, {"note", "caf\u00e9"}};

/// Same names, shapes, types and bits.
bool same_tensors(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    if (x.first != y.first || x.second.shape != y.second.shape || x.second.values.index() != y.second.values.index())
      return false;
    return std::visit(
        [&]<class T>(const std::vector<T>& values) {
          const auto& other = std::get<std::vector<T>>(y.second.values);
          return values.size() == other.size() &&
                 (values.empty() || std::memcmp(values.data(), other.data(), values.size() * sizeof(T)) == 0);
        },
        x.second.values);
  });
}

}  // namespace

TEST_CASE("write_safetensors writes the bytes of the reference layout, and they are read back", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder / "weights.safetensors";
  write_safetensors(path, tensors_of_reference(), metadata_of_reference);
  REQUIRE(file_content(path) == file_content(safetensors_fixture("written")));
  REQUIRE(folder.entries() == 1);

  const SafetensorsFile file = read_safetensors(path);
  REQUIRE(same_tensors(file.tensors, tensors_of_reference()));
  REQUIRE(file.metadata == metadata_of_reference);
  REQUIRE(file.path == path.string());
}

TEST_CASE("read_safetensors reads every type, halves as float", "[io]") {
  const Tensors tensors = read_safetensors(safetensors_fixture("every_type")).tensors;
  REQUIRE(
      same_tensors(tensors, {
                                {"f16", {{6}, std::vector<float>{1.0F, -2.5F, 0x1p-24F, 65504.0F, -0.0F, 0x1p-14F}}},
                                {"bf16", {{4}, std::vector<float>{1.0F, -3.140625F, 0x1p-133F, 0x1p127F}}},
                                {"i64", {{2}, std::vector<std::int64_t>{-1, std::int64_t{1} << 62}}},
                                {"f32", {{2, 1}, std::vector<float>{0.1F, 2.0F}}},
                                {"f64", {{2}, std::vector<double>{0.1, -1e300}}},
                            }));
}

TEST_CASE("A tensor of another type does not make a file unreadable", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder / "mixed.safetensors";
  // Eight bytes of the tensor in question, then one f32.
  const auto read_with = [&](const std::string& dtype, int count, const std::string& bytes) {
    const std::string header = R"({"mask":{"dtype":")" + dtype + R"(","shape":[)" + std::to_string(count) +
                               R"(],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
    put_file(path, safetensors_bytes(header, 0) + bytes + std::string("\0\0\xc0\x3f", 4));
    SafetensorsFile file = read_safetensors(path);
    CHECK(file.values<float>("a", {1}) == std::vector<float>{1.5F});
    return file;
  };
  const auto integers = [&](const std::string& dtype, const std::string& bytes,
                            const std::vector<std::int64_t>& right) {
    CAPTURE(dtype);
    const auto count = static_cast<Index>(right.size());
    CHECK(read_with(dtype, static_cast<int>(count), bytes).values<std::int64_t>("mask", {count}) == right);
  };
  const std::string bytes("\x01\0\0\x80\xff\xff\xff\xff", 8);
  integers("BOOL", std::string("\0\1\0\1\0\0\0\1", 8), {0, 1, 0, 1, 0, 0, 0, 1});
  integers("U8", bytes, {1, 0, 0, 128, 255, 255, 255, 255});
  integers("I8", bytes, {1, 0, 0, -128, -1, -1, -1, -1});
  integers("U16", bytes, {1, 32768, 65535, 65535});
  integers("I16", bytes, {1, -32768, -1, -1});
  integers("U32", bytes, {2147483649, 4294967295});
  integers("I32", bytes, {-2147483647, -1});
  for (const auto& [dtype, count] : {std::pair<const char*, int>{"U64", 1},
                                     {"C64", 1},
                                     {"F8_E4M3", 8},
                                     {"F8_E5M2", 8},
                                     {"F4", 16},
                                     {"OF_A_LATER_YEAR", 3}}) {
    CAPTURE(dtype);
    const SafetensorsFile file = read_with(dtype, count, bytes);
    CHECK_FALSE(file.tensors.contains("mask"));
    CHECK(file.unread.at("mask").dtype == dtype);
    CHECK_THAT(message_of<FileError>([&] { static_cast<void>(file.values<float>("mask", {Index{count}})); }),
               ContainsSubstring("tensor \"mask\", dtype: is \"" + std::string(dtype) + "\"; expected F32, F64"));
  }
}

TEST_CASE("A file of another kind is named as what it is", "[io]") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& name, const std::string& content) {
    const auto path = put_file(folder / name, content);
    const std::string message = message_of<FileError>([&] { static_cast<void>(read_safetensors(path)); });
    CHECK(message.starts_with(path.string() + ": is "));
    return message;
  };
  CHECK_THAT(refusal("weights.pt", "PK\x03\x04" + std::string(60, '\0')),
             ContainsSubstring("is a PyTorch file (a zip"));
  CHECK_THAT(refusal("weights", "PK\x03\x04" + std::string(26, '\0') + "archive/data.pkl" + std::string(60, '\0')),
             ContainsSubstring("is a PyTorch file (a zip") && ContainsSubstring("safetensors.torch.save_file"));
  CHECK_THAT(refusal("model.safetensors.index.json", R"({"metadata": {}, "weight_map": {"a": "b"}})"),
             ContainsSubstring("is the index of weights in several files"));
}

TEST_CASE("A file without tensors is written and read", "[io]") {
  const TemporaryFolder folder;
  write_safetensors(folder / "none.safetensors", {});
  REQUIRE(file_content(folder / "none.safetensors") == safetensors_bytes("{}      ", 0));
  REQUIRE(read_safetensors(folder / "none.safetensors").tensors.empty());
}

TEST_CASE("values finds a tensor of the expected shape and converts it", "[io]") {
  const SafetensorsFile file = read_safetensors(safetensors_fixture("every_type"));
  REQUIRE(file.values<double>("f32", {2, 1}) == std::vector<double>{double{0.1F}, 2.0});
  REQUIRE(file.values<std::int64_t>("i64", {2}) == std::vector<std::int64_t>{-1, std::int64_t{1} << 62});
  REQUIRE(file.values<float>("i64", {2}) == std::vector<float>{-1.0F, 0x1p62F});

  const auto refusal = [&]<class T>(T, const std::string& name, const std::vector<Index>& shape) {
    return message_of<FileError>([&] { static_cast<void>(file.values<T>(name, shape)); });
  };
  CHECK_THAT(refusal(1.0F, "f33", {2, 1}),
             ContainsSubstring("every_type.safetensors: safetensors tensor \"f33\" is missing; expected shape (2, 1)"));
  CHECK_THAT(refusal(1.0F, "f32", {2}), ContainsSubstring("tensor \"f32\", shape: is (2, 1); expected (2,)"));
  CHECK_THAT(refusal(1.0F, "f64", {2}), ContainsSubstring("value 1 is -1e+300; expected numbers that fit the 32-bit"));
  CHECK_THAT(refusal(std::int64_t{1}, "f32", {2, 1}), ContainsSubstring("floating-point numbers; expected I64"));
}

TEST_CASE("write_safetensors refuses what read_safetensors would not read and leaves the old file", "[io]") {
  const TemporaryFolder folder;
  const auto path = put_file(folder / "a.safetensors", "old");
  const auto write = [&](const std::string& name, Tensor tensor) {
    return [&path, named = Tensors{{name, std::move(tensor)}}] { write_safetensors(path, named); };
  };
  const std::vector<float> one{1.0F};
  CHECK_THAT(message_of<DimensionMismatch>(write("w", {{2, 2}, one})),
             ContainsSubstring("write_safetensors: tensor \"w\": shape (2, 2) does not have the 1 elements"));
  CHECK_THAT(message_of<DimensionMismatch>(write("w", {{Index{1} << 40, Index{1} << 40}, one})),
             ContainsSubstring("does not have"));
  CHECK_THAT(message_of<InvalidArgument>(write("w", {{-1}, one})), ContainsSubstring("negative length"));
  CHECK_THAT(message_of<InvalidArgument>(write("w", {std::vector<Index>(65, 1), one})),
             ContainsSubstring("65 dimensions; expected at most 64"));
  CHECK_THAT(message_of<InvalidArgument>(write("__metadata__", {{1}, one})), ContainsSubstring("kept for metadata"));
  CHECK_THAT(message_of<InvalidArgument>(write("\xff", {{1}, one})), ContainsSubstring("not UTF-8"));
  CHECK_THAT(message_of<NumericalError>(write("w", {{2}, std::vector<float>{1.0F, std::nanf("")}})),
             ContainsSubstring("tensor \"w\": value 1 is nan; expected finite"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               write_safetensors(path, {}, {{"key", "\xff"}});
             }),
             ContainsSubstring("not UTF-8"));
  REQUIRE(file_content(path) == "old");
  REQUIRE(folder.entries() == 1);
}

TEST_CASE("read_safetensors names a missing file and a folder", "[io]") {
  const TemporaryFolder folder;
  const auto read = [](const std::filesystem::path& path) {
    return message_of<FileError>([&] { static_cast<void>(read_safetensors(path)); });
  };
  CHECK_THAT(read(folder / "none.safetensors"), ContainsSubstring("none.safetensors: does not exist"));
  CHECK_THAT(read(folder.path()), ContainsSubstring("is not a file"));
}

TEST_CASE("A damaged safetensors header is refused with what was expected", "[io]") {
  const TemporaryFolder folder;
  const auto refused = [&](std::string_view content, const std::string& reason) {
    CHECK_THAT(safetensors_refusal(folder, content),
               ContainsSubstring("bad.safetensors: safetensors ") && ContainsSubstring(reason));
  };
  refused("", "header length: expected 8 bytes but only 0 are left (truncated)");
  refused(std::string("\x09\0\0\0\0\0\0\0{}", 10), "header length: is 9 bytes but only 2 follow");
  refused(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10), "is 100000001 bytes; expected at most 100000000");
  refused(std::string(8, '\xff') + "{}", "is 18446744073709551615 bytes; expected at most 100000000");
  const auto header = [&](const std::string& text, const std::string& reason) {
    refused(safetensors_bytes(text, 8), reason);
  };
  header("", "header: does not start with '{'");
  header(" {}", "header: does not start with '{'");
  header("{\"a\":", "header: is not JSON (byte 6 of 5)");
  header("{} {}", "header: is not JSON");
  header("{\"\xff\":1}", "header: is not JSON");
  header(std::string("{}\0", 3), "header: has a NUL at byte 2");
  header("{\"a\":[[[1]]]}", "header: is nested too deeply");
  header("{\"a\":" + std::string(100000, '['), "header: is nested too deeply");

  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  REQUIRE(safetensors_refusal(folder, safetensors_bytes("{\"a\":" + good + "}", 8)) == "no exception");
  header("{\"a\":" + good + ",\"a\":" + good + "}", "header: the key \"a\" appears twice");
  header(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "the key \"dtype\" appears twice");
  header("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\"a\":" + good + "}", "the key \"k\" appears twice");
  header("{\"__metadata__\":{\"k\":1},\"a\":" + good + "}", "__metadata__: \"k\" is not a string");
  header("{\"__metadata__\":[],\"a\":" + good + "}", "__metadata__: expected an object of strings");
  header("{\"" + std::string(1000, 'n') + "\":1}",
         "tensor \"" + std::string(80, 'n') + "\"..., entry: is not an object");
  header("{\"\\n\u00e9\":1}", R"(tensor "\n\u00e9", entry: is not an object)");
}

TEST_CASE("A safetensors value that is not finite is refused with its tensor", "[io]") {
  const TemporaryFolder folder;
  const auto with_data = [&](const std::string& dtype, int item, const std::string& data) {
    return safetensors_refusal(
        folder, safetensors_bytes("{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":[2],\"data_offsets\":[0," +
                                      std::to_string(2 * item) + "]}}",
                                  0) +
                    std::string(static_cast<std::size_t>(item), '\0') + data);
  };
  CHECK_THAT(with_data("F32", 4, std::string("\0\0\x80\x7f", 4)),
             ContainsSubstring("tensor \"w\", data: value 1 is inf; expected finite numbers"));
  CHECK_THAT(with_data("F64", 8, std::string("\0\0\0\0\0\0\xf8\x7f", 8)), ContainsSubstring("value 1 is nan"));
  CHECK_THAT(with_data("F16", 2, std::string("\0\xfc", 2)), ContainsSubstring("value 1 is -inf"));
  CHECK_THAT(with_data("BF16", 2, std::string("\xc0\x7f", 2)), ContainsSubstring("value 1 is nan"));
  CHECK(with_data("I64", 8, std::string(8, '\xff')) == "no exception");
}

TEST_CASE("No change of one byte of a safetensors file and no truncation does worse than FileError", "[io]") {
  const TemporaryFolder folder;
  for (const char* name : {"written", "every_type"}) {
    const std::string whole = file_content(safetensors_fixture(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(name, size);
      // Cutting the header or the data is always noticed.
      REQUIRE_THAT(safetensors_refusal(folder, whole.substr(0, size)),
                   ContainsSubstring("bad.safetensors: safetensors "));
    }
    std::size_t refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (const unsigned change : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 255U}) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ change);
        const std::string message = safetensors_refusal(folder, damaged);
        CAPTURE(name, i, change, message);
        if (message != "no exception") {
          ++refused;
          REQUIRE_THAT(message, ContainsSubstring("bad.safetensors: safetensors "));
        }
      }
    CHECK(refused > whole.size());
  }
}
