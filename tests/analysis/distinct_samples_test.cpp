#include "diffarch/analysis/distinct_samples.hpp"

#include <cmath>
#include <limits>

#include "diffarch/core/dataset.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

TEST_CASE("Distinct samples by hand", "[analysis]") {
  const Batch<double> x{{1.0, 2.0, 1.0, 3.0, 2.0, 1.0}, {0.0, 0.0, 0.0, 0.0, 0.5, 0.0}};
  const DistinctSamples found = distinct_samples(x);
  CHECK(found.indices == std::vector<Index>{0, 1, 3, 4});
  CHECK(found.first == std::vector<Index>{0, 1, 0, 3, 4, 0});
  CHECK(found.duplicates() == 2);
  CHECK(distinct_samples(x.leftCols(0)).indices.empty());
  CHECK(distinct_samples(Batch<double>::Zero(3, 4)).duplicates() == 3);
}

template <class Scalar>
Batch<Scalar> one_ulp_up(const Batch<Scalar>& x) {
  return x.unaryExpr([](Scalar value) { return std::nextafter(value, std::numeric_limits<Scalar>::infinity()); });
}

TEMPLATE_TEST_CASE("Twins a unit in the last place apart are equal, neighbours are not", "[analysis]", float, double) {
  using Scalar = TestType;
  const double offset = GENERATE(0.0, 100.0);
  const Batch<Scalar> x = (random_matrix(8, 300, 1).array() + offset).matrix().template cast<Scalar>();
  Batch<Scalar> twins(8, 900);
  twins << x, one_ulp_up(x), x.rowwise().reverse();
  const DistinctSamples found = distinct_samples(twins);
  REQUIRE(found.duplicates() == 600);
  for (Index i = 0; i < 300; ++i) {
    const auto at = static_cast<std::size_t>(i);
    CHECK(found.indices[at] == i);
    CHECK(found.first[at + 300] == i);
    CHECK(found.first[899 - at] == i);
  }
  // A thousandth of the rounding of a picture file, 1 / 127.5, is a difference.
  Batch<Scalar> near = x;
  near.row(3).array() += Scalar(1e-3 / 127.5 * (1.0 + offset));
  Batch<Scalar> both(8, 600);
  both << x, near;
  CHECK(distinct_samples(both).duplicates() == 0);
}

TEST_CASE("Data sets have distinct images, and what is not finite is named", "[analysis]") {
  const Batch<float> x = random_matrix<float>(4, 3, 1);
  Batch<float> twice(4, 6);
  twice << x, x;
  CHECK(distinct_samples(Dataset<float>(twice, {.height = 2, .width = 2}, "twice")).duplicates() == 3);
  twice(2, 4) = std::numeric_limits<float>::quiet_NaN();
  CHECK(message_of<InvalidArgument>([&] { return distinct_samples(twice); }) ==
        "distinct_samples: sample 4 has a value that is NaN, infinite or too large to square");
}

}  // namespace
}  // namespace diffarch
