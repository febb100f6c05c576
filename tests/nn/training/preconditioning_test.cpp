#include "diffarch/nn/training/preconditioning.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

const nn::Preconditioning half_scale{.data_scale = 0.5};

}  // namespace

TEST_CASE("The factors are those of EDM's table 1", "[nn][training]") {
  for (const double sigma : {0.002, 0.1, 0.5, 3.0, 80.0}) {
    CAPTURE(sigma);
    const double square = sigma * sigma + 0.25;  // sigma^2 + sigma_data^2
    const auto [input, skip, output] = half_scale.factors(NoiseLevel::from_sigma(sigma));
    CHECK(input == Approx(1.0 / std::sqrt(square)).epsilon(1e-14));
    CHECK(skip == Approx(0.25 / square).epsilon(1e-14));
    CHECK(output == Approx(sigma * 0.5 / std::sqrt(square)).epsilon(1e-14));
    // In VP coordinates y is smaller by the scale of the level, and the same F is the same D.
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const auto vp = half_scale.factors(level.variance_preserving());
    CHECK(vp.input == Approx(input * level.scale()).epsilon(1e-14));
    CHECK(vp.skip == Approx(skip * level.scale()).epsilon(1e-14));
    CHECK(vp.output == Approx(output).epsilon(1e-14));
  }
}

TEST_CASE("Input and target of the network are those of the factors, of mean square 1", "[nn][training]") {
  const double x0 = 0.7;
  const double epsilon = -1.3;
  for (const NoiseLevel level : {NoiseLevel::from_sigma(0.01), NoiseLevel{0.6, 0.8}, NoiseLevel::from_sigma(50.0)}) {
    for (const bool adds_input : {true, false}) {
      CAPTURE(level.sigma(), adds_input);
      const nn::Preconditioning each{.data_scale = 0.5, .adds_input = adds_input};
      const auto [input, skip, output] = each.factors(level);
      const nn::Preconditioning::Sums sums = each.sums(level);
      const double y = level.signal * x0 + level.noise * epsilon;
      CHECK(sums.input_signal * x0 + sums.input_noise * epsilon == Approx(input * y).epsilon(1e-13));
      CHECK(sums.target_signal * x0 + sums.target_noise * epsilon == Approx((x0 - skip * y) / output).epsilon(1e-11));
      CHECK(0.25 * std::pow(sums.input_signal, 2) + std::pow(sums.input_noise, 2) == Approx(1.0).epsilon(1e-14));
      if (adds_input)
        CHECK(0.25 * std::pow(sums.target_signal, 2) + std::pow(sums.target_noise, 2) == Approx(1.0).epsilon(1e-14));
    }
  }
  const nn::Preconditioning bare{.data_scale = 0.5, .adds_input = false};
  CHECK(bare.factors({0.6, 0.8}).skip == 0.0);
  CHECK(bare.factors({0.6, 0.8}).output == 1.0);
}

TEST_CASE("Pure noise and clean levels have factors too", "[nn][training]") {
  const auto noise = half_scale.factors({0.0, 1.0});
  CHECK(noise.input == 1.0);
  CHECK(noise.skip == 0.0);
  CHECK(noise.output == 0.5);
  CHECK(half_scale.sums({0.0, 1.0}).target_signal == 2.0);
  const auto clean = half_scale.factors({1.0, 0.0});
  CHECK(clean.skip == 1.0);
  CHECK(clean.output == 0.0);
}

TEST_CASE("The scale of data is their root mean square, and zeros have none", "[nn][training]") {
  CHECK(nn::data_scale_of(Batch<float>{{3.0F, 0.0F}, {0.0F, 4.0F}}) == 2.5);
  CHECK_THAT(message_of<InvalidArgument>([] { (void)nn::data_scale_of(Batch<double>(Batch<double>::Zero(2, 3))); }),
             ContainsSubstring("root mean square of the data is 0; expected a finite number > 0"));
}
