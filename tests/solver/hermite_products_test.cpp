#include "diffarch/solver/hermite_products.hpp"

#include "diffarch/solver/hermite.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("The product formula holds at every point", "[solver]") {
  // For a distribution in a single point the moments are the values, and the Gram matrix their products.
  const MultiIndexSet basis(3, 3);
  const MultiIndexSet indices(3, 6);
  const HermiteProducts products(basis, indices);
  const Vector<ExtendedReal> u{{0.4L, -1.7L, 2.2L}};
  Vector<ExtendedReal> moments(indices.size());
  normalised_hermite(indices, u, moments);
  Vector<ExtendedReal> values(basis.size());
  normalised_hermite(basis, u, values);
  CHECK(relative_difference(products.gram(moments), values * values.transpose()) < 1e-15);
}

TEST_CASE("Normal moments give the identity", "[solver]") {
  const MultiIndexSet basis(2, 11);
  const MultiIndexSet indices(2, 22);
  const Vector<ExtendedReal> normal = Vector<ExtendedReal>::Unit(indices.size(), 0);
  const Matrix<ExtendedReal> gram = HermiteProducts(basis, indices).gram(normal);
  CHECK(static_cast<double>((gram - Matrix<ExtendedReal>::Identity(78, 78)).cwiseAbs().maxCoeff()) < 1e-16);
}
