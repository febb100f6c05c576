#include "diffarch/core/batch.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A batch holds one sample per column, each contiguous in memory", "[core]") {
  Batch<float> batch(3, 2);
  batch << 0, 3,  //
      1, 4,       //
      2, 5;
  for (Index i = 0; i < 6; ++i) REQUIRE(batch.data()[i] == static_cast<float>(i));
}

TEST_CASE("The text of a shape is (rows, columns)", "[core]") {
  REQUIRE(detail::shape_text(Batch<double>(3, 14)) == "(3, 14)");
  REQUIRE(detail::shape_text(Vector<double>(5)) == "(5, 1)");
}

}  // namespace
}  // namespace diffarch
