#include "diffarch/denoiser/patch_polynomial.hpp"

#include <type_traits>

#include "support.hpp"

using namespace diffarch;

TEST_CASE("The name of a local polynomial tells the degree and how its noise was averaged", "[denoiser][patch]") {
  CHECK(PatchPolynomial<3>{.shape = {4, 4, 1}}.name() == "PatchPolynomial<3, exact average>");
  CHECK(PatchPolynomial<5, SingleDraw>{.shape = {4, 4, 1}}.name() == "PatchPolynomial<5, single draw>");
  CHECK(PatchPolynomial<27, Legacy>{.shape = {4, 4, 1}}.name() == "PatchPolynomial<27, legacy>");
}

TEST_CASE("A local polynomial is an aggregate whose defaults follow the averaging", "[denoiser][patch]") {
  STATIC_REQUIRE(std::is_aggregate_v<PatchPolynomial<3>>);
  STATIC_REQUIRE(Architecture<PatchPolynomial<27, Legacy>>);
  STATIC_REQUIRE(PatchPolynomial<7, SingleDraw>::degree == 7);
  const PatchPolynomial<3> exact{.shape = {8, 6, 3}};
  CHECK(exact.shape.size() == 144);
  CHECK(exact.bias);
  CHECK(exact.averaging.ridge == 1e-6);
  CHECK(exact.keep_levels);
  CHECK(exact.patches.patch_size(0, 10, exact.shape) == 6);  // noisiest: the shorter side
  CHECK(PatchPolynomial<3, SingleDraw>{.shape = {8, 8, 1}}.bias);
  CHECK_FALSE(PatchPolynomial<3, Legacy>{.shape = {8, 8, 1}}.bias);
  CHECK(PatchPolynomial<3, Legacy>{.shape = {8, 8, 1}}.averaging.ridge == 1e-5);
}
