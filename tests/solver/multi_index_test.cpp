#include "diffarch/solver/multi_index.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A multi-index set holds every monomial of the degree once, lower degrees first", "[solver]") {
  const MultiIndexSet set(3, 4);
  REQUIRE(set.size() == 35);  // binomial(3 + 4, 4)
  for (Index i = 0; i < set.size(); ++i) {
    CHECK(set.find(set[i]) == i);
    CHECK(degree_of(set[i]) <= 4);
    if (i > 0) CHECK(degree_of(set[i - 1]) <= degree_of(set[i]));
  }
  CHECK(set.find({5, 0, 0}) == -1);
}

TEST_CASE("Every monomial is its parent times one variable", "[solver]") {
  const MultiIndexSet set(2, 5);
  for (Index i = 1; i < set.size(); ++i) {
    MultiIndex index = set[set.parent(i).position];
    ++index[static_cast<std::size_t>(set.parent(i).dimension)];
    CHECK(index == set[i]);
  }
}

TEST_CASE("Neighbours add one exponent, and end at the border of the set", "[solver]") {
  const MultiIndexSet set(2, 3);
  const Index i = set.find({1, 2});
  CHECK(set[set.neighbour(i, 1, -1)] == MultiIndex{1, 1});
  CHECK(set.neighbour(i, 0, 1) == -1);
  CHECK(set.neighbour(set.find({0, 2}), 0, -1) == -1);
}

TEST_CASE("A smaller set of the same dimension is the beginning of a larger one", "[solver]") {
  const MultiIndexSet small(2, 3);
  const MultiIndexSet large(2, 6);
  for (Index i = 0; i < small.size(); ++i) CHECK(small[i] == large[i]);
}

TEST_CASE("Complete bases of high dimension are refused", "[solver]") {
  CHECK(message_of<InvalidArgument>([] { MultiIndexSet(12288, 3); }).find("low dimensions") != std::string::npos);
  CHECK_THROWS_AS(MultiIndexSet(0, 3), InvalidArgument);
  CHECK_THROWS_AS(MultiIndexSet(2, -1), InvalidArgument);
}
