#include "diffarch/io/weights_kind.hpp"

#include "support.hpp"

using diffarch::detail::weights_kind;

TEST_CASE("Files that are given in place of safetensors files are recognised by their first bytes", "[io]") {
  const auto kind = [](const std::string& bytes, const std::string& name = "weights.safetensors") {
    return weights_kind(bytes, name);
  };
  const std::string zip("PK\x03\x04\x14\0\0\0", 8);
  CHECK_THAT(kind(zip, "a.pth"), ContainsSubstring("PyTorch file") && ContainsSubstring("save_file"));
  CHECK_THAT(kind(zip + "archive/data.pkl"), ContainsSubstring("PyTorch file"));
  CHECK_THAT(kind(zip + "arr_0.npy"), ContainsSubstring("NumPy arrays"));
  CHECK_THAT(kind(zip + "model/weights"), ContainsSubstring("a zip archive"));
  CHECK_THAT(kind(std::string("\x80\x02\x8a\x0a", 4)), ContainsSubstring("Python pickle"));
  CHECK_THAT(kind("\x93NUMPY\x01"), ContainsSubstring("NumPy array"));
  CHECK_THAT(kind("\x89HDF\r\n"), ContainsSubstring("HDF5"));
  CHECK_THAT(kind("GGUF\x03"), ContainsSubstring("GGUF"));
  CHECK_THAT(kind("\x1f\x8b\x08"), ContainsSubstring("gzip"));
  CHECK_THAT(kind("version https://git-lfs.github.com/spec/v1\n"), ContainsSubstring("git lfs pull"));
  CHECK_THAT(kind("\n<!DOCTYPE html>"), ContainsSubstring("web page"));
  CHECK_THAT(kind(R"({"weight_map": {}})"), ContainsSubstring("index of weights"));
  CHECK_THAT(kind(R"({"hidden": 3})"), ContainsSubstring("JSON"));
  CHECK(kind("").empty());
  CHECK(kind(std::string("\x10\0\0\0\0\0\0\0{", 9)).empty());
  CHECK(kind("plain text").empty());
}
