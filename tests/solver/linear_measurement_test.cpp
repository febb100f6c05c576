#include "diffarch/solver/linear_measurement.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

static_assert(Measurement<LinearMeasurement> && Measurement<ElementMeasurement>);

/// NeighbourSums of neighbours, by a function.
struct NeighbourSums {
  Vector<double> values;
  double deviation = 0.0;
  template <class Scalar>
  [[nodiscard]] Matrix<double> of(const Batch<Scalar>& x) const {
    return (x.topRows(x.rows() - 1) + x.bottomRows(x.rows() - 1)).template cast<double>();
  }
  [[nodiscard]] Index size() const { return values.size(); }
  void check_dimension(Index /*dimension*/) const {}
};
static_assert(Measurement<NeighbourSums>);
static_assert(!Measurement<int>);

TEST_CASE("A measurement is A x", "[solver]") {
  const Batch<double> x = random_matrix(5, 3, 1);
  const Matrix<double> a = random_matrix(2, 5, 2);
  REQUIRE((LinearMeasurement{a, Vector<double>::Zero(2)}.of(x) - a * x).cwiseAbs().maxCoeff() < 1e-15);
  const Matrix<double> elements = ElementMeasurement{{4, 1}, Vector<double>::Zero(2)}.of(x);
  REQUIRE(elements.row(0) == x.row(4));
  REQUIRE(elements.row(1) == x.row(1));
  const Batch<float> in_float = x.cast<float>();
  REQUIRE((ElementMeasurement{{2}, Vector<double>::Zero(1)}.of(in_float).row(0) == in_float.row(2).cast<double>()));
}

TEST_CASE("What cannot be measured is refused", "[solver]") {
  const auto refused = [](const auto& measurement) { detail::check_measurement(measurement, 3); };
  const Vector<double> two = Vector<double>::Zero(2);
  REQUIRE_NOTHROW(refused(LinearMeasurement{random_matrix(2, 3, 1), two, 0.5}));
  REQUIRE_NOTHROW(refused(ElementMeasurement{{0, 2}, two}));
  REQUIRE_NOTHROW(refused(NeighbourSums{two}));
  REQUIRE(message_of<DimensionMismatch>([&] {
            refused(LinearMeasurement{random_matrix(2, 4, 1), two});
          }) == "measurement: the matrix is (2, 4) but samples have dimension 3");
  REQUIRE(message_of<DimensionMismatch>([&] {
            refused(LinearMeasurement{random_matrix(1, 3, 1), two});
          }) == "measurement: 2 values for 1 rows of A");
  REQUIRE(message_of<DimensionMismatch>([&] {
            refused(ElementMeasurement{{0, 3}, two});
          }) == "measurement: element 3 of samples of dimension 3");
  REQUIRE(message_of<DimensionMismatch>([&] {
            refused(ElementMeasurement{{-1, 0}, two});
          }) == "measurement: element -1 of samples of dimension 3");
  REQUIRE(message_of<InvalidArgument>([&] { refused(ElementMeasurement{}); }) ==
          "measurement: no numbers; expected at least one");
  REQUIRE(message_of<InvalidArgument>([&] {
            refused(ElementMeasurement{{0, 1}, two, -0.5});
          }) == "measurement: deviation = -0.5, expected a finite number >= 0");
  Vector<double> damaged = two;
  damaged(1) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] {
            refused(ElementMeasurement{{0, 1}, damaged});
          }) == "measurement: a value is not finite");
  Matrix<double> a = random_matrix(2, 3, 1);
  a(1, 1) = std::numeric_limits<double>::infinity();
  REQUIRE(message_of<InvalidArgument>([&] {
            refused(LinearMeasurement{a, two});
          }) == "measurement: an element of A is not finite");
}

}  // namespace
}  // namespace diffarch
