#include "diffarch/io/safetensors_header.hpp"

#include "support.hpp"

using namespace diffarch;
using diffarch::test::message_of;

namespace {

std::string header_refusal(const std::string& text, std::uint64_t data_size) {
  return message_of<FileError>([&] { static_cast<void>(detail::SafetensorsHeader("file", text, data_size)); });
}

}  // namespace

TEST_CASE("A header lists its tensors in the order of the data, and its metadata", "[io]") {
  detail::SafetensorsHeader header(
      "file",
      R"({"b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},"__metadata__":{"k":"v"},)"
      R"("a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})",
      20);
  REQUIRE(header.entries().size() == 2);
  REQUIRE(header.entries()[0].name == "a");
  REQUIRE(header.entries()[0].count() == 1);
  REQUIRE(header.entries()[1].type == detail::SafetensorsType::f16);
  REQUIRE(header.entries()[1].shape == std::vector<Index>{2, 3});
  REQUIRE(header.entries()[1].count() == 6);
  REQUIRE(std::move(header).metadata().at("k") == "v");
}

TEST_CASE("An entry of a safetensors header is refused with its field", "[io]") {
  const auto entry = [&](const std::string& fields, const std::string& reason) {
    CHECK_THAT(header_refusal("{\"w\":{" + fields + "}}", 8), ContainsSubstring("safetensors tensor \"w\", " + reason));
  };
  entry(R"("shape":[2],"data_offsets":[0,8])", "dtype: is missing");
  entry(R"("dtype":"F32","data_offsets":[0,8])", "shape: is missing");
  entry(R"("dtype":"F32","shape":[2])", "data_offsets: is missing");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)", "entry: unknown key \"x\"");
  entry(R"("dtype":4,"shape":[2],"data_offsets":[0,8])", "dtype: is not a string");
  entry(R"("dtype":"I32","shape":[3],"data_offsets":[0,8])", "data_offsets: hold 8 bytes; expected 12 for (3,) of I32");
  entry(R"("dtype":"F8_E4M3","shape":[3],"data_offsets":[0,8])",
        "data_offsets: hold 8 bytes; expected 3 for (3,) of F8");
  entry(R"("dtype":"F32","shape":2,"data_offsets":[0,8])", "shape: is not a list");
  entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])", "shape: expected lengths that are non-negative");
  entry(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])", "shape: expected lengths that are non-negative");
  entry(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])", "shape: expected lengths that are non-negative");
  entry(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])", "shape: a length is too large");
  entry(R"("dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8])",
        "shape: (4294967296, 4294967296, 2) has more elements than memory can hold");
  std::string many = R"("dtype":"F32","data_offsets":[0,8],"shape":[2)";
  for (int i = 0; i < 64; ++i) many += ",1";
  entry(many + "]", "shape: has 65 dimensions; expected at most 64");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":[0])", "data_offsets: expected [begin, end]");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,-8])", "data_offsets: expected [begin, end]");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":{})", "data_offsets: expected [begin, end]");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", "data_offsets: begin at 8 and end before it, at 0");
  entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])",
        "data_offsets: end at byte 12 of the data but there are 8; the file is truncated");
  entry(R"("dtype":"F32","shape":[2],"data_offsets":[18446744073709551612,4])", "data_offsets: begin at");
  entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])", "data_offsets: hold 8 bytes; expected 4 for (1,) of F32");
  entry(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])", "data_offsets: hold 8 bytes; expected 16 for (2,) of F64");
  entry(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", "data_offsets: begin at byte 4 of the data (a gap)");
  CHECK_THAT(header_refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9),
             ContainsSubstring("safetensors data: 9 bytes follow the header; expected 8 for its tensors"));
}

TEST_CASE("Tensors may be listed in any order but must cover the data once", "[io]") {
  const auto two = [&](const std::string& a, const std::string& b) {
    return header_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + a +
                              "},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + b + "}}",
                          16);
  };
  CHECK(two("[8,16]", "[0,8]") == "no exception");
  CHECK_THAT(two("[0,8]", "[4,12]"),
             ContainsSubstring("tensor \"b\", data_offsets: begin at byte 4 of the data (an overlap); expected 8"));
  CHECK_THAT(two("[0,8]", "[0,8]"), ContainsSubstring("(an overlap); expected 8"));
}
