#include "diffarch/solver/spectrum_distance.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The distance of spectra is that of their standard deviations", "[solver]") {
  const Vector<double> a{{4.0, 9.0, 0.0}};
  const Vector<double> b{{1.0, 25.0, 4.0}};
  REQUIRE(detail::spectrum_distance(a, b) == 3.0);  // 1 + 4 + 4 = 9
  REQUIRE(detail::spectrum_distance(a, a) == 0.0);
  REQUIRE(detail::spectrum_distance(Vector<float>(a.cast<float>()), Vector<float>(b.cast<float>())) == 3.0F);
}

}  // namespace
}  // namespace diffarch
