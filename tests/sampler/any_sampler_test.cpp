#include "diffarch/sampler/any_sampler.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/edm_stochastic.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/part.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;
using test::TestedBackend;

template <class A, class R>
using Typed = DiffusionSampler<A, CosineSchedule, TestedBackend, R, double>;

template <class A, class R>
void check_same(const A& architecture, const R& rule, const Batch<double>& data) {
  const CosineSchedule schedule{.steps = 5};
  const std::string name = TestedBackend::name();
  CAPTURE(architecture.name(), rule.name(), name);
  Typed<A, R> typed(architecture, schedule, rule);
  typed.fit(data);
  auto any = AnySampler<double>::on<TestedBackend>(name, architecture, schedule, rule);
  any.fit(data);
  const AnySampler<double> same = typed;
  const Batch<double> noise = test::random_matrix(data.rows(), 3, 4);
  const Batch<double> expected = typed.sample(4, Seed{2});
  const Batch<double> expected_from = typed.sample_from(noise, Seed{3});
  for (const AnySampler<double>* sampler : {&std::as_const(any), &same}) {
    REQUIRE(bitwise_equal(sampler->sample(4, Seed{2}), expected));
    REQUIRE(bitwise_equal(sampler->sample_from(noise, Seed{3}), expected_from));
    REQUIRE(sampler->name() == architecture.name());
    REQUIRE(sampler->backend() == name);
    REQUIRE(sampler->dimension() == data.rows());
    REQUIRE(sampler->levels().steps() == 5);
  }
  EscapeLog log(1e-3);
  EscapeLog expected_log(1e-3);
  REQUIRE(bitwise_equal(any.sample_from(noise, log, Seed{3}), typed.sample_from(noise, Seed{3}, expected_log)));
  REQUIRE(log.escapes().size() == 3);
  REQUIRE(expected_log.escapes().size() == 3);
}

TEST_CASE("An AnySampler draws bitwise the samples of the DiffusionSampler whose type it forgets", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  check_same(RankK{.rank = 3}, Ddim{}, data);  // collapsed
  check_same(RankK{.rank = 3}, VarianceExactDdim{}, data);
  check_same(RankK{.rank = 3}, Ancestral{}, data);                                      // steps one by one
  check_same(Ideal{}, Heun{}, data);                                                    // kept as an AnyDenoiser
  check_same(Polynomial<2, RandomFeatures<ExactAverage>>{{.width = 8}}, Ddim{}, data);  // in the span
}

template <class A, class R>
void check_continued(const A& architecture, const R& rule, const Batch<double>& data) {
  const KarrasSchedule schedule{.steps = 7};
  const std::string name = TestedBackend::name();
  CAPTURE(architecture.name(), rule.name(), name);
  const auto rest = part(schedule, 3, 7);
  DiffusionSampler<A, PartOfSchedule<KarrasSchedule>, TestedBackend, R, double> typed(architecture, rest, rule);
  typed.fit(data);
  auto any = AnySampler<double>::on<TestedBackend>(name, architecture, rest, rule);
  any.fit(data);
  const AnySampler<double> same = typed;
  const AnySampler<double> of_model(typed.model(), "the model", rest, rule);
  auto begins = AnySampler<double>::on<TestedBackend>(name, architecture, part(schedule, 0, 3), rule);
  const Batch<double> noisy = begins.fit(data).sample(5, Seed{3});
  const Batch<double> expected = typed.continue_from(noisy, Seed{3});
  REQUIRE(bitwise_equal(continue_from(typed.model(), rest, noisy, rule, Seed{3}), expected));
  for (const AnySampler<double>* sampler : {&std::as_const(any), &same, &of_model})
    REQUIRE(bitwise_equal(sampler->continue_from(noisy, Seed{3}), expected));
  // Noisy samples are no noise: they are not scaled to the first level once more.
  REQUIRE_FALSE(bitwise_equal(any.sample_from(noisy, Seed{3}), expected));
  REQUIRE(bitwise_equal(any.continue_from(noisy, Seed{4}), expected) == (rule.name() == Heun{}.name()));
  EscapeLog log(1e-3);
  EscapeLog expected_log(1e-3);
  const Batch<double> logged = any.continue_from(noisy, log, Seed{3});
  REQUIRE(bitwise_equal(logged, typed.continue_from(noisy, Seed{3}, expected_log)));
  REQUIRE(log.escapes().size() == 5);
  REQUIRE(expected_log.escapes().size() == 5);
}

TEST_CASE("An AnySampler goes on from noisy samples as the DiffusionSampler does, bitwise", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  check_continued(Ideal{}, Ddim{.eta = 0.7}, data);
  check_continued(Ideal{}, Heun{}, data);
  check_continued(Ideal{}, EdmStochastic{.churn = 2.0}, data);
  check_continued(RankK{.rank = 3}, Ddim{.eta = 0.7}, data);
  check_continued(RankK{.rank = 3}, Heun{}, data);  // collapsed
  check_continued(RankK{.rank = 3}, EdmStochastic{.churn = 2.0}, data);
  check_continued(Polynomial<2, RandomFeatures<ExactAverage>>{{.width = 8}}, Heun{}, data);  // has a span
}

TEST_CASE("Two AnySamplers take a trajectory in two parts, and stop noisy", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  const KarrasSchedule schedule{.steps = 7};
  const EdmStochastic rule{.churn = 2.0};
  const auto on = [&](const auto& levels) {
    auto sampler = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), Ideal{}, levels, rule);
    return sampler.fit(data).set_batch_size(2);
  };
  const Batch<double> whole = on(schedule).sample(5, Seed{3});
  const Batch<double> begun = on(part(schedule, 0, 2)).sample(5, Seed{3});
  const Batch<double> middle = on(part(schedule, 2, 5)).continue_from(begun, Seed{3});
  REQUIRE(bitwise_equal(on(part(schedule, 5, 7)).continue_from(middle, Seed{3}), whole));
}

TEST_CASE("An AnySampler refuses what it cannot go on from", "[sampler]") {
  auto any = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), Ideal{}, from_sigma(KarrasSchedule{}, 1.0));
  const Batch<double> ones = Batch<double>::Ones(5, 2);
  REQUIRE(message_of<Error>([&] { return any.continue_from(ones); }) ==
          "DiffusionSampler: no model yet; call fit(data) first");
  any.fit(test::correlated_samples(5, 30, 1));
  REQUIRE(message_of<DimensionMismatch>([&] { return any.continue_from(ones.topRows(4)); }) ==
          "continue_from: y is (4, 2) but the model has dimension 5; expected (5, n) with n >= 1");
  REQUIRE(message_of<DimensionMismatch>([&] { return any.continue_from(ones.leftCols(0)); }) ==
          "continue_from: y is (5, 0) but the model has dimension 5; expected (5, n) with n >= 1");
  REQUIRE(message_of<InvalidArgument>([&] { return any.continue_from(std::nan("") * ones); }) ==
          "continue_from: y holds a value that is not finite");
}

TEST_CASE("An AnySampler knows spectrum and prediction where the model has them", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  Typed<RankK, Ddim> typed(RankK{.rank = 3}, CosineSchedule{.steps = 5});
  typed.fit(data);
  const AnySampler<double> any = typed;
  const auto spectrum = any.spectrum();
  REQUIRE(spectrum.has_value());
  REQUIRE(spectrum->mean == typed.model().mean());
  REQUIRE(spectrum->eigenvalues == typed.model().eigenvalues());
  REQUIRE(bitwise_equal(spectrum->basis, TestedBackend::download(typed.model().basis())));
  const auto expected = predicted_distribution(typed.model(), typed.schedule()).finite_steps;
  const auto predicted = any.predicted_distribution();
  REQUIRE(predicted.has_value());
  REQUIRE(predicted->finite_steps.mode_variance == expected.mode_variance);
  REQUIRE(predicted->finite_steps.mean == expected.mean);

  auto ideal = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), Ideal{}, CosineSchedule{.steps = 5});
  REQUIRE_THROWS_AS(ideal.dimension(), Error);
  REQUIRE_THROWS_AS(ideal.sample(1, Seed{1}), Error);
  ideal.fit(data);
  REQUIRE_FALSE(ideal.spectrum().has_value());
  REQUIRE_FALSE(ideal.predicted_distribution().has_value());
  auto heun = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), Ideal{}, CosineSchedule{.steps = 5}, Heun{});
  REQUIRE_FALSE(heun.fit(data).predicted_distribution().has_value());
  auto churned = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), RankK{.rank = 3},
                                                       KarrasSchedule{.steps = 5}, EdmStochastic{.churn = 2.0});
  REQUIRE(churned.fit(data).predicted_distribution().has_value());
}

TEST_CASE("A trajectory ends in the samples and holds what the model saw and said", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 20, 1);
  auto any = AnySampler<double>::on<TestedBackend>(TestedBackend::name(), Ideal{}, KarrasSchedule{.steps = 4});
  any.fit(data).set_batch_size(2);
  const Batch<double> noise = test::random_matrix(5, 3, 4);
  const SampledTrajectory<double> trajectory = any.trajectory(noise);
  REQUIRE(bitwise_equal(trajectory.samples, any.sample_from(noise)));
  REQUIRE(trajectory.noisy.size() == 4);
  REQUIRE(trajectory.predictions.size() == 4);
  for (std::size_t step = 0; step < 4; ++step)
    REQUIRE(bitwise_equal(any.denoise(trajectory.noisy[step], any.levels()[static_cast<Index>(step)]),
                          trajectory.predictions[step]));
  REQUIRE(bitwise_equal(trajectory.predictions.back(), trajectory.samples));
}

TEST_CASE("Copies share the model and not the settings; another schedule or rule can take the model", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  using Model = typename Typed<Ideal, Ddim>::Model;
  const std::string name = TestedBackend::name();
  auto fitted = AnySampler<double>::on<TestedBackend>(name, Ideal{}, CosineSchedule{.steps = 5});
  fitted.fit(data);
  AnySampler<double> clipped = fitted;
  clipped.set_clip(0.01);
  REQUIRE(clipped.target<Model>() == fitted.target<Model>());
  REQUIRE(fitted.target<Model>() != nullptr);
  REQUIRE(fitted.target<GaussianDenoiser<TestedBackend, double>>() == nullptr);
  REQUIRE(clipped.sample(2, Seed{1}).cwiseAbs().maxCoeff() <= 0.01);
  REQUIRE(fitted.sample(2, Seed{1}).cwiseAbs().maxCoeff() > 0.01);

  auto other = AnySampler<double>::on<TestedBackend>(name, Ideal{}, KarrasSchedule{.steps = 3}, Heun{});
  REQUIRE(other.target<Model>() == nullptr);
  other.set_model_of(fitted);
  REQUIRE(other.target<Model>() == fitted.target<Model>());
  auto refitted = other;
  REQUIRE(bitwise_equal(refitted.fit(data).sample(3, Seed{5}), other.sample(3, Seed{5})));

  auto linear = AnySampler<double>::on<TestedBackend>(name, RankK{.rank = 2}, KarrasSchedule{.steps = 3});
  REQUIRE(message_of<InvalidArgument>([&] { linear.set_model_of(fitted); }) ==
          "AnySampler: the model of Ideal on " + name + " is not of the type of those of RankK (K = 2) on " + name);
  REQUIRE(message_of<InvalidArgument>([&] { fitted.set_model_of(linear); }) ==
          "AnySampler: RankK (K = 2) has no model yet; call fit first");
}

TEST_CASE("An AnySampler takes over the settings of the DiffusionSampler", "[sampler]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  Typed<Ideal, Ddim> typed(Ideal{}, CosineSchedule{.steps = 5});
  std::vector<Index> done;
  typed.fit(data).set_clip(0.01).set_batch_size(2).set_progress(
      [&](const Progress& progress) { done.push_back(progress.done); });
  const AnySampler<double> any = typed;
  REQUIRE(any.sample(5, Seed{1}).cwiseAbs().maxCoeff() <= 0.01);
  REQUIRE(done == std::vector<Index>{2, 4, 5});
}

TEST_CASE("An AnySampler of a model samples it; what has no samples to be fitted to is said", "[sampler]") {
  const GaussianMixture mixture = three_component_mixture();
  const auto model = fit(GaussianMixtureScore{}, mixture, CosineSchedule{.steps = 5});
  AnySampler<double> any(model, "the mixture", CosineSchedule{.steps = 5});
  REQUIRE(any.name() == "the mixture");
  REQUIRE(any.sample(3, Seed{1}).cols() == 3);
  REQUIRE(message_of<InvalidArgument>([&] { any.fit(test::random_matrix(2, 9, 1)); }) ==
          "AnySampler: the mixture was made of a fitted model, or is not fitted to samples; there is nothing to fit");
}

TEST_CASE("A backend that is not in the list is refused by name", "[sampler]") {
  const auto on = [](const std::string& backend) {
    return AnySampler<double>::on<TestedBackend>(backend, Ideal{}, CosineSchedule{.steps = 5});
  };
  REQUIRE(message_of<InvalidArgument>([&] { (void)on("rocm"); }) ==
          "AnySampler: there is no backend 'rocm'; expected one of " + TestedBackend::name());
}

}  // namespace
}  // namespace diffarch
