#include "diffarch/sampler/diffusion_sampler.hpp"

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::message_of;
using test::relative_difference;
using test::TestedBackend;

template <class Rule = Ddim>
using LinearSampler = DiffusionSampler<Linear, CosineSchedule, TestedBackend, Rule, double>;

TEST_CASE("The samples of the linear family are the closed form in two products", "[sampler]") {
  const Batch<double> data = correlated_samples(15, 8, 1);
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(data);
  const Batch<double> samples = sampler.sample(5, Seed{7});
  // out = mean + U G (U^T x_T / sqrt(alpha_bar_T) - U^T mean), G = prod (lambda + s s') / (lambda + s^2).
  const Batch<double> noise = normal_batch<double>(15, 5, Seed{7});
  const auto& model = sampler.model();
  const std::vector<double> sigmas = sampler.levels().sigmas();
  Vector<double> gains = Vector<double>::Ones(model.rank());
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i)
    gains.array() *= (model.eigenvalues().array() + sigmas[i] * sigmas[i + 1]) /
                     (model.eigenvalues().array() + sigmas[i] * sigmas[i]);
  const Matrix<double> basis = test::download(model.basis());
  const Matrix<double> start = (noise / sampler.levels()[0].signal).colwise() - model.mean();
  const Matrix<double> expected = (basis * gains.asDiagonal() * basis.transpose() * start).colwise() + model.mean();
  REQUIRE(relative_difference(samples, expected) < 1e-12);
}

TEST_CASE("Sampling from given noise is sampling with the seed that makes it", "[sampler]") {
  const Batch<double> data = correlated_samples(6, 30, 2);
  const Batch<double> noise = test::download(TestedBackend::normal<double>(6, 9, Seed{3}, streams::initial_noise, 0));
  LinearSampler<> ddim{Linear{}, CosineSchedule{.steps = 10}};
  ddim.fit(data);
  REQUIRE(bitwise_equal(ddim.sample_from(noise), ddim.sample(9, Seed{3})));
  LinearSampler<Ancestral> ancestral{Linear{}, CosineSchedule{.steps = 10}};
  ancestral.fit(data);
  REQUIRE(bitwise_equal(ancestral.sample_from(noise, Seed{3}), ancestral.sample(9, Seed{3})));
  // The seed feeds the fresh noise too.
  REQUIRE_FALSE(bitwise_equal(ancestral.sample_from(noise, Seed{4}), ancestral.sample(9, Seed{3})));
}

TEST_CASE("Different seeds give different samples", "[sampler]") {
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(correlated_samples(6, 30, 2));
  REQUIRE_FALSE(bitwise_equal(sampler.sample(4, Seed{1}), sampler.sample(4, Seed{2})));
}

TEST_CASE("VP and VE levels of the same sigmas give the same samples under every rule", "[sampler]") {
  const Batch<double> data = correlated_samples(6, 30, 3);
  const auto difference = [&](const auto& rule, const NoiseLevels& levels) {
    std::vector<NoiseLevel> vp;
    std::vector<NoiseLevel> ve;
    for (const NoiseLevel& level : levels) {
      vp.push_back(level.variance_preserving());
      ve.push_back(level.variance_exploding());
    }
    using Sampler =
        DiffusionSampler<Linear, CustomSchedule, TestedBackend, std::remove_cvref_t<decltype(rule)>, double>;
    const auto draw = [&](const std::vector<NoiseLevel>& list) {
      Sampler sampler{Linear{}, CustomSchedule(list), rule};
      return sampler.fit(data).sample(20, Seed{4}, [](const auto&) {});
    };
    return relative_difference(draw(vp), draw(ve));
  };
  const NoiseLevels levels = CosineSchedule{.steps = 20}.levels();
  // Rounding of the levels, a few eps per step.
  REQUIRE(difference(Ddim{}, levels) < 1e-12);
  REQUIRE(difference(Ddim{.eta = 0.5}, levels) < 1e-12);
  REQUIRE(difference(Ancestral{}, levels) < 1e-12);
  REQUIRE(difference(Ancestral{.variance = Ancestral::Variance::beta}, levels) < 1e-12);
  REQUIRE(difference(Heun{}, KarrasSchedule{}.levels()) < 1e-12);
}

TEST_CASE("Ancestral samples are DDIM samples with eta = 1", "[sampler]") {
  const Batch<double> data = correlated_samples(6, 30, 3);
  LinearSampler<Ancestral> ancestral{Linear{}, CosineSchedule{.steps = 10}};
  LinearSampler<Ddim> ddim{Linear{}, CosineSchedule{.steps = 10}, Ddim{.eta = 1.0}};
  // DDIM's weight of y cancels to about eps (sigma / sigma')^2, 1e-13 at the steepest step.
  REQUIRE(relative_difference(ancestral.fit(data).sample(20, Seed{4}), ddim.fit(data).sample(20, Seed{4})) < 1e-11);
}

TEST_CASE("The two mixtures of equal moments give the same samples to rounding", "[sampler]") {
  const auto draw = [](const auto& mixture) {
    LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
    return sampler.fit(GaussianMoments<double>(mixture.mean(), mixture.covariance())).sample(100, Seed{5});
  };
  REQUIRE(relative_difference(draw(three_component_mixture()), draw(two_component_mixture())) < 1e-14);
}

TEMPLATE_TEST_CASE("Each mode of the samples has the predicted finite-step variance, and the test can tell",
                   "[sampler]", float, double) {
  // Training data of 30 dimensions, 12 of them kept; 3000 samples.
  using Sampler = DiffusionSampler<RankK, CosineSchedule, TestedBackend, Ddim, TestType>;
  Sampler sampler{RankK{.rank = 12}, CosineSchedule{.steps = 10}};
  sampler.fit(correlated_samples<TestType>(30, 200, 6));
  const Batch<TestType> samples = sampler.sample(3000, Seed{6});
  const auto prediction = predicted_distribution(sampler.model(), sampler.schedule());
  const auto right = gaussian_agreement(samples, prediction.finite_steps.mean, test::download(sampler.model().basis()),
                                        prediction.finite_steps.mode_variance);
  // Standard normal scores: |z| > 4.9 has probability 1e-6 each when the prediction is right.
  REQUIRE(std::abs(right.mean_z) < 4.9);
  REQUIRE(std::abs(right.variance_z) < 4.9);
  REQUIRE(right.worst_mode_p_value > 1e-6);
  // Power: with the variances of N -> infinity, a quarter larger, the same test rejects ten steps.
  const auto wrong = gaussian_agreement(samples, prediction.finite_steps.mean, test::download(sampler.model().basis()),
                                        prediction.continuous_limit.mode_variance);
  REQUIRE(std::abs(wrong.variance_z) > 20.0);
  REQUIRE(wrong.worst_mode_p_value < 1e-12);
}

TEST_CASE("Data sets and moments are accepted like batches, and progress is reported", "[sampler]") {
  const Batch<double> data = correlated_samples(12, 30, 7);
  std::vector<Progress> reports;
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.set_batch_size(4).set_progress([&](const Progress& progress) { reports.push_back(progress); });
  const Batch<double> samples = sampler.fit(data).sample(10, Seed{8});
  REQUIRE(reports.size() == 4);
  REQUIRE(reports[0].task == "fit Linear");
  REQUIRE(reports[1].task == "sample Linear");
  REQUIRE(reports[1].done == 4);
  REQUIRE(reports[3].done == 10);
  REQUIRE(reports[3].total == 10);
  REQUIRE(bitwise_equal(sampler.fit(Dataset<double>(data, {2, 2, 3}, "data")).sample(10, Seed{8}), samples));
}

TEST_CASE("Every expression of Eigen is accepted as training data and as noise", "[sampler]") {
  Batch<double> data = correlated_samples(4, 12, 1);
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 5}};
  LinearSampler<> same{Linear{}, CosineSchedule{.steps = 5}};
  sampler.fit(data.leftCols(10));
  same.fit(Batch<double>(data.leftCols(10)));
  const Batch<double> noise = normal_batch<double>(4, 6, Seed{1});
  const Batch<double> samples = same.sample_from(Batch<double>(noise.rightCols(3)));
  REQUIRE(bitwise_equal(sampler.sample_from(noise.rightCols(3)), samples));
  REQUIRE(bitwise_equal(sampler.sample_from(noise.rightCols(3), Seed{1}), samples));
  const auto images = [&] { return Dataset<double>(noise.rightCols(3), {2, 2, 1}, "noise"); };
  REQUIRE(bitwise_equal(sampler.sample_from(images()), samples));
  data(3, 7) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] { return sampler.fit(data.leftCols(10)).levels(); }) ==
          "fit: the training data hold nan at row 3 of sample 7; expected finite values");
}

/// Euler's method in the coordinates of y, without its gain of one mode.
struct EulerWithoutGain {
  [[nodiscard]] std::string name() const { return "Euler"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    Ddim{}.advance(model, y, x0_hat, level, next);
  }
};

TEST_CASE("A rule that has no gain of a mode takes its steps one by one", "[sampler]") {
  const Batch<double> data = correlated_samples(4, 12, 1);
  LinearSampler<EulerWithoutGain> by_steps{Linear{}, CosineSchedule{.steps = 5}};
  LinearSampler<> collapsed{Linear{}, CosineSchedule{.steps = 5}};
  by_steps.fit(data);
  collapsed.fit(data);
  REQUIRE(relative_difference(by_steps.sample(7, Seed{1}), collapsed.sample(7, Seed{1})) < 1e-12);
}

TEST_CASE("The template arguments of a sampler are deduced from its parts", "[sampler]") {
  const CosineSchedule schedule{.steps = 10};
  DiffusionSampler plain{RankK{.rank = 1}, schedule};
  STATIC_REQUIRE(std::is_same_v<decltype(plain), DiffusionSampler<RankK, CosineSchedule, Cpu, Ddim, float>>);
  DiffusionSampler with_rule{Linear{}, schedule, Heun{}};
  STATIC_REQUIRE(std::is_same_v<decltype(with_rule), DiffusionSampler<Linear, CosineSchedule, Cpu, Heun, float>>);
  DiffusionSampler with_eta{Linear{}, schedule, Ddim{.eta = 0.5}};
  REQUIRE(with_eta.rule().eta == 0.5);
  DiffusionSampler with_backend{Linear{}, schedule, TestedBackend{}};
  STATIC_REQUIRE(
      std::is_same_v<decltype(with_backend), DiffusionSampler<Linear, CosineSchedule, TestedBackend, Ddim, float>>);
  DiffusionSampler with_both{Linear{}, schedule, TestedBackend{}, Ancestral{}};
  STATIC_REQUIRE(
      std::is_same_v<decltype(with_both), DiffusionSampler<Linear, CosineSchedule, TestedBackend, Ancestral, float>>);
  DiffusionSampler any{AnyArchitecture<double, TestedBackend>::of(Linear{}), schedule};
  STATIC_REQUIRE(std::is_same_v<decltype(any), DiffusionSampler<AnyArchitecture<double, TestedBackend>, CosineSchedule,
                                                                TestedBackend, Ddim, double>>);
  const Batch<float> data = correlated_samples(4, 12, 1).cast<float>();
  REQUIRE(bitwise_equal(
      with_backend.fit(data).sample(3, Seed{1}),
      DiffusionSampler<Linear, CosineSchedule, TestedBackend>{Linear{}, schedule}.fit(data).sample(3, Seed{1})));
}

TEST_CASE("A cancelled sampling can be started again", "[sampler]") {
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(correlated_samples(5, 30, 8)).set_progress([](const Progress&) { throw std::runtime_error("stop"); });
  REQUIRE_THROWS_WITH(sampler.sample(3, Seed{}), "stop");
  sampler.set_progress({});
  REQUIRE(sampler.sample(3, Seed{}).cols() == 3);
}

TEST_CASE("A sampler tells its parts", "[sampler]") {
  const DiffusionSampler<RankK, CosineSchedule> sampler{RankK{.rank = 3}, CosineSchedule{.steps = 7}, Ddim{.eta = 0.2}};
  REQUIRE(sampler.architecture().rank == 3);
  REQUIRE(sampler.schedule().steps == 7);
  REQUIRE(sampler.rule().eta == 0.2);
  REQUIRE(sampler.levels() == CosineSchedule{.steps = 7}.levels());
}

TEST_CASE("Sampling before fit is refused", "[sampler]") {
  const LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  const std::string expected = "DiffusionSampler: no model yet; call fit(data) first";
  REQUIRE(message_of<Error>([&] { return sampler.sample(3, Seed{}); }) == expected);
  REQUIRE(message_of<Error>([&] { return sampler.sample_from(Batch<double>::Zero(3, 1)); }) == expected);
  REQUIRE(message_of<Error>([&] { return sampler.model().rank(); }) == expected);
}

TEST_CASE("Zero samples and zero batch size are refused", "[sampler]") {
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(correlated_samples(5, 30, 9));
  for (const Index n : {0, -2})
    REQUIRE(message_of<InvalidArgument>([&] { return sampler.sample(n, Seed{}); }) ==
            detail::concat("sample: n = ", n, ", expected at least 1 sample"));
  REQUIRE(message_of<InvalidArgument>([&] { sampler.set_batch_size(0); }) == "set_batch_size: 0, expected at least 1");
}

TEST_CASE("Noise of another dimension or with NaN is refused", "[sampler]") {
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(correlated_samples(5, 30, 10));
  REQUIRE(message_of<DimensionMismatch>([&] { return sampler.sample_from(Batch<double>::Zero(4, 2)); }) ==
          "sample_from: the noise is (4, 2) but the model has dimension 5; expected (5, n) with n >= 1");
  REQUIRE_THAT(message_of<DimensionMismatch>([&] { return sampler.sample_from(Batch<double>::Zero(5, 0)); }),
               ContainsSubstring("the noise is (5, 0)"));
  Batch<double> noise = Batch<double>::Zero(5, 2);
  noise(3, 1) = std::nan("");
  REQUIRE(message_of<InvalidArgument>([&] { return sampler.sample_from(noise); }) ==
          "sample_from: the noise holds a value that is not finite");
}

TEST_CASE("Bad schedules, rules, ranks and data are refused where they are given", "[sampler]") {
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return LinearSampler<>{Linear{}, CosineSchedule{.steps = 0}};
               }),
               ContainsSubstring("CosineSchedule: steps = 0"));
  LinearSampler<> sampler{Linear{}, CosineSchedule{.steps = 10}, Ddim{.eta = 2.0}};
  sampler.fit(correlated_samples(5, 30, 11));
  REQUIRE_THAT(message_of<InvalidArgument>([&] { return sampler.sample(3, Seed{}); }), ContainsSubstring("eta = 2"));
  Batch<double> data = correlated_samples(5, 30, 11);
  data(2, 17) = std::nan("");
  REQUIRE_THAT(message_of<InvalidArgument>([&] { sampler.fit(data); }),
               ContainsSubstring("hold nan at row 2 of sample 17"));
  DiffusionSampler<RankK, CosineSchedule, TestedBackend> rank_k{RankK{.rank = 6}};
  REQUIRE_THAT(message_of<InvalidArgument>([&] { rank_k.fit(correlated_samples<float>(5, 30, 11)); }),
               ContainsSubstring("RankK: rank = 6 but the training data have rank 5"));
  DiffusionSampler<Linear, CustomSchedule, TestedBackend, Heun> heun{Linear{},
                                                                     CustomSchedule::from_alpha_bars({0.0, 0.5, 1.0})};
  heun.fit(correlated_samples<float>(5, 30, 11));
  REQUIRE_THAT(message_of<InvalidArgument>([&] { return heun.sample(3, Seed{}); }),
               ContainsSubstring("Heun: sampling starts from pure noise"));
}

}  // namespace
}  // namespace diffarch
