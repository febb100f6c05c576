#include "diffarch/nn/kernels/adam_step.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace diffarch;

TEST_CASE("The square root of Adam is right to three units in the last place", "[nn]") {
  const auto worst = []<class Scalar>(Scalar) {
    double units = 0;
    for (int exponent = std::numeric_limits<Scalar>::min_exponent; exponent < std::numeric_limits<Scalar>::max_exponent;
         exponent += 3)
      for (int i = 0; i < 200; ++i) {
        const Scalar x = std::ldexp(Scalar(0.5) + static_cast<Scalar>(i) / Scalar(400), exponent);
        const Scalar root = std::sqrt(x);
        units = std::max(units, static_cast<double>(std::abs(nn::detail::square_root(x) - root) /
                                                    (root * std::numeric_limits<Scalar>::epsilon())));
      }
    return units;
  };
  CHECK(worst(float{}) < 3);
  CHECK(worst(double{}) < 3);
  CHECK(nn::detail::square_root(0.0F) == 0.0F);
  CHECK(nn::detail::square_root(0.0) == 0.0);
  CHECK(nn::detail::square_root(std::numeric_limits<float>::denorm_min()) < 1e-19F);
}
