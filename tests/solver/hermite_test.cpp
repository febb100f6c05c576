#include "diffarch/solver/hermite.hpp"

#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Normalised Hermite polynomials have their closed forms", "[solver]") {
  const MultiIndexSet indices(2, 4);
  Vector<double> values(indices.size());
  const double x = 0.7;
  const double y = -1.3;
  normalised_hermite(indices, Vector<double>{{x, y}}, values);
  const auto at = [&](int a, int b) { return values(indices.find({a, b})); };
  CHECK(at(0, 0) == 1.0);
  CHECK(at(2, 0) == Approx((x * x - 1.0) / std::sqrt(2.0)));
  CHECK(at(0, 3) == Approx((y * y * y - 3.0 * y) / std::sqrt(6.0)));
  CHECK(at(4, 0) == Approx((x * x * x * x - 6.0 * x * x + 3.0) / std::sqrt(24.0)));
  CHECK(at(1, 2) == Approx(x * (y * y - 1.0) / std::sqrt(2.0)));
}

TEST_CASE("They are orthonormal under the normal distribution", "[solver]") {
  const MultiIndexSet indices(1, 12);
  const Quadrature rule = gauss_hermite(14);
  Matrix<Wide> gram = Matrix<Wide>::Zero(indices.size(), indices.size());
  Vector<Wide> values(indices.size());
  for (Index i = 0; i < rule.nodes.size(); ++i) {
    normalised_hermite(indices, Vector<Wide>(rule.nodes.segment(i, 1)), values);
    gram += rule.weights(i) * values * values.transpose();
  }
  CHECK(static_cast<double>((gram - Matrix<Wide>::Identity(13, 13)).cwiseAbs().maxCoeff()) < 1e-14);
}
