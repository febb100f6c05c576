#include "diffarch/core/make_denoiser.hpp"

#include "diffarch/core/check_denoiser.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A function of y and its noise level is a denoiser", "[core]") {
  const auto model = make_denoiser<double>(3, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
    return y * (level.signal / (level.signal * level.signal + level.noise * level.noise));
  });
  STATIC_REQUIRE(Denoiser<std::remove_const_t<decltype(model)>>);
  REQUIRE(model.dimension() == 3);
  const Batch<double> y = test::random_matrix(3, 4, 1);
  REQUIRE(test::bitwise_equal(model.denoise(y, NoiseLevel::from_sigma(2.0)), Batch<double>(y * 0.2)));
  REQUIRE_NOTHROW(check_denoiser(model, KarrasSchedule{.steps = 3}.levels()));
}

TEST_CASE("A value that is an expression of Eigen is evaluated, and a dimension below 1 is refused", "[core]") {
  const auto zero =
      make_denoiser<float>(2, [](const Batch<float>& y, NoiseLevel /*level*/) { return Batch<float>(0.0F * y); });
  REQUIRE(zero.denoise(Batch<float>::Ones(2, 3), NoiseLevel{}) == Batch<float>::Zero(2, 3));
  const auto make = [](Index dimension) {
    return make_denoiser<float>(dimension, [](const Batch<float>& y, NoiseLevel /*level*/) { return y; });
  };
  REQUIRE_THROWS_WITH(make(0), "make_denoiser: dimension = 0, expected at least 1");
}

}  // namespace
}  // namespace diffarch
