#include "diffarch/data/synthetic_discs.hpp"

#include <cmath>

#include "catch.hpp"

using namespace diffarch;

TEST_CASE("A disc has two values, wraps around, and has about its area", "[data]") {
  const ImageShape shape{16, 20, 2};
  const DiscOptions options{.radius = 5.0, .foreground = 0.5, .background = -0.25};
  const auto discs = synthetic_discs<double>(50, shape, Seed{1}, options);
  for (Index i = 0; i < discs.size(); ++i) {
    Index inside = 0;
    for (Index p = 0; p < shape.size(); p += 2) {
      const double value = discs.samples()(p, i);
      REQUIRE((value == 0.5 || value == -0.25));
      REQUIRE(discs.samples()(p + 1, i) == value);  // both channels alike
      if (value == 0.5) ++inside;
    }
    // Their cells lie within r + sqrt(1/2) and cover the disc of r - sqrt(1/2): at most pi (sqrt(2) r + 1/2) off pi
    // r^2.
    REQUIRE(std::abs(static_cast<double>(inside) - 25.0 * std::numbers::pi) < 23.8);
  }
  REQUIRE(synthetic_discs<double>(3, shape, Seed{1}, options).samples() == discs.samples().leftCols(3));
}

TEST_CASE("The statistics of discs agree with a large sample at every offset", "[data]") {
  const ImageShape shape{12, 16, 1};
  const DiscOptions options{.radius = 5.5, .foreground = 0.75, .background = -0.5};
  constexpr Index n = 40000;
  const auto discs = synthetic_discs<double>(n, shape, Seed{7}, options);
  const Index pixels = shape.size();

  // For one pixel (and one pair) the indicator of being in the disc is an independent coin for every sample, so the
  // standard error of its frequency is exact. 192 pixels and 192 pairs, each within 6 standard errors: right formulas
  // would fail for 384 * 2e-9 = 8e-7 of the seeds.
  constexpr double z = 6.0;
  const double contrast = options.foreground - options.background;
  const auto indicator = [&](Index pixel) {
    return ((discs.samples().row(pixel).array() - options.background) / contrast).eval();
  };
  const double p = (disc_mean(shape, options) - options.background) / contrast;
  REQUIRE(p == Approx(std::numbers::pi * 5.5 * 5.5 / 192.0).epsilon(1e-14));
  const auto corner = indicator(0);
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    CAPTURE(pixel);
    REQUIRE(std::abs(indicator(pixel).mean() - p) <= z * std::sqrt(p * (1 - p) / n));
    const double both = disc_covariance(shape, pixel / 16, pixel % 16, options) / (contrast * contrast) + p * p;
    REQUIRE(both >= -1e-15);
    const double error = std::sqrt(std::max(both * (1 - both), 0.0) / n);
    REQUIRE(std::abs((corner * indicator(pixel)).mean() - both) <= z * error + 1e-15);
  }
}

TEST_CASE("The covariance of discs has the symmetries of the torus and sums as it must", "[data]") {
  const ImageShape shape{24, 32, 3};
  const DiscOptions options{.radius = 7.3, .foreground = 1.0, .background = -1.0};
  // Offset 0 is the variance; offsets are periodic and even. 1e-14: roundings of numbers of order 1.
  REQUIRE(disc_covariance(shape, 0, 0, options) == Approx(disc_variance(shape, options)).epsilon(1e-14));
  for (const Index row : {1, 5, 12, 23})
    for (const Index column : {0, 3, 16, 31}) {
      const double covariance = disc_covariance(shape, row, column, options);
      REQUIRE(std::abs(disc_covariance(shape, -row, column, options) - covariance) < 1e-14);
      REQUIRE(std::abs(disc_covariance(shape, row + 48, column - 96, options) - covariance) < 1e-14);
    }
  // Far apart, both pixels cannot be in one disc: the covariance is -(2 p)^2.
  const double p = std::numbers::pi * 7.3 * 7.3 / (24.0 * 32.0);
  REQUIRE(disc_covariance(shape, 0, 16, options) == Approx(-4.0 * p * p).epsilon(1e-13));

  // The sum over all offsets is 1/(h w) times the variance of the number of pixels in the disc times 4: never negative
  // and small against 4 p (1 - p) h w, which independent pixels would have.
  double sum = 0.0;
  for (Index row = 0; row < 24; ++row)
    for (Index column = 0; column < 32; ++column) sum += disc_covariance(shape, row, column, options);
  REQUIRE(sum >= -1e-10);
  REQUIRE(sum < 0.01 * disc_variance(shape, options) * 24 * 32);
}

TEST_CASE("Discs that would overlap themselves are refused", "[data]") {
  REQUIRE_NOTHROW(synthetic_discs<float>(1, {16, 20, 1}, Seed{0}, {.radius = 8.0}));
  REQUIRE_THROWS_WITH(synthetic_discs<float>(1, {16, 20, 1}, Seed{0}, {.radius = 8.1}),
                      ContainsSubstring("radius = 8.1") && ContainsSubstring("16 x 20 x 1"));
  REQUIRE_THROWS_AS(disc_mean({16, 16, 1}, {.radius = 0.0}), InvalidArgument);
  REQUIRE_THROWS_AS(disc_variance({16, 16, 1}, {.foreground = std::nan("")}), InvalidArgument);
  REQUIRE_THROWS_AS(disc_covariance({0, 16, 1}, 0, 0), InvalidArgument);
  REQUIRE_THROWS_AS(synthetic_discs<float>(-1, {16, 16, 1}, Seed{0}), InvalidArgument);
}
