#include "diffarch/core/batch.hpp"

#include <type_traits>

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

namespace beside_eigen {

using namespace Eigen;
using namespace diffarch;

TEST_CASE("Matrix is one name in both namespaces, of any size where none is given", "[core]") {
  STATIC_REQUIRE(std::is_same_v<Matrix<double>, MatrixXd>);
  STATIC_REQUIRE(std::is_same_v<Batch<float>, MatrixXf>);
  const Matrix<float, 3, 3> fixed = Matrix<float, 3, 3>::Identity();
  const Matrix<double> dynamic = fixed.cast<double>();
  const Index rows = dynamic.rows();
  REQUIRE(rows == 3);
}

}  // namespace beside_eigen
