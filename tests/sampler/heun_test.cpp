#include "diffarch/sampler/heun.hpp"

#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

/// Karras et al. 2022, algorithm 1 without churn, for one mode of variance lambda, literally and in long double.
long double edm_heun(long double lambda, const std::vector<double>& sigmas) {
  const auto slope = [lambda](long double x, long double t) { return (x - lambda * x / (lambda + t * t)) / t; };
  long double x = 1.0L;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const long double t = sigmas[i];
    const long double next = sigmas[i + 1];
    const long double d = slope(x, t);
    long double next_x = x + (next - t) * d;
    if (next != 0.0L) next_x = x + (next - t) * (0.5L * d + 0.5L * slope(next_x, next));
    x = next_x;
  }
  return x;
}

double heun_gain(double lambda, const NoiseLevels& levels) {
  return trajectory_gains(Heun{}, Vector<double>::Constant(1, lambda), levels)(0);
}

TEST_CASE("Heun's gain of a mode is that of EDM's algorithm", "[sampler]") {
  for (const Index steps : {1, 2, 10, 18, 200}) {
    const NoiseLevels levels = KarrasSchedule{.steps = steps}.levels();
    for (const double lambda : {1e-3, 1.0, 100.0})
      // One or two roundings per step.
      REQUIRE(heun_gain(lambda, levels) ==
              Approx(static_cast<double>(edm_heun(lambda, levels.sigmas()))).epsilon(1e-12));
  }
}

TEST_CASE("Heun takes the same step in VP coordinates", "[sampler]") {
  const NoiseLevels levels = CosineSchedule{.steps = 20}.levels();
  for (const double lambda : {1e-3, 1.0, 100.0})
    // From sigma = 2e4 down, terms of the size of the step ratio, about 30, cancel.
    REQUIRE(heun_gain(lambda, levels) * levels[0].signal ==
            Approx(static_cast<double>(edm_heun(lambda, levels.sigmas()))).epsilon(1e-11));
}

TEST_CASE("Heun's error falls by four when the steps are halved", "[sampler]") {
  const double lambda = 1.0;
  const auto error = [&](Index steps) {
    // Equal angles; the exact flow takes sigma_T = tan(1.5) to 0.
    std::vector<double> sigmas;
    for (Index i = 0; i <= steps; ++i) sigmas.push_back(std::tan(1.5 * test::real(steps - i) / test::real(steps)));
    const double exact = std::sqrt(lambda / (lambda + sigmas[0] * sigmas[0]));
    return std::abs(heun_gain(lambda, CustomSchedule::from_sigmas(sigmas).levels()) / exact - 1.0);
  };
  // Order two up to terms of the next order, which the last Euler step (its error is of order two too) shares.
  REQUIRE(error(400) / error(800) == Approx(4.0).epsilon(0.02));
  REQUIRE(error(800) < 1e-5);
}

/// Counts its calls; predicts half of y.
struct CountingModel {
  using Scalar = double;
  using BackendType = test::TestedBackend;
  int* calls;
  [[nodiscard]] Index dimension() const { return 3; }
  [[nodiscard]] test::Storage<double> denoise(const test::Storage<double>& y, NoiseLevel /*level*/) const {
    ++*calls;
    return test::upload(0.5 * test::download(y));
  }
};

TEST_CASE("Heun calls the denoiser once more per step, and not at the last one", "[sampler]") {
  int calls = 0;
  const CountingModel model{&calls};
  const Batch<double> before = test::random_matrix(3, 2, 1);
  test::Storage<double> y = test::upload(before);
  const NoiseLevel level = NoiseLevel::from_sigma(2.0);
  const NoiseLevel next = NoiseLevel::from_sigma(1.0);
  Heun{}.advance(model, y, test::upload(0.5 * before), level, next);
  REQUIRE(calls == 1);
  // Slopes: y / 4, then (3 / 4 y - 3 / 8 y) / 1; their mean times the step of -1.
  REQUIRE(test::relative_difference(test::download(y), (1.0 - 0.5 * (0.25 + 0.375)) * before) < 1e-15);
  test::Storage<double> last = test::upload(before);
  Heun{}.advance(model, last, test::upload(0.5 * before), level, NoiseLevel{});
  REQUIRE(calls == 1);
  REQUIRE(test::bitwise_equal(test::download(last), Batch<double>(0.5 * before)));
}

TEST_CASE("Heun refuses to start from pure noise", "[sampler]") {
  const NoiseLevels levels = CustomSchedule::from_alpha_bars({0.0, 0.5, 1.0}).levels();
  const std::string expected = "Heun: sampling starts from pure noise (alpha_bar = 0); expected a finite sigma_T";
  REQUIRE(test::message_of<InvalidArgument>([&] { return heun_gain(1.0, levels); }) == expected);
  int calls = 0;
  test::Storage<double> y = test::upload(test::random_matrix(3, 2, 1));
  REQUIRE(test::message_of<InvalidArgument>([&] {
            Heun{}.advance(CountingModel{&calls}, y, test::Storage<double>(y), levels[0], levels[1]);
          }) == expected);
}

TEST_CASE("Heun is deterministic", "[sampler]") {
  REQUIRE(Heun{}.name() == "Heun");
  REQUIRE(Heun{}.stochasticity() == 0.0);
  REQUIRE(Heun{}.noise_scale(NoiseLevel::from_sigma(2.0), NoiseLevel::from_sigma(1.0)) == 0.0);
}

}  // namespace
}  // namespace diffarch
