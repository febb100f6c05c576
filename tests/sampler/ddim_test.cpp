#include "diffarch/sampler/ddim.hpp"

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

/// Song, Meng and Ermon 2021, eq. 12 and 16, in their own terms and in long double.
struct SongStep {
  long double y;
  long double x0;
  long double fresh;
  SongStep(long double alpha_bar, long double next_alpha_bar, long double eta)
      : fresh(eta * std::sqrt((1 - next_alpha_bar) / (1 - alpha_bar)) * std::sqrt(1 - alpha_bar / next_alpha_bar)) {
    y = std::sqrt(1 - next_alpha_bar - fresh * fresh) / std::sqrt(1 - alpha_bar);
    x0 = std::sqrt(next_alpha_bar) - y * std::sqrt(alpha_bar);
  }
};

TEST_CASE("A DDIM step has the weights of Song, Meng and Ermon", "[sampler]") {
  const NoiseLevels levels = CosineSchedule{.steps = 20}.levels();
  for (const double eta : {0.0, 0.4, 1.0})
    for (Index i = 0; i + 1 < levels.steps(); ++i) {
      const auto weights = Ddim{.eta = eta}.weights(levels[i], levels[i + 1]);
      const auto square = [](double v) { return static_cast<long double>(v) * static_cast<long double>(v); };
      const SongStep expected(square(levels[i].signal), square(levels[i + 1].signal), eta);
      // The formulas in alpha_bar lose eps / (1 - alpha_bar), at least 0.0065 here; weights are of order one.
      REQUIRE(weights.y == Approx(static_cast<double>(expected.y)).epsilon(1e-13).margin(1e-13));
      REQUIRE(weights.x0 == Approx(static_cast<double>(expected.x0)).epsilon(1e-13).margin(1e-13));
      REQUIRE(Ddim{.eta = eta}.noise_scale(levels[i], levels[i + 1]) ==
              Approx(static_cast<double>(expected.fresh)).epsilon(1e-13).margin(1e-13));
    }
}

TEST_CASE("In VE coordinates DDIM is an Euler step and multiplies a mode by (lambda + s s') / (lambda + s^2)",
          "[sampler]") {
  const NoiseLevels levels = KarrasSchedule{}.levels();
  for (Index i = 0; i < levels.steps(); ++i) {
    const double sigma = levels[i].sigma();
    const double next = levels[i + 1].sigma();
    const auto weights = Ddim{}.weights(levels[i], levels[i + 1]);
    // y + (sigma' - sigma) (y - x0) / sigma; a few roundings.
    REQUIRE(weights.y == Approx(1.0 + (next - sigma) / sigma).epsilon(1e-14).margin(1e-15));
    REQUIRE(weights.x0 == Approx((sigma - next) / sigma).epsilon(1e-14));
    for (const double lambda : {1e-4, 1.0, 30.0})
      REQUIRE(Ddim{}.mode_gain(lambda, levels[i], levels[i + 1]) ==
              Approx((lambda + sigma * next) / (lambda + sigma * sigma)).epsilon(1e-14));
  }
}

TEST_CASE("A DDIM step keeps the marginal when the data are one point", "[sampler]") {
  // x0_hat = x0 exactly: y = signal x0 + noise epsilon must become signal' x0 + noise' epsilon', whatever eta.
  const NoiseLevels levels = CosineSchedule{.steps = 20}.levels();
  for (const double eta : {0.0, 0.4, 1.0})
    for (Index i = 0; i < levels.steps(); ++i) {
      const Ddim rule{.eta = eta};
      const auto weights = rule.weights(levels[i], levels[i + 1]);
      const double fresh = rule.noise_scale(levels[i], levels[i + 1]);
      REQUIRE(weights.y * levels[i].signal + weights.x0 == Approx(levels[i + 1].signal).epsilon(1e-14));
      const double kept = weights.y * levels[i].noise;
      REQUIRE(std::sqrt(kept * kept + fresh * fresh) == Approx(levels[i + 1].noise).epsilon(1e-13).margin(0.0));
    }
}

TEST_CASE("The last DDIM step and a step from pure noise are finite and exact", "[sampler]") {
  for (const double eta : {0.0, 0.5, 1.0}) {
    const Ddim rule{.eta = eta};
    const auto last = rule.weights(NoiseLevel::from_alpha_bar(0.97), NoiseLevel{});
    REQUIRE(last.y == 0.0);
    REQUIRE(last.x0 == 1.0);
    REQUIRE(rule.noise_scale(NoiseLevel::from_alpha_bar(0.97), NoiseLevel{}) == 0.0);
    const NoiseLevel next = NoiseLevel::from_alpha_bar(0.1);
    const auto first = rule.weights(NoiseLevel::from_alpha_bar(0.0), next);
    REQUIRE(first.x0 == next.signal);
    REQUIRE(rule.noise_scale(NoiseLevel::from_alpha_bar(0.0), next) == eta * next.noise);
    REQUIRE(first.y == Approx(next.noise * std::sqrt(1.0 - eta * eta)).epsilon(1e-15).margin(0.0));
  }
}

TEST_CASE("eta outside 0 to 1 is refused and the name tells eta", "[sampler]") {
  for (const double eta : {-0.1, 1.1, std::nan("")})
    REQUIRE(test::message_of<InvalidArgument>([&] {
              return Ddim{.eta = eta}.weights(NoiseLevel::from_sigma(2.0), NoiseLevel::from_sigma(1.0));
            }) == detail::concat("Ddim: eta = ", eta, ", expected 0 <= eta <= 1"));
  REQUIRE(Ddim{}.name() == "DDIM");
  REQUIRE(Ddim{.eta = 0.5}.name() == "DDIM (eta = 0.5)");
  REQUIRE(Ddim{.eta = 0.5}.stochasticity() == 0.5);
}

}  // namespace
}  // namespace diffarch
