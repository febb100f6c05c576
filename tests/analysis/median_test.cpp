#include "diffarch/analysis/median.hpp"

#include "catch.hpp"

using namespace diffarch;

TEST_CASE("The median is the middle value of an odd number of values in any order", "[median]") {
  CHECK(median(Vector<double>{{7.0, -1.0, 3.0}}) == 3.0);
  CHECK(median(Vector<double>{{5.0}}) == 5.0);
}

TEST_CASE("The median of an even number of values is the mean of the two middle ones", "[median]") {
  CHECK(median(Vector<double>{{10.0, 1.0, 4.0, 2.0}}) == 3.0);
  CHECK(median(Vector<double>{{2.0, 2.0}}) == 2.0);
}

TEST_CASE("The median of nothing is refused", "[median]") {
  CHECK_THROWS_WITH(median(Vector<double>()), ContainsSubstring("no values"));
}
