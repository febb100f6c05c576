#include "diffarch/io/npy_header.hpp"

#include "support.hpp"

using namespace diffarch;
using diffarch::test::message_of;

TEST_CASE("A .npy header is parsed in any order of its keys", "[io]") {
  detail::NpyHeaderParser parser("file", "{'shape': (2, 3), \"descr\": '<f4', 'fortran_order': True}  \n");
  parser.parse();
  REQUIRE(parser.descr == "<f4");
  REQUIRE(parser.fortran_order);
  REQUIRE(parser.shape == std::vector<Index>{2, 3});

  const auto refusal = [](const std::string& text) {
    return message_of<FileError>([&] { detail::NpyHeaderParser("file", text).parse(); });
  };
  REQUIRE_THAT(refusal("{'shape': (2, x)}"), ContainsSubstring("file") && ContainsSubstring("npy shape (byte 14 of"));
  REQUIRE_THAT(refusal("{'descr': [('a', '<f4')]}"), ContainsSubstring("is a structured dtype"));
}

TEST_CASE("Shapes are counted, unless memory could not hold them, and spelt as in Python", "[io]") {
  REQUIRE(detail::npy_count({}) == 1);
  REQUIRE(detail::npy_count({3, 4}) == 12);
  REQUIRE(detail::npy_count({Index{1} << 40, 0, Index{1} << 40}) == std::nullopt);
  REQUIRE(detail::npy_count({Index{1} << 40, 0, 7}) == 0);
  REQUIRE(detail::npy_count({Index{1} << 40, Index{1} << 40}) == std::nullopt);
  REQUIRE(detail::npy_shape_text({}) == "()");
  REQUIRE(detail::npy_shape_text({2}) == "(2,)");
  REQUIRE(detail::npy_shape_text({2, 3}) == "(2, 3)");
}
