#include "diffarch/sampler/prediction_log.hpp"

#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;
using test::random_matrix;
using test::TestedBackend;

template <class A, class Rule = Ddim>
auto sampler_for_log(const A& architecture, Index steps) {
  DiffusionSampler<A, CosineSchedule, TestedBackend, Rule, double> sampler{architecture,
                                                                           CosineSchedule{.steps = steps}};
  sampler.fit(test::correlated_samples(6, 40, 1));
  return sampler;
}

TEST_CASE("A prediction log holds every x0_hat, whatever the batch size", "[sampler]") {
  auto sampler = sampler_for_log<Linear, Ancestral>(Linear{}, 4);
  std::vector<Batch<double>> seen;
  const auto observer = [&](const SamplerStep<test::Storage<double>>& step) {
    seen.push_back(test::download(step.x0_hat));
  };
  PredictionLog<double, TestedBackend> log;
  const Batch<double> samples = sampler.sample(10, Seed{2}, log, observer);
  REQUIRE(log.predictions().size() == 4);
  for (std::size_t step = 0; step < 4; ++step) REQUIRE(bitwise_equal(log.predictions()[step], seen[step]));
  REQUIRE(bitwise_equal(log.predictions().back(), samples));
  PredictionLog<double, TestedBackend> in_batches;
  (void)sampler.set_batch_size(3).sample(10, Seed{2}, in_batches);
  for (std::size_t step = 0; step < 4; ++step)
    REQUIRE(bitwise_equal(in_batches.predictions()[step], log.predictions()[step]));
  const auto heun = sampler_for_log<Linear, Heun>(Linear{}, 4);
  PredictionLog<double, TestedBackend> heun_log;
  const Batch<double> heun_samples = heun.sample(3, Seed{2}, heun_log);
  REQUIRE(bitwise_equal(heun_log.predictions().back(), heun_samples));
}

TEST_CASE("A prediction log is for one call", "[sampler]") {
  const auto four = sampler_for_log(Linear{}, 4);
  const auto five = sampler_for_log(Linear{}, 5);
  PredictionLog<double, TestedBackend> log;
  (void)four.sample(10, Seed{2}, log);
  REQUIRE(message_of<DimensionMismatch>([&] { (void)four.sample(10, Seed{2}, log); }) ==
          "PredictionLog: samples from number 0 on after 10 samples; clear() the log between two calls of a sampler");
  REQUIRE(message_of<DimensionMismatch>([&] { (void)five.sample(10, Seed{2}, log); }) ==
          "PredictionLog: a trajectory of 5 steps after one of 4; clear() the log between two calls of a sampler");
  log.clear();
  (void)five.sample(2, Seed{2}, log);
  REQUIRE(log.predictions().size() == 5);
}

TEST_CASE("Logs of two samplers give their agreement along the trajectory", "[sampler][agreement]") {
  const auto linear = sampler_for_log(Linear{}, 6);
  const auto rank_6 = sampler_for_log(RankK{.rank = 6}, 6);
  const auto rank_2 = sampler_for_log(RankK{.rank = 2}, 6);
  const Batch<double> noise = random_matrix(6, 40, 3);
  PredictionLog<double, TestedBackend> reference;
  PredictionLog<double, TestedBackend> equal;
  PredictionLog<double, TestedBackend> other;
  const Batch<double> samples = linear.sample_from(noise, reference);
  (void)rank_6.sample_from(noise, equal);
  const Batch<double> other_samples = rank_2.sample_from(noise, other);
  for (const Agreement& at : trajectory_agreement(linear.levels(), equal.predictions(), reference.predictions()))
    REQUIRE(at.r_squared.minCoeff() > 1.0 - 1e-10);
  const auto result = trajectory_agreement(linear.levels(), other.predictions(), reference.predictions());
  // At the first level the small modes have no gain, so that leaving them out changes little; in the end it does.
  REQUIRE(result.front().median_r_squared > 0.999);
  REQUIRE(result.back().median_r_squared < 0.99);
  REQUIRE(result.back().r_squared == r_squared(other_samples, samples));
}

}  // namespace
}  // namespace diffarch
