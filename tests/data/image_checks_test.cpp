#include "diffarch/data/image_checks.hpp"

#include "data/fixtures.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace diffarch {
namespace {

TEST_CASE("A JPEG tells what its colours are", "[data]") {
  const auto colours = [](const std::string& name) {
    const auto path = test::data_fixture(name);
    return detail::check_jpeg(path.string(), detail::read_image_bytes(path));
  };
  REQUIRE(colours("cmyk.jpg").component_ids.size() == 4);
  REQUIRE(colours("cmyk.jpg").adobe_transform > 0);
  REQUIRE(colours("cmyk_no_marker.jpg").adobe_transform == 0);
  REQUIRE(colours("ycc_by_jfif.jpg").jfif);
  REQUIRE_FALSE(colours("rgb_by_name.jpg").jfif);
  REQUIRE(colours("rgb_by_name.jpg").scan_ids.size() == 3);
}

TEST_CASE("Kinds of JPEG that cannot be decoded are refused by name", "[data]") {
  const auto refusal = [](std::size_t offset, char value) {
    const test::TemporaryFolder folder;
    std::string file = test::file_content(test::data_fixture("ycc_by_jfif.jpg"));
    const std::size_t frame = file.find("\xff\xc0");
    REQUIRE(frame != std::string::npos);
    file[frame + offset] = value;
    const auto path = test::put_file(folder / "a.jpg", file);
    return test::message_of<FileError>([&] { detail::check_jpeg("a.jpg", detail::read_image_bytes(path)); });
  };
  REQUIRE_THAT(refusal(1, '\xc3'), ContainsSubstring("a.jpg: JPEG: is lossless-coded, which is not supported"));
  REQUIRE_THAT(refusal(1, '\xc9'), ContainsSubstring("is arithmetic-coded"));
  REQUIRE_THAT(refusal(1, '\xc5'), ContainsSubstring("is hierarchical-coded"));
  REQUIRE_THAT(refusal(4, 12), ContainsSubstring("has 12 bits for a value; expected 8"));
  REQUIRE_THAT(refusal(9, 2), ContainsSubstring("has 2 components; expected 1 (gray), 3 (colour) or 4 (CMYK)"));
}

}  // namespace
}  // namespace diffarch
