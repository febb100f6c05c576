#include "diffarch/io/npy_reader.hpp"

#include <sstream>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("An array is read from a stream of known length", "[io]") {
  const std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2L, 3L), }\n";
  const std::string file = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header +
                           std::string("\0\3\1\4\2\5", 6);
  const auto open = [&](std::size_t size) {
    return detail::NpyReader("name", std::make_unique<std::istringstream>(file.substr(0, size)), size);
  };
  detail::NpyReader reader = open(file.size());
  REQUIRE(reader.shape() == std::vector<Index>{2, 3});
  std::vector<double> values(6);
  reader.read(values.data());
  REQUIRE(values == std::vector<double>{0, 1, 2, 3, 4, 5});
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    REQUIRE_THROWS_AS(open(size), FileError);
  }
}

}  // namespace
}  // namespace diffarch
