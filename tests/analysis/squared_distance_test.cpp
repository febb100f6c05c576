#include "diffarch/analysis/squared_distance.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Squared distances and norms of any length, in double", "[analysis]") {
  for (const Index d : {1, 2, 15, 16, 17, 33, 100}) {
    CAPTURE(d);
    const Vector<float> x = test::random_matrix<float>(d, 1, 1).col(0);
    const Vector<double> y = test::random_matrix(d, 1, 2).col(0);
    CHECK(detail::squared_distance(x.data(), y.data(), d) ==
          Approx((x.cast<double>() - y).squaredNorm()).epsilon(1e-14));
    CHECK(detail::squared_distance<float>(x.data(), nullptr, d) ==
          Approx(x.cast<double>().squaredNorm()).epsilon(1e-14));
  }
}

}  // namespace
}  // namespace diffarch
