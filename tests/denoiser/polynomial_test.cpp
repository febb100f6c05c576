#include "diffarch/denoiser/polynomial.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Polynomial policies name their degree and features", "[denoiser]") {
  CHECK(Polynomial<3>{}.name() == "Polynomial<3>");
  CHECK(Polynomial<5, Conservative>{}.name() == "Polynomial<5, conservative>");
  STATIC_REQUIRE(Polynomial<7>::degree == 7);
}
