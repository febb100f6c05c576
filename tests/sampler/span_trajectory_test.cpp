#include "diffarch/sampler/span_trajectory.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "diffarch/core/storage.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/denoiser/polynomial/spectral_polynomial_denoiser.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "sampler/run_steps.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::relative_difference;

using RandomCubic = Polynomial<3, RandomFeatures<ExactAverage>>;
using SpectralCubic = Polynomial<3, SpectralFeatures<>>;

RandomCubic random_cubic() { return {.features = {.width = 40, .averaging = {.ridge = 1e-2}}}; }
SpectralCubic spectral_cubic() { return {.features = {.width = 40}}; }

template <class B, class A, class S, class Rule>
void check(const A& architecture, const S& schedule, const Rule& rule) {
  using Sampler = DiffusionSampler<A, S, B, Rule, double>;
  STATIC_REQUIRE(SpanDenoiser<typename Sampler::Model>);
  INFO(architecture.name() << ", " << rule.name());
  Sampler sampler(architecture, schedule, rule);
  sampler.fit(correlated_samples(30, 50, 1));
  const Batch<double> in_span = sampler.sample(7, Seed{2});
  REQUIRE(in_span.allFinite());
  // An observer wants to see y and x0_hat of every step: all steps are taken in pixels.
  Index steps = 0;
  const auto observer = [&](const typename Sampler::Step&) { ++steps; };
  CHECK(relative_difference(in_span, sampler.sample(7, Seed{2}, observer)) < 1e-10);
  CHECK(steps == sampler.levels().steps());
  // A log of escapes alone does not.
  EscapeLog log(1e6);
  CHECK(bitwise_equal(sampler.sample(7, Seed{2}, log), in_span));
  CHECK(log.escapes().empty());
  for (const Index batch_size : {1, 2, 5})
    CHECK(bitwise_equal(sampler.set_batch_size(batch_size).sample(7, Seed{2}), in_span));
  CHECK_FALSE(bitwise_equal(sampler.sample(7, Seed{3}), in_span));
}

template <class B, class A>
void check_all_rules(const A& architecture) {
  const CosineSchedule cosine{.steps = 6};
  const CustomSchedule finite = CustomSchedule::from_sigmas({3.0, 1.5, 0.8, 0.4, 0.2, 0.0});
  check<B>(architecture, cosine, Ddim{});
  check<B>(architecture, cosine, Ddim{.eta = 0.5});
  check<B>(architecture, cosine, Ancestral{});
  check<B>(architecture, finite, Ancestral{});
  check<B>(architecture, finite, Heun{});
}

TEST_CASE("Sampling in the coordinates of random features equals sampling in pixels", "[sampler]") {
  check_all_rules<test::TestedBackend>(random_cubic());
}

TEST_CASE("Sampling in the coordinates of spectral features equals sampling in pixels", "[sampler]") {
  check_all_rules<Cpu>(spectral_cubic());
}

TEST_CASE("Escapes are the same in the span and in pixels", "[sampler]") {
  DiffusionSampler<RandomCubic, CosineSchedule, test::TestedBackend, Ddim, double> sampler(random_cubic(),
                                                                                           CosineSchedule{.steps = 6});
  sampler.fit(correlated_samples(30, 50, 1)).set_batch_size(8);
  // The limit is the median of the samples' sizes, so that about half of them escape.
  const Batch<double> samples = sampler.sample(21, Seed{4});
  std::vector<double> sizes;
  for (Index j = 0; j < 21; ++j) sizes.push_back(samples.col(j).norm() / std::sqrt(30.0));
  std::nth_element(sizes.begin(), sizes.begin() + 10, sizes.end());
  EscapeLog span_log(sizes[10] * (1.0 + 1e-6));
  EscapeLog pixel_log(span_log.limit());
  (void)sampler.sample(21, Seed{4}, span_log);
  (void)sampler.sample(21, Seed{4}, pixel_log, [](const auto&) {});
  REQUIRE(span_log.escapes().size() >= 10);
  REQUIRE(span_log.escapes().size() < 21);
  REQUIRE(span_log.escapes().size() == pixel_log.escapes().size());
  for (std::size_t i = 0; i < span_log.escapes().size(); ++i) {
    CHECK(span_log.escapes()[i].sample == pixel_log.escapes()[i].sample);
    CHECK(span_log.escapes()[i].step == pixel_log.escapes()[i].step);
    CHECK(span_log.escapes()[i].sigma == pixel_log.escapes()[i].sigma);
  }
}

TEST_CASE("No prediction has a larger norm than its model says", "[sampler]") {
  const auto check = [](const auto& architecture) {
    using B = test::TestedBackend;
    DiffusionSampler<std::remove_cvref_t<decltype(architecture)>, CosineSchedule, B, Ddim, float> sampler(
        architecture, CosineSchedule{.steps = 6});
    sampler.fit(correlated_samples<float>(30, 50, 1));
    for (const Index step : {0, 3, 5}) {
      const NoiseLevel level = sampler.levels()[step];
      const auto y = test::upload(Matrix<float>(test::random_matrix<float>(30, 9, 5) * static_cast<float>(3.0)));
      const auto w = sampler.model().coefficients(sampler.model().project(y), level);
      const Vector<double> bounds = sampler.model().largest_norms(w);
      const Vector<double> norms = B::column_norms(sampler.model().materialise(w));
      REQUIRE(bounds.size() == 9);
      CHECK((norms.array() <= bounds.array()).all());
      CHECK((bounds.array() <= 100.0 * norms.array()).all());  // and says something
    }
  };
  check(random_cubic());
  check(spectral_cubic());
}

TEST_CASE("Samples in the span of every backend are those of the host", "[sampler]") {
  const auto samples = [](auto backend, auto rule) {
    DiffusionSampler<RandomCubic, CosineSchedule, decltype(backend), decltype(rule), double> sampler(
        random_cubic(), CosineSchedule{.steps = 6}, rule);
    return sampler.fit(correlated_samples(30, 50, 1)).sample(7, Seed{2});
  };
  CHECK(relative_difference(samples(test::TestedBackend{}, Ddim{}), samples(Cpu{}, Ddim{})) < 1e-11);
  CHECK(relative_difference(samples(test::TestedBackend{}, Ancestral{}), samples(Cpu{}, Ancestral{})) < 1e-11);
}

/// x0_hat = growth y. 1e30 is finite in double for any number of steps here, but not in float.
struct Growing {
  using Scalar = float;
  using BackendType = test::TestedBackend;
  using Storage = test::Storage<float>;
  using Coordinates = test::Storage<double>;
  double growth = 1e30;
  mutable int materialised = 0;
  [[nodiscard]] Index dimension() const { return 2; }
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return materialise(coefficients(project(y), level));
  }
  [[nodiscard]] Coordinates project(const Storage& y) const { return converted<double, BackendType>(y); }
  [[nodiscard]] Coordinates coefficients(const Coordinates& z, NoiseLevel /*level*/) const {
    Coordinates w = z;
    BackendType::for_each(2, w.cols(), elementwise::Scale<double>{w.data(), z.data(), growth, 2});
    return w;
  }
  [[nodiscard]] Coordinates project_prediction(const Coordinates& w) const { return w; }
  [[nodiscard]] Storage materialise(const Coordinates& w) const {
    ++materialised;
    return converted<float, BackendType>(w);
  }
  [[nodiscard]] Vector<double> largest_norms(const Coordinates& w) const { return BackendType::column_norms(w); }
};

TEST_CASE("Samples that overflow single precision are an error in the span as in pixels", "[sampler]") {
  STATIC_REQUIRE(SpanDenoiser<Growing>);
  const NoiseLevels levels = CustomSchedule::from_sigmas({4.0, 2.0, 1.0, 0.0}).levels();
  const Batch<float> noise = test::random_matrix<float>(2, 3, 6);
  CHECK_THROWS_AS(test::run_steps(Growing{}, levels, Ddim{}, test::upload(noise), Seed{}, 0, std::nullopt),
                  NumericalError);
  CHECK_THROWS_AS(detail::run_in_span(Growing{}, levels, Ddim{}, test::upload(noise), Seed{}, 0), NumericalError);
}

TEST_CASE("Predictions are made where a sample could escape, and behind the last step", "[sampler]") {
  const NoiseLevels levels = CustomSchedule::from_sigmas({16.0, 8.0, 4.0, 2.0, 1.0, 0.0}).levels();
  const Batch<float> noise{{1.0F, 0.1F}, {1.0F, 0.1F}};
  const auto run = [&](double growth, double limit) {
    const Growing model{.growth = growth};
    EscapeLog span_log(limit);
    EscapeLog pixel_log(limit);
    (void)detail::run_in_span(model, levels, Ddim{}, test::upload(noise), Seed{}, 5, span_log);
    const int materialised = model.materialised;
    (void)test::run_steps(model, levels, Ddim{}, test::upload(noise), Seed{}, 5, std::nullopt, pixel_log);
    REQUIRE(span_log.escapes().size() == pixel_log.escapes().size());
    for (std::size_t i = 0; i < span_log.escapes().size(); ++i) {
      CHECK(span_log.escapes()[i].sample == pixel_log.escapes()[i].sample);
      CHECK(span_log.escapes()[i].step == pixel_log.escapes()[i].step);
    }
    return std::pair(materialised, static_cast<int>(span_log.escapes().size()));
  };
  // With growth g, y becomes y (r + (1 - r) g), r = 1/2, at every step but the last.
  CHECK(run(0.5, 1e3) == std::pair(1, 0));
  // 16, 24, 36, 54 and 81 of the first sample: it escapes at the fourth prediction, 108 > 100, and then counts no more.
  CHECK(run(2.0, 100.0) == std::pair(2, 1));
  // Both overflow float, and the second a step later; no limit is so large that this passes unseen.
  CHECK(run(1e30, 1e300).second == 2);
}

}  // namespace
}  // namespace diffarch
