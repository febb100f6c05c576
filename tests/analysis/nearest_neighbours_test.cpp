#include "diffarch/analysis/nearest_neighbours.hpp"

#include <numeric>

#include "analysis/samples_near_a_subspace.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::samples_near_a_subspace;

/// Every distance by its definition in long double, sorted; ties by the lower index.
template <class Scalar>
NearestNeighbours brute_force(const Batch<Scalar>& training, const Batch<Scalar>& queries, Index k) {
  NearestNeighbours result;
  result.indices.resize(k, queries.cols());
  result.distances.resize(k, queries.cols());
  for (Index q = 0; q < queries.cols(); ++q) {
    std::vector<std::pair<long double, Index>> all;
    for (Index i = 0; i < training.cols(); ++i) {
      long double sum = 0.0L;
      for (Index row = 0; row < training.rows(); ++row) {
        const long double difference =
            static_cast<long double>(training(row, i)) - static_cast<long double>(queries(row, q));
        sum += difference * difference;
      }
      all.emplace_back(sum, i);
    }
    std::sort(all.begin(), all.end());
    for (Index j = 0; j < k; ++j) {
      result.indices(j, q) = all[static_cast<std::size_t>(j)].second;
      result.distances(j, q) = static_cast<double>(std::sqrt(all[static_cast<std::size_t>(j)].first));
    }
  }
  return result;
}

/// Searches for all queries and checks the first of them, since brute force takes its time.
template <class Scalar>
void check(const Batch<Scalar>& training, const Batch<Scalar>& queries, Index k, Index checked = 1000) {
  const auto found = nearest_neighbours(training, queries, k);
  const Index count = std::min(checked, queries.cols());
  const auto expected = brute_force(training, Batch<Scalar>(queries.leftCols(count)), k);
  REQUIRE(found.indices.leftCols(count) == expected.indices);
  // Distances are measured as |q - x| in double: relative rounding of a sum of squares, d eps < 1e-13.
  REQUIRE(
      ((found.distances.leftCols(count) - expected.distances).cwiseAbs().array() <= 1e-13 * expected.distances.array())
          .all());
}

TEMPLATE_TEST_CASE("Nearest neighbours equal brute force", "[analysis]", float, double) {
  const Batch<TestType> training = random_matrix<TestType>(20, 90, 1);
  const Batch<TestType> queries = random_matrix<TestType>(20, 130, 2);  // more than two blocks of queries
  for (const Index k : {1, 5, 90}) check(training, queries, k);
  check(Batch<TestType>(training.leftCols(1)), queries, 1);
  check(Batch<TestType>(random_matrix<TestType>(1, 50, 3)), Batch<TestType>(random_matrix<TestType>(1, 9, 4)), 3);
}

TEMPLATE_TEST_CASE("Nearest neighbours among near copies far from zero equal brute force", "[analysis]", float,
                   double) {
  // Copies of a few images that differ in the last digits a float of this size has.
  const Index d = 30;
  Batch<float> training(d, 60);
  for (Index i = 0; i < 60; ++i)
    training.col(i) = (100.0F + random_matrix<float>(d, 1, static_cast<unsigned>(i % 5)).array()) +
                      1e-4F * random_matrix<float>(d, 1, 100 + static_cast<unsigned>(i)).array();
  Batch<float> queries = training.leftCols(20);
  queries += 3e-5F * random_matrix<float>(d, 20, 5);
  check<TestType>(training.cast<TestType>(), queries.cast<TestType>(), 4);

  if constexpr (std::is_same_v<TestType, float>) {
    // The case is hard: |q|^2 - 2 q.x + |x|^2 in float finds the wrong neighbours.
    const auto expected = brute_force(training, queries, 1);
    Index wrong = 0;
    for (Index q = 0; q < queries.cols(); ++q) {
      Index nearest = 0;
      (training.colwise().squaredNorm() - 2.0F * queries.col(q).transpose() * training).minCoeff(&nearest);
      wrong += nearest != expected.indices(0, q) ? 1 : 0;
    }
    REQUIRE(wrong > 0);
  }
}

TEMPLATE_TEST_CASE("Ties go to the lower index and a copy is at distance zero", "[analysis]", float, double) {
  Batch<TestType> training = random_matrix<TestType>(8, 30, 6);
  for (const Index copy : {25, 11, 4}) training.col(copy) = training.col(17);
  const auto found = nearest_neighbours(training, Batch<TestType>(training.col(17)), 4);
  REQUIRE(found.indices.col(0) == (Eigen::Matrix<Index, Eigen::Dynamic, 1>{{4, 11, 17, 25}}));
  REQUIRE(found.distances.col(0) == Vector<double>::Zero(4));
  const auto first_two = nearest_neighbours(training, Batch<TestType>(training.col(17)), 2);
  REQUIRE(first_two.indices(0, 0) == 4);
  REQUIRE(first_two.indices(1, 0) == 11);
}

TEMPLATE_TEST_CASE("Neighbours by way of a subspace equal brute force", "[analysis]", float, double) {
  // At least 256 values and queries and more than 1024 samples, so that there is a subspace: of data with structure,
  // far from zero, without any structure (the search goes on without the subspace after 512 more samples) and of
  // queries that do not differ.
  const Index d = 256;
  const auto training = samples_near_a_subspace<TestType>(d, 1300, 20);
  check(training, samples_near_a_subspace<TestType>(d, 257, 22), 3, 15);
  check(Batch<TestType>(training.array() + TestType(50)),
        Batch<TestType>(samples_near_a_subspace<TestType>(d, 256, 24).array() + TestType(50)), 1, 15);
  check(random_matrix<TestType>(d, 1700, 25), random_matrix<TestType>(d, 256, 26), 2, 15);
  check(training, Batch<TestType>(training.col(5).replicate(1, 256)), 2, 1);
  // Near copies, whose distances are below the rounding of the bounds in float.
  const auto originals = samples_near_a_subspace<TestType>(d, 7, 27);
  const auto near_copies = [&](Index count, unsigned seed) {
    Batch<TestType> copies = TestType(1e-3) * random_matrix<TestType>(d, count, seed);
    for (Index i = 0; i < count; ++i) copies.col(i) += originals.col(i % 7);
    return copies;
  };
  check<TestType>(near_copies(1300, 28), near_copies(256, 29), 3, 15);
}

TEMPLATE_TEST_CASE("Neighbours of huge and of tiny values equal brute force", "[analysis]", float, double) {
  const Batch<TestType> training = random_matrix<TestType>(12, 80, 41);
  const Batch<TestType> queries = random_matrix<TestType>(12, 9, 42);
  // Squares of 1e30 are beyond float, those of 1e-30 below it.
  for (const TestType scale : {TestType(1e30), TestType(1e-30)})
    check(Batch<TestType>(scale * training), Batch<TestType>(scale * queries), 2);
}

TEMPLATE_TEST_CASE("A sample is no neighbour of itself, its copy is", "[analysis]", float, double) {
  Batch<TestType> samples = random_matrix<TestType>(6, 90, 43);
  samples.col(70) = samples.col(3);
  const auto found = nearest_other_neighbours(samples, 2);
  const auto with_self = brute_force(samples, samples, 4);
  for (Index q = 0; q < 90; ++q) {
    std::vector<Index> expected;
    for (Index j = 0; j < 4; ++j)
      if (with_self.indices(j, q) != q) expected.push_back(with_self.indices(j, q));
    REQUIRE(found.indices(0, q) == expected[0]);
    REQUIRE(found.indices(1, q) == expected[1]);
  }
  REQUIRE(found.indices(0, 3) == 70);
  REQUIRE(found.indices(0, 70) == 3);
  REQUIRE(found.distances(0, 70) == 0.0);
  REQUIRE(test::message_of<InvalidArgument>([&] { return nearest_other_neighbours(samples, 90); }) ==
          "nearest_other_neighbours: k = 90, expected 1 <= k <= 89 (the number of other samples)");
}

TEST_CASE("No queries have no neighbours, and impossible k and shapes are refused", "[analysis]") {
  const Batch<double> training = random_matrix(3, 5, 7);
  REQUIRE(nearest_neighbours(training, Batch<double>(3, 0), 2).indices.cols() == 0);
  for (const Index k : {0, 6})
    REQUIRE(test::message_of<InvalidArgument>([&] { return nearest_neighbours(training, training, k); }) ==
            detail::concat("nearest_neighbours: k = ", k, ", expected 1 <= k <= 5 (the number of training samples)"));
  REQUIRE(test::message_of<DimensionMismatch>([&] { return nearest_neighbours(training, Batch<double>(4, 2), 1); }) ==
          "nearest_neighbours: training samples are (3, 5), queries (4, 2)");
}

}  // namespace
}  // namespace diffarch
