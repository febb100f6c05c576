#include "diffarch/solver/moment_table.hpp"

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
}
