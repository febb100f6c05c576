#include "diffarch/solver/moment_table.hpp"

#include "diffarch/core/dataset.hpp"
#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A moment table of samples holds the averages of their monomials", "[solver]") {
  const Batch<double> samples{{1.0, 2.0}, {-1.0, 3.0}};
  const auto table = MomentTable<double>::from_samples(samples, 3);
  const auto moment = [&](int a, int b) { return static_cast<double>(table.values()(table.indices().find({a, b}))); };
  CHECK(moment(0, 0) == 1.0);
  CHECK(moment(1, 0) == 1.5);
  CHECK(moment(1, 1) == 2.5);   // (-1 + 6) / 2
  CHECK(moment(2, 1) == 5.5);   // (-1 + 12) / 2
  CHECK(moment(0, 3) == 13.0);  // (-1 + 27) / 2
}

TEST_CASE("Gauss-Hermite nodes have the moments of the normal distribution", "[solver]") {
  const Quadrature rule = gauss_hermite(5);
  const Batch<double> nodes = rule.nodes.cast<double>().transpose();
  const auto table = MomentTable<double>::from_weighted(nodes, rule.weights.cast<double>(), 9);
  const double expected[] = {1, 0, 1, 0, 3, 0, 15, 0, 105, 0};
  for (int q = 0; q < 10; ++q) CHECK(static_cast<double>(table.values()(q)) == Approx(expected[q]).margin(1e-12));
}

TEST_CASE("What cannot be moments is refused", "[solver]") {
  CHECK_THROWS_AS(MomentTable<double>(MultiIndexSet(2, 2), Vector<ExtendedReal>::Ones(5)), DimensionMismatch);
  CHECK_THROWS_AS(MomentTable<double>(MultiIndexSet(1, 1), Vector<ExtendedReal>::Zero(2)), InvalidArgument);
  const Batch<double> points = Batch<double>::Ones(1, 2);
  CHECK(message_of<InvalidArgument>([&] {
          (void)MomentTable<double>::from_weighted(points, Vector<double>{{0.5, 0.4}}, 2);
        }).find("sum to 0.9") != std::string::npos);
  CHECK_THROWS_AS(MomentTable<double>::from_weighted(points, Vector<double>{{1.5, -0.5}}, 2), InvalidArgument);
  CHECK_THROWS_AS(MomentTable<double>::from_samples(Batch<double>(2, 0), 2), InvalidArgument);
  CHECK(message_of<InvalidArgument>([] {
          (void)MomentTable<double>::from_weighted(Batch<double>(2, 0), Vector<double>(), 2);
        }) == "MomentTable: no points");
  CHECK(message_of<DimensionMismatch>([&] { (void)MomentTable<double>::from_weighted(points, Vector<double>(), 2); }) ==
        "MomentTable: 0 weights for 2 points");
  CHECK(message_of<InvalidArgument>([&] {
          (void)MomentTable<double>::from_weighted(points, Vector<double>{{1.0, std::nan("")}}, 2);
        }) == "MomentTable: weight 1 is nan; expected finite weights >= 0 with sum 1");
  CHECK(message_of<InvalidArgument>([] {
          (void)MomentTable<double>::from_samples(Batch<double>{{1.0, std::nan(""), 2.0}}, 2);
        }) == "MomentTable: point 1 is not finite");
}

TEST_CASE("Many points have moments, whatever their number", "[solver]") {
  for (const Index n : {999'983, 1'000'003, 2'000'003}) {
    CAPTURE(n);
    const Batch<double> x = Vector<double>::LinSpaced(n, -1.0, 1.0).transpose();
    // sum of (2 i / (n - 1) - 1)^2 / n = (n + 1) / (3 (n - 1))
    const double expected = (real(n) + 1.0) / (3.0 * (real(n) - 1.0));
    CHECK(static_cast<double>(MomentTable<double>::from_samples(x, 2).values()(2)) == Approx(expected).epsilon(1e-12));
    const Vector<double> weights = Vector<double>::Constant(n, 1.0 / real(n));
    CHECK(static_cast<double>(MomentTable<double>::from_weighted(x, weights, 2).values()(2)) ==
          Approx(expected).epsilon(1e-12));
    // Off by a part in 10^8, they are still refused.
    CHECK_THROWS_AS(MomentTable<double>::from_weighted(x, (1.0 + 1e-8) * weights, 2), InvalidArgument);
  }
}

TEST_CASE("Moment tables take data sets and expressions", "[solver]") {
  const Batch<float> x = random_matrix<float>(4, 6, 1);
  const Dataset<float> images(x, {.height = 2, .width = 2}, "images");
  CHECK(MomentTable<float>::from_samples(images, 2).values() == MomentTable<float>::from_samples(x, 2).values());
  CHECK(MomentTable<float>::from_samples(x.leftCols(3), 1).values()(1) ==
        Approx(x.leftCols(3).cast<double>().row(0).mean()));
}
