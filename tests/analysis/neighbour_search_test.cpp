#include "diffarch/analysis/neighbour_search.hpp"

#include "analysis/samples_near_a_subspace.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::samples_near_a_subspace;

TEST_CASE("Neighbours depend on no block, order of blocks or number of threads", "[analysis]") {
  const auto training = samples_near_a_subspace<float>(256, 1400, 30);
  const auto queries = samples_near_a_subspace<float>(256, 300, 32);
  const auto whole = nearest_neighbours(training, queries, 3);
  const auto same = [&](const NearestNeighbours& other) {
    return other.indices == whole.indices && test::bitwise_equal(other.distances, whole.distances);
  };
  for (const int threads : {1, 3}) {
    const test::ThreadCount scope(threads);
    REQUIRE(same(nearest_neighbours(training, queries, 3)));
  }
  NeighbourSearch<float> forwards(queries, 3);
  for (Index first = 0; first < 1400; first += 37)
    forwards.add(training.middleCols(first, std::min<Index>(37, 1400 - first)), first);
  REQUIRE(same(forwards.result()));
  NeighbourSearch<float> backwards(queries, 3);
  for (const Index first : {900, 400, 399, 0}) {
    const Index end = first == 900 ? 1400 : first == 400 ? 900 : first == 399 ? 400 : 399;
    backwards.add(training.middleCols(first, end - first), first);
  }
  REQUIRE(same(backwards.result()));
  // Few queries are shared out by parts of the training set, many by groups; each has the neighbours it has alone.
  for (const Index q : {0, 123, 299}) {
    const auto alone = nearest_neighbours(training, Batch<float>(queries.col(q)), 3);
    REQUIRE(alone.indices == whole.indices.col(q));
    REQUIRE(test::bitwise_equal(alone.distances, Matrix<double>(whole.distances.col(q))));
  }
}

TEST_CASE("Ties go to the lower index also when it is seen last", "[analysis]") {
  Batch<double> training = random_matrix(8, 30, 6);
  for (const Index copy : {25, 11, 4}) training.col(copy) = training.col(17);
  NeighbourSearch<double> search(Batch<double>(training.col(17)), 2);
  for (Index first = 25; first >= 0; first -= 5) search.add(training.middleCols(first, 5), first);
  REQUIRE(search.result().indices.col(0) == (Eigen::Matrix<Index, Eigen::Dynamic, 1>{{4, 11}}));
}

TEST_CASE("Columns that are not finite are named, and a search that has seen too little says so", "[analysis]") {
  const Batch<float> training = random_matrix<float>(3, 5, 7);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Batch<float> damaged = training;
    damaged(1, 3) = bad;
    REQUIRE(test::message_of<InvalidArgument>([&] { return nearest_neighbours(damaged, training, 1); }) ==
            "NeighbourSearch: training sample 3 (a column) has a value that is NaN, infinite or too large to square");
    REQUIRE(test::message_of<InvalidArgument>([&] { return nearest_neighbours(training, damaged, 1); }) ==
            "NeighbourSearch: query 3 (a column) has a value that is NaN, infinite or too large to square");
    NeighbourSearch<float> search(training, 1);
    REQUIRE(
        test::message_of<InvalidArgument>([&] { search.add(damaged, 1000); }) ==
        "NeighbourSearch: training sample 1003 (a column) has a value that is NaN, infinite or too large to square");
  }
  NeighbourSearch<float> search(training, 3);
  search.add(training.leftCols(2), 0);
  REQUIRE(test::message_of<InvalidArgument>([&] { return search.result(); }) ==
          "NeighbourSearch: query 0 has seen 2 training samples, expected at least k = 3");
  REQUIRE(test::message_of<DimensionMismatch>([&] { search.add(Batch<float>(4, 2), 2); }) ==
          "NeighbourSearch: training samples are (4, 2), queries (3, 5)");
  REQUIRE(test::message_of<InvalidArgument>([&] { return NeighbourSearch<float>(training, 0); }) ==
          "NeighbourSearch: k = 0, expected at least 1");
}

}  // namespace
}  // namespace diffarch
