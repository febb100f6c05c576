#include "diffarch/sampler/escape_log.hpp"

#include <limits>
#include <string>
#include <vector>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace user {

/// Runs away like a cubic polynomial where the first element of y is positive, and stays bounded elsewhere. The tails
/// are so heavy that the first step is far outside, and the second overflows.
struct HalfCubic {
  [[nodiscard]] std::string name() const { return "HalfCubic"; }
};

/// Computes on the host whatever the backend: it is about the sampler.
template <class B, class Scalar_>
struct HalfCubicModel {
  using Scalar = Scalar_;
  using BackendType = B;
  using Storage = typename B::template Storage<Scalar>;
  diffarch::Index rows;

  [[nodiscard]] diffarch::Index dimension() const { return rows; }
  [[nodiscard]] Storage denoise(const Storage& storage, diffarch::NoiseLevel level) const {
    const diffarch::Batch<Scalar> y = B::download(storage);
    diffarch::Batch<Scalar> x0_hat = y / static_cast<Scalar>(level.scale());
    for (diffarch::Index j = 0; j < y.cols(); ++j) {
      if (x0_hat(0, j) > Scalar(0))
        x0_hat.col(j) = (1e100 * x0_hat.col(j).array().cube()).matrix();
      else
        x0_hat.col(j) = x0_hat.col(j).array().tanh().matrix().eval();
    }
    return B::upload(std::move(x0_hat));
  }
};

}  // namespace user

template <class B, class Scalar>
struct diffarch::Fitter<user::HalfCubic, B, Scalar> {
  static user::HalfCubicModel<B, Scalar> fit(const user::HalfCubic& /*architecture*/, const Batch<Scalar>& data,
                                             const NoiseLevels& /*levels*/, const ProgressCallback& /*progress*/) {
    return {data.rows()};
  }
};

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;
using test::random_matrix;

using Sampler = DiffusionSampler<user::HalfCubic, CosineSchedule, test::TestedBackend, Ddim, double>;

Sampler make_sampler() {
  Sampler sampler{user::HalfCubic{}, CosineSchedule{.steps = 4}};
  sampler.fit(test::correlated_samples(5, 10, 1));
  return sampler;
}

std::vector<Index> samples_of(const EscapeLog& log) {
  std::vector<Index> samples;
  for (const Escape& escape : log.escapes()) samples.push_back(escape.sample);
  return samples;
}

TEST_CASE("A sample escapes once, at the first step where its root mean square exceeds the limit", "[sampler]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EscapeLog log(5.0);
  CHECK(log.limit() == 5.0);
  // Root mean squares 5 (at the limit: not outside), 5.1, NaN, infinity; an element of 7 alone is not outside.
  const Batch<double> first{{5.0, 5.1, nan, 0.0, 7.0}, {-5.0, -5.1, 0.0, -infinity, 0.0}};
  log.record<test::TestedBackend>(test::upload(first), 2, NoiseLevel::from_sigma(3.0), 10);
  CHECK(samples_of(log) == std::vector<Index>{11, 12, 13});
  const Batch<double> second{{6.0, 9.0, nan, 1.0, 0.0}, {6.0, 9.0, nan, 1.0, 0.0}};
  log.record<test::TestedBackend>(test::upload(second), 3, NoiseLevel::from_sigma(1.5), 10);
  REQUIRE(samples_of(log) == std::vector<Index>{11, 12, 13, 10});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(log.escapes()[i].step == 2);
    CHECK(log.escapes()[i].sigma == 3.0);
  }
  CHECK(log.escapes()[3].step == 3);
  CHECK(log.escapes()[3].sigma == 1.5);
  // The same columns of another batch are other samples.
  log.record<test::TestedBackend>(test::upload(first), 0, NoiseLevel::from_sigma(9.0), 20);
  CHECK(samples_of(log) == std::vector<Index>{11, 12, 13, 10, 21, 22, 23});
  CHECK(log.has_escaped(10));
  CHECK_FALSE(log.has_escaped(14));
  CHECK_FALSE(log.has_escaped(20));
}

TEST_CASE("The root mean square of single precision does not overflow", "[sampler]") {
  EscapeLog log(1e30);
  log.record<test::TestedBackend>(test::upload(Batch<float>{{9e29F, 2e30F}, {9e29F, 2e30F}}), 0, NoiseLevel{},
                                  0);  // squares beyond float
  CHECK(samples_of(log) == std::vector<Index>{1});
}

TEST_CASE("A log is for one call of a sampler, or is cleared between two", "[sampler]") {
  const Sampler sampler = make_sampler();
  EscapeLog log(10.0);
  (void)sampler.sample(20, Seed{3}, log);
  const std::vector<Index> first = samples_of(log);
  REQUIRE_FALSE(first.empty());
  CHECK(message_of<InvalidArgument>([&] { (void)sampler.sample(20, Seed{4}, log); }) ==
        "EscapeLog: step 0 of sample 0 after its step 3; give every call of a sampler a log of its own, or clear() the "
        "log");
  CHECK(samples_of(log) == first);
  log.clear();
  CHECK(log.escapes().empty());
  CHECK_FALSE(log.has_escaped(first[0]));
  EscapeLog fresh(10.0);
  (void)sampler.sample(20, Seed{4}, log);
  (void)sampler.sample(20, Seed{4}, fresh);
  CHECK(samples_of(log) == samples_of(fresh));
  CHECK(samples_of(log) != first);
  // Also where no sample escaped.
  EscapeLog far(std::numeric_limits<double>::infinity());
  Sampler clipped = make_sampler();
  clipped.set_clip(1.0).set_batch_size(7);
  (void)clipped.sample(20, Seed{3}, far);
  CHECK(far.escapes().empty());
  CHECK_THROWS_AS(clipped.sample(20, Seed{4}, far), InvalidArgument);
  CHECK_THROWS_AS(far.may_escape(Vector<double>::Zero(1), 5, 0, 0), InvalidArgument);
}

TEST_CASE("Predictions whose norms are not finite may have escaped", "[sampler]") {
  const EscapeLog log(2.0);
  const auto may_escape = [&](double norm) { return log.may_escape(Vector<double>{{0.0, norm}}, 4, 0, 0); };
  CHECK_FALSE(may_escape(3.99));
  CHECK(may_escape(4.0));
  CHECK(may_escape(std::numeric_limits<double>::infinity()));
  CHECK(may_escape(std::numeric_limits<double>::quiet_NaN()));
}

TEST_CASE("A limit that is not positive is refused", "[sampler]") {
  CHECK(message_of<InvalidArgument>([] { EscapeLog log(0.0); }) == "EscapeLog: limit = 0, expected a limit > 0");
  CHECK_THROWS_AS(EscapeLog(-1.0), InvalidArgument);
  CHECK_THROWS_AS(EscapeLog(std::numeric_limits<double>::quiet_NaN()), InvalidArgument);
}

TEST_CASE("Divergence is an error, or is counted by a log", "[sampler]") {
  const Sampler sampler = make_sampler();
  const NoiseLevels levels = sampler.levels();
  CHECK(message_of<NumericalError>([&] { (void)sampler.sample(40, Seed{3}); }) ==
        detail::concat("sample: x0_hat is not finite at step 2 of 4 (sigma = ", levels[1].sigma(), ")"));

  std::vector<Index> expected;
  // Of the backend: a device's normal numbers are the host's to rounding only.
  const Batch<double> noise =
      test::download(test::TestedBackend::normal<double>(5, 40, Seed{3}, streams::initial_noise, 0));
  for (Index j = 0; j < 40; ++j)
    if (noise(0, j) > 0.0) expected.push_back(j);
  REQUIRE(expected.size() > 10);
  REQUIRE(expected.size() < 30);

  EscapeLog log(10.0);
  const Batch<double> samples = sampler.sample(40, Seed{3}, log);
  CHECK(samples_of(log) == expected);
  for (const Escape& escape : log.escapes()) {
    CHECK(escape.step == 0);  // beyond the limit, one step before it overflows
    CHECK(escape.sigma == levels[0].sigma());
  }
  // Those that stay are the samples drawn alone, bit for bit, and no log is needed there.
  for (Index j = 0; j < 40; ++j) {
    if (log.has_escaped(j)) {
      REQUIRE_FALSE(samples.col(j).allFinite());
    } else {
      REQUIRE(samples.col(j).cwiseAbs().maxCoeff() <= 1.0);
      REQUIRE(bitwise_equal(Batch<double>(samples.col(j)), sampler.sample_from(Batch<double>(noise.col(j)))));
    }
  }
}

TEST_CASE("Sample numbers and samples do not depend on batches or other observers", "[sampler]") {
  Sampler sampler = make_sampler();
  EscapeLog log(10.0);
  const Batch<double> samples = sampler.sample(11, Seed{4}, log);
  REQUIRE_FALSE(log.escapes().empty());
  EscapeLog batched(10.0);
  Index steps_seen = 0;
  sampler.set_batch_size(3);
  const Batch<double> again = sampler.sample(11, Seed{4}, batched, [&](const Sampler::Step&) { ++steps_seen; });
  CHECK(steps_seen == 4 * 4);
  CHECK(samples_of(batched) == samples_of(log));
  for (Index j = 0; j < 11; ++j)
    if (!log.has_escaped(j))
      CHECK(bitwise_equal(Batch<double>(again.col(j)), Batch<double>(samples.col(j))));
    else
      CHECK_FALSE(again.col(j).allFinite());
}

TEST_CASE("Clipping keeps every prediction within the limit", "[sampler]") {
  Sampler sampler = make_sampler();
  sampler.set_clip(0.75);
  double largest = 0.0;
  double largest_seen_by_model = 0.0;
  Index steps = 0;
  const Batch<double> samples = sampler.sample(20, Seed{5}, [&](const Sampler::Step& step) {
    const Batch<double> x0_hat = test::download(step.x0_hat);
    REQUIRE(x0_hat.allFinite());
    largest = std::max(largest, x0_hat.cwiseAbs().maxCoeff());
    const Batch<double> unclipped = test::download(sampler.model().denoise(step.y, step.level));
    REQUIRE(bitwise_equal(x0_hat, Batch<double>(unclipped.cwiseMin(0.75).cwiseMax(-0.75))));
    largest_seen_by_model = std::max(largest_seen_by_model, unclipped.cwiseAbs().maxCoeff());
    ++steps;
  });
  CHECK(steps == 4);
  CHECK(largest == 0.75);
  CHECK(largest_seen_by_model > 1e50);
  CHECK(samples.cwiseAbs().maxCoeff() <= 0.75);
  CHECK(bitwise_equal(sampler.sample(20, Seed{5}), samples));  // also without an observer
  EscapeLog log(0.76);
  (void)sampler.sample(20, Seed{5}, log);
  CHECK(log.escapes().empty());
  CHECK_THROWS_AS(sampler.set_clip(0.0), InvalidArgument);
  CHECK_THROWS_AS(sampler.set_clip(-1.0), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
