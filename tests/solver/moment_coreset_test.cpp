#include "diffarch/solver/moment_coreset.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// Largest difference of the moments up to `order`, relative to the moments of absolute values.
double coreset_moment_error(const Batch<double>& points, const Vector<double>& weights,
                            const MomentCoreset<double>& coreset, int order) {
  const MultiIndexSet indices(points.rows(), order);
  const auto moments = [&](const Batch<double>& x, const Vector<double>& w, bool absolute) {
    Vector<double> sums = Vector<double>::Zero(indices.size());
    for (Index i = 0; i < x.cols(); ++i)
      for (Index a = 0; a < indices.size(); ++a) {
        double monomial = w(i);
        for (Index j = 0; j < x.rows(); ++j)
          monomial *= std::pow(absolute ? std::abs(x(j, i)) : x(j, i), indices[a][static_cast<std::size_t>(j)]);
        sums(a) += monomial;
      }
    return sums;
  };
  return ((moments(points, weights, false) - moments(coreset.points, coreset.weights, false)).array() /
          moments(points, weights, true).array())
      .abs()
      .maxCoeff();
}

Vector<double> equal_weights(Index n) { return Vector<double>::Constant(n, 1.0 / real(n)); }

}  // namespace

TEST_CASE("A moment coreset has at most one point per moment, and the same moments", "[solver]") {
  const Batch<double> plane = correlated_samples(2, 500, 1);
  for (const int order : {1, 2, 4, 6, 10}) {
    const auto coreset = moment_coreset(plane, order);
    const Index moments = MultiIndexSet(2, order).size();
    INFO("order " << order);
    CHECK(coreset.weights.size() <= moments);
    CHECK(coreset.weights.size() >= MultiIndexSet(2, order / 2).size());  // any cubature rule needs that many
    CHECK(coreset.weights.minCoeff() > 0.0);
    CHECK(std::is_sorted(coreset.indices.begin(), coreset.indices.end()));
    CHECK(bitwise_equal(coreset.points, Batch<double>(plane(Eigen::all, coreset.indices))));
    CHECK(coreset_moment_error(plane, equal_weights(500), coreset, order) < 1e-13);
    CHECK(coreset_moment_error(plane, equal_weights(500), coreset, order + 2) > 1e-6);
  }
  const Batch<double> space = correlated_samples(5, 400, 2);
  const auto coreset = moment_coreset(space, 3);
  CHECK(coreset.weights.size() <= 56);
  CHECK(coreset_moment_error(space, equal_weights(400), coreset, 3) < 1e-13);
}

TEST_CASE("Moment coresets of weighted, few and degenerate points", "[solver]") {
  const Batch<double> points = correlated_samples(2, 90, 3);
  Vector<double> weights = random_matrix(90, 1, 4).col(0).cwiseAbs();
  weights.segment(20, 30).setZero();
  weights /= weights.sum();
  const auto coreset = moment_coreset(points, weights, 4);
  CHECK(coreset.weights.size() <= 15);
  CHECK(coreset_moment_error(points, weights, coreset, 4) < 1e-13);
  for (const Index i : coreset.indices) CHECK((i < 20 || i >= 50));

  // Fewer points than moments: nothing to remove.
  const auto all = moment_coreset(Batch<double>(points.leftCols(10)), 4);
  CHECK(relative_difference(all.weights, equal_weights(10)) < 1e-15);

  // On a line in space there are order + 1 moments; on a circle some polynomials are equal and the rank is lower.
  const Batch<double> line = Vector<double>{{1.0, -2.0, 0.5}} * random_matrix(1, 60, 5);
  const auto on_line = moment_coreset(line, 4);
  CHECK(on_line.weights.size() <= 5);
  CHECK(coreset_moment_error(line, equal_weights(60), on_line, 4) < 1e-12);
  Batch<double> circle(2, 64);
  for (Index i = 0; i < 64; ++i) circle.col(i) << std::cos(0.1 * real(i)), std::sin(0.1 * real(i));
  CHECK(coreset_moment_error(circle, equal_weights(64), moment_coreset(circle, 6), 6) < 1e-12);
}

TEST_CASE("Bad points and weights of a moment coreset are refused", "[solver]") {
  const Batch<double> points = random_matrix(2, 5, 6);
  CHECK_THROWS_AS(moment_coreset(points, equal_weights(4), 2), DimensionMismatch);
  CHECK(message_of<InvalidArgument>([&] { (void)moment_coreset(points, Vector<double>(2.0 * equal_weights(5)), 2); }) ==
        "moment_coreset: the weights sum to 2; expected weights >= 0 with sum 1");
  CHECK(message_of<InvalidArgument>([&] { (void)moment_coreset(Batch<double>(Batch<double>::Ones(2, 5)), 2); }) ==
        "moment_coreset: the points have no variance");
  CHECK(message_of<InvalidArgument>([&] { (void)moment_coreset(Batch<double>::Constant(2, 7, 0.1), 2); }) ==
        "moment_coreset: the points have no variance");
  CHECK(message_of<InvalidArgument>([] { (void)moment_coreset(Batch<double>(2, 0), 2); }) ==
        "moment_coreset: no points");
  CHECK(message_of<InvalidArgument>([] { (void)moment_coreset(Batch<double>(2, 0), Vector<double>(), 2); }) ==
        "moment_coreset: no points");
}

TEST_CASE("A coreset of many points, and of points that are there twice or far away", "[solver]") {
  const Batch<double> many = random_matrix(1, 100'003, 7);
  Index reports = 0;
  const auto coreset = moment_coreset(many, 2, [&](const Progress& /*progress*/) { ++reports; });
  CHECK(coreset.weights.size() == 3);
  CHECK(reports > 1000);
  CHECK((coreset.points * coreset.weights)(0) == Approx(many.mean()).margin(1e-12));
  CHECK((coreset.points.array().square().matrix() * coreset.weights)(0) ==
        Approx(many.array().square().mean()).epsilon(1e-12));
  Batch<double> twice(2, 80);
  twice.leftCols(40) = random_matrix(2, 40, 8);
  twice.rightCols(40) = twice.leftCols(40);
  CHECK(coreset_moment_error(twice, equal_weights(80), moment_coreset(twice, 4), 4) < 1e-13);
  const Batch<double> far = twice.array() + 1e8;
  const auto of_far = moment_coreset(far, 2);
  const Batch<double> centred = of_far.points.colwise() - far.rowwise().mean();
  CHECK((centred * of_far.weights).norm() < 1e-6);
}
