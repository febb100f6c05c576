#include "diffarch/sampler/trajectory.hpp"

#include <limits>
#include <vector>

#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "sampler/run_steps.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::download;
using test::random_matrix;
using test::run_steps_on;
using test::Storage;
using test::TestedBackend;
using test::upload;

/// A model that is not linear, so that no step is trivial.
template <class Scalar_>
struct TanhDenoiser {
  using Scalar = Scalar_;
  using BackendType = TestedBackend;
  [[nodiscard]] Index dimension() const { return 4; }
  [[nodiscard]] Storage<Scalar> denoise(const Storage<Scalar>& y, NoiseLevel level) const {
    return upload((download(y).array() / static_cast<Scalar>(level.scale())).tanh().matrix());
  }
};

const std::vector<NoiseLevels> schedules = {CosineSchedule{.steps = 10}.levels(),
                                            OffsetFreeCosineSchedule{.steps = 100}.levels(), KarrasSchedule{}.levels(),
                                            CustomSchedule::from_alpha_bars({0.0, 0.3, 0.9, 1.0}).levels()};

TEMPLATE_TEST_CASE("The last step returns the last prediction bit for bit, and nothing on the way is NaN", "[sampler]",
                   float, double) {
  const TanhDenoiser<TestType> model;
  const Batch<TestType> noise = random_matrix<TestType>(4, 5, 1);
  for (const NoiseLevels& levels : schedules) {
    Batch<TestType> last;
    const auto observer = [&](const SamplerStep<Storage<TestType>>& step) {
      REQUIRE(download(step.y).allFinite());
      last = download(step.x0_hat);
    };
    const auto check = [&](const auto& rule) {
      const auto samples = run_steps_on(model, levels, rule, noise, Seed{1}, 0, std::nullopt, observer);
      REQUIRE(bitwise_equal(samples, last));
    };
    check(Ddim{});
    check(Ddim{.eta = 0.7});
    check(Ancestral{});
    check(Ancestral{.variance = Ancestral::Variance::beta});
    if (std::isfinite(levels.sigma_T())) check(Heun{});
  }
}

TEST_CASE("Observers see every step in order, with its levels, the batch and the prediction", "[sampler]") {
  const TanhDenoiser<double> model;
  const NoiseLevels levels = KarrasSchedule{.steps = 5}.levels();
  const Batch<double> noise = random_matrix(4, 3, 2);
  Index expected_step = 0;
  Batch<double> first_y;
  Index second_observer = 0;
  const auto observer = [&](const SamplerStep<Storage<double>>& step) {
    REQUIRE(step.step == expected_step);
    REQUIRE(step.steps == 5);
    REQUIRE(step.level == levels[step.step]);
    REQUIRE(step.next == levels[step.step + 1]);
    REQUIRE(step.first_sample == 42);
    REQUIRE(bitwise_equal(download(step.x0_hat), download(model.denoise(step.y, step.level))));
    if (step.step == 0) first_y = download(step.y);
    ++expected_step;
  };
  const auto counter = [&](const SamplerStep<Storage<double>>&) { ++second_observer; };
  (void)run_steps_on(model, levels, Ddim{}, noise, Seed{1}, 42, std::nullopt, observer, counter);
  REQUIRE(expected_step == 5);
  REQUIRE(second_observer == 5);
  // VE levels start from sqrt(1 + sigma_T^2) times the noise: one rounding.
  REQUIRE(test::relative_difference(first_y, std::sqrt(1.0 + 6400.0) * noise) < 1e-15);
}

TEST_CASE("VP levels start from the noise itself", "[sampler]") {
  const Batch<double> noise = random_matrix(4, 3, 3);
  Batch<double> first_y;
  const auto observer = [&](const SamplerStep<Storage<double>>& step) {
    if (step.step == 0) first_y = download(step.y);
  };
  for (const auto& levels : {schedules[0], schedules[3]}) {
    (void)run_steps_on(TanhDenoiser<double>{}, levels, Ddim{}, noise, Seed{1}, 0, std::nullopt, observer);
    REQUIRE(test::relative_difference(first_y, noise) < 1e-15);
  }
}

TEST_CASE("The fresh noise of a step is a stream of its own, by sample number", "[sampler]") {
  // One step from y_T to a noisy level and the clean one: the last prediction shows y after the first step.
  const NoiseLevels levels = CustomSchedule::from_alpha_bars({0.1, 0.5, 1.0}).levels();
  const Batch<double> noise = random_matrix(4, 3, 4);
  std::vector<Batch<double>> seen;
  const auto observer = [&](const SamplerStep<Storage<double>>& step) { seen.push_back(download(step.y)); };
  (void)run_steps_on(TanhDenoiser<double>{}, levels, Ancestral{}, noise, Seed{9}, 7, std::nullopt, observer);
  REQUIRE(seen.size() == 2);
  Storage<double> y = upload(seen[0]);
  Ancestral{}.advance(TanhDenoiser<double>{}, y, upload(denoise_on(TanhDenoiser<double>{}, seen[0], levels[0])),
                      levels[0], levels[1]);
  Batch<double> expected = download(y);
  expected +=
      Ancestral{}.noise_scale(levels[0], levels[1]) * normal_batch<double>(4, 3, Seed{9}, streams::step_noise(0), 7);
  REQUIRE(test::relative_difference(seen[1], expected) < 1e-15);
}

/// NaN at one level.
struct BrokenAt {
  using Scalar = double;
  using BackendType = TestedBackend;
  NoiseLevel level;
  [[nodiscard]] Index dimension() const { return 4; }
  [[nodiscard]] Storage<double> denoise(const Storage<double>& y, NoiseLevel at) const {
    Batch<double> x0_hat = download(y);
    if (at == level) x0_hat(3, 1) = std::numeric_limits<double>::infinity();
    return upload(x0_hat);
  }
};

TEST_CASE("A prediction that is not finite stops the sampler with its step and sigma", "[sampler]") {
  const NoiseLevels levels = CustomSchedule::from_sigmas({8.0, 4.0, 2.0, 1.0, 0.0}).levels();
  REQUIRE(test::message_of<NumericalError>([&] {
            return run_steps_on(BrokenAt{levels[2]}, levels, Ddim{}, random_matrix(4, 2, 5), Seed{}, 0, std::nullopt);
          }) == "sample: x0_hat is not finite at step 3 of 4 (sigma = 2)");
}

}  // namespace
}  // namespace diffarch
