#include "diffarch/core/noise_level.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

// Each quantity takes a handful of correctly rounded operations.
constexpr double tolerance = 8 * std::numeric_limits<double>::epsilon();

TEST_CASE("A VP level has unit power and a VE level unit signal", "[core]") {
  for (const double alpha_bar : {1e-9, 0.1, 0.5, 0.999, 1.0}) {
    const NoiseLevel level = NoiseLevel::from_alpha_bar(alpha_bar);
    REQUIRE(level.signal * level.signal == Approx(alpha_bar).epsilon(tolerance));
    REQUIRE(level.scale() == Approx(1.0).epsilon(tolerance));
    REQUIRE(level.sigma() == Approx(std::sqrt((1.0 - alpha_bar) / alpha_bar)).epsilon(tolerance));
    REQUIRE(level.alpha_bar() == Approx(alpha_bar).epsilon(tolerance));
  }
  for (const double sigma : {0.0, 0.002, 1.0, 80.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    REQUIRE(level.signal == 1.0);
    REQUIRE(level.sigma() == sigma);
    REQUIRE(level.alpha_bar() == Approx(1.0 / (1.0 + sigma * sigma)).epsilon(tolerance));
  }
}

TEST_CASE("VP and VE coordinates convert into each other and keep sigma", "[core]") {
  for (const double sigma : {0.01, 1.0, 123.0}) {
    const NoiseLevel ve = NoiseLevel::from_sigma(sigma);
    const NoiseLevel vp = ve.variance_preserving();
    REQUIRE(vp.scale() == Approx(1.0).epsilon(tolerance));
    REQUIRE(vp.sigma() == Approx(sigma).epsilon(tolerance));
    REQUIRE(vp.variance_exploding().signal == 1.0);
    REQUIRE(vp.variance_exploding().noise == Approx(sigma).epsilon(tolerance));
  }
}

TEST_CASE("The clean level is the same in both coordinates", "[core]") {
  REQUIRE(NoiseLevel::from_alpha_bar(1.0) == NoiseLevel{1.0, 0.0});
  REQUIRE(NoiseLevel::from_sigma(0.0) == NoiseLevel{1.0, 0.0});
  REQUIRE(NoiseLevel{}.is_clean());
  REQUIRE(NoiseLevel{}.variance_preserving() == NoiseLevel{});
  REQUIRE(NoiseLevel{}.variance_exploding() == NoiseLevel{});
  REQUIRE_FALSE(NoiseLevel::from_sigma(1e-300).is_clean());
}

TEST_CASE("Pure noise has infinite sigma and no VE coordinates", "[core]") {
  const NoiseLevel pure = NoiseLevel::from_alpha_bar(0.0);
  REQUIRE(pure == NoiseLevel{0.0, 1.0});
  REQUIRE(pure.sigma() == std::numeric_limits<double>::infinity());
  REQUIRE(pure.alpha_bar() == 0.0);
  REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return pure.variance_exploding(); }),
               ContainsSubstring("pure noise (alpha_bar = 0) has no finite sigma"));
}

TEST_CASE("A level is the same one in any coordinates, and no other level is", "[core]") {
  for (const double sigma : {0.002, 0.3, 1.0, 80.0, 2e4}) {
    const NoiseLevel ve = NoiseLevel::from_sigma(sigma);
    const NoiseLevel vp = ve.variance_preserving();
    CHECK(is_same_level(ve, vp));
    CHECK(is_same_level(vp.variance_exploding(), vp));
    CHECK(is_same_level(NoiseLevel{2.0 * vp.signal, 2.0 * vp.noise}, ve));
    CHECK_FALSE(is_same_level(ve, NoiseLevel::from_sigma(sigma * (1.0 + 1e-7))));
    CHECK_FALSE(is_same_level(ve, NoiseLevel{}));
    CHECK_FALSE(is_same_level(ve, NoiseLevel::from_alpha_bar(0.0)));
  }
  CHECK(is_same_level(NoiseLevel{}, NoiseLevel{3.0, 0.0}));
  CHECK(is_same_level(NoiseLevel::from_alpha_bar(0.0), NoiseLevel{0.0, 7.0}));
}

TEST_CASE("Levels outside their range are refused", "[core]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-0.1, 1.1, nan})
    REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return NoiseLevel::from_alpha_bar(bad); }),
                 ContainsSubstring("expected 0 <= alpha_bar <= 1"));
  for (const double bad : {-1.0, std::numeric_limits<double>::infinity(), nan})
    REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return NoiseLevel::from_sigma(bad); }),
                 ContainsSubstring("expected a finite sigma >= 0"));
}

}  // namespace
}  // namespace diffarch
