// Samplers of one seed on both backends: every rule and architecture, observers, clipping, and what device memory is
// left afterwards.

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/adams_bashforth.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/gradient_estimation.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/sampler/prediction_log.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::relative_difference;

const ImageShape sampled_shape{.height = 4, .width = 3, .channels = 1};

template <class A, class Rule>
void compare_backends(const A& architecture, const Rule& rule, std::optional<double> clip = std::nullopt) {
  INFO(architecture.name() << ", " << rule.name());
  const Batch<double> data = correlated_samples(12, 40, 1);
  const OffsetFreeCosineSchedule schedule{.steps = 6};
  DiffusionSampler<A, OffsetFreeCosineSchedule, Cpu, Rule, double> host{architecture, schedule, rule};
  DiffusionSampler<A, OffsetFreeCosineSchedule, Cuda, Rule, double> device{architecture, schedule, rule};
  if (clip) {
    host.set_clip(*clip);
    device.set_clip(*clip);
  }
  PredictionLog<double> host_log;
  PredictionLog<double, Cuda> device_log;
  const Batch<double> expected = host.fit(data).sample(11, Seed{2}, host_log);
  const Batch<double> samples = device.fit(data).sample(11, Seed{2}, device_log);
  REQUIRE(relative_difference(samples, expected) < 1e-10);  // from the same noise to rounding, through six steps
  for (std::size_t step = 0; step < 6; ++step)
    REQUIRE(relative_difference(device_log.predictions()[step], host_log.predictions()[step]) < 1e-10);
  REQUIRE(relative_difference(device.sample(11, Seed{2}), samples) < 1e-10);  // collapsed where that is possible
  const Batch<double> all = device.sample(11, Seed{2});
  REQUIRE(bitwise_equal(device.set_batch_size(4).sample(11, Seed{2}), all));
}

template <class A>
void compare_rules(const A& architecture) {
  compare_backends(architecture, Ddim{});
  compare_backends(architecture, Ddim{.eta = 0.7});
  compare_backends(architecture, Ancestral{});
  compare_backends(architecture, Ancestral{.variance = Ancestral::Variance::beta});
  compare_backends(architecture, Heun{});
  compare_backends(architecture, Ddim{}, 0.5);
  compare_backends(architecture, Ancestral{}, 0.5);
}

TEST_CASE("Both backends draw the same samples, by every rule", "[cuda][sampler]") {
  compare_rules(Linear{});
  compare_rules(RankK{.rank = 3});
  compare_rules(Ideal{});
  compare_rules(LocalScore{.shape = sampled_shape, .patch_sizes = {3}});
  compare_rules(EquivariantLocalScore{.shape = sampled_shape, .patch_sizes = {3}});
  compare_backends(Linear{}, VarianceExactDdim{});
  compare_backends(RankK{.rank = 3}, VarianceExactDdim{});
}

TEST_CASE("The predicted distribution of a model on the device is that of the host", "[cuda][sampler]") {
  const Batch<double> data = correlated_samples(12, 40, 1);
  const CosineSchedule schedule{.steps = 10};
  const auto device = predicted_distribution(fit(RankK{.rank = 4}, data, schedule, Cuda{}), schedule);
  const auto host = predicted_distribution(fit(RankK{.rank = 4}, data, schedule), schedule);
  REQUIRE(relative_difference(device.finite_steps.mean, host.finite_steps.mean) < 1e-12);
  REQUIRE(relative_difference(device.finite_steps.mode_variance, host.finite_steps.mode_variance) < 1e-12);
  REQUIRE(relative_difference(device.continuous_limit.mean, host.continuous_limit.mean) < 1e-12);
}

#ifdef DIFFARCH_EMULATED_DEVICE
TEST_CASE("Sampling leaves no device memory behind", "[cuda][sampler]") {
  const std::size_t before = emulated_device::live_blocks();
  {
    DiffusionSampler<Ideal, CosineSchedule, Cuda, Ancestral> sampler{Ideal{}, CosineSchedule{.steps = 4}};
    sampler.fit(correlated_samples<float>(12, 40, 1));
    const std::size_t fitted = emulated_device::live_blocks();
    REQUIRE(fitted == before + 2);  // the training samples and their norms
    (void)sampler.sample(5, Seed{1});
    REQUIRE(emulated_device::live_blocks() == fitted);
  }
  REQUIRE(emulated_device::live_blocks() == before);
}

/// Blocks of device memory that one more step of a rule takes, behind its first steps.
template <class Rule>
double blocks_of_a_step(const Rule& rule) {
  const auto model = fit(Ideal{}, correlated_samples(12, 40, 1), CosineSchedule{}, Cuda{});
  const auto blocks_of = [&](Index steps) {
    const std::size_t before = emulated_device::allocations();
    (void)sample(model, CosineSchedule{.steps = steps}, 5, Seed{1}, rule);
    return static_cast<double>(emulated_device::allocations() - before);
  };
  return (blocks_of(30) - blocks_of(10)) / 20.0;
}

TEST_CASE("A step of a rule with a memory takes no more device memory than one without", "[cuda][sampler]") {
  const double of_ddim = blocks_of_a_step(Ddim{});
  REQUIRE(blocks_of_a_step(DpmSolver2M{}) == of_ddim);
  REQUIRE(blocks_of_a_step(DpmSolver2M{.eta = 1.0}) == blocks_of_a_step(Ancestral{}));
  // One array for the slope that they keep.
  REQUIRE(blocks_of_a_step(AdamsBashforth{.order = 3}) == of_ddim + 1.0);
  REQUIRE(blocks_of_a_step(GradientEstimation{}) == of_ddim + 1.0);
}

TEST_CASE("A linear fit uploads its data once, and its modes stay on the device", "[cuda][sampler]") {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{600, 40}, {40, 600}}) {
    const Batch<double> data = correlated_samples(d, n, 1);
    const auto bytes = static_cast<std::size_t>(data.size()) * sizeof(double);
    const emulated_device::Transfers before = emulated_device::transfers();
    const auto model = fit(Linear{}, data, CosineSchedule{}, Cuda{});
    const emulated_device::Transfers after = emulated_device::transfers();
    CHECK(after.to_device - before.to_device < bytes + bytes / 4);  // and vectors
    CHECK(after.to_host - before.to_host < bytes / 4);
  }
}
#endif

}  // namespace
}  // namespace diffarch
