// An architecture made outside the library, as a user's program would: a policy, its model, and a Fitter. Nothing of
// the library is changed, and everything that takes an architecture takes this one. The page .github/docs/
// your_own_denoiser.md shows this code; documentation/check_code_blocks.py compares the two.

#include <limits>
#include <string>
#include <vector>

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/core/check_denoiser.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace user {

/// Predicts the training mean, moved towards y by a fixed fraction and softly limited: not linear in y.
struct NearestMean {
  double pull = 0.25;
  [[nodiscard]] std::string name() const { return "NearestMean"; }
};

template <class Scalar_>
struct NearestMeanModel {
  using Scalar = Scalar_;
  using BackendType = diffarch::Cpu;
  diffarch::Vector<Scalar> mean;
  Scalar pull;

  [[nodiscard]] diffarch::Index dimension() const { return mean.size(); }
  [[nodiscard]] diffarch::Batch<Scalar> denoise(const diffarch::Batch<Scalar>& y, diffarch::NoiseLevel level) const {
    diffarch::Batch<Scalar> x0_hat = y / static_cast<Scalar>(level.scale());
    x0_hat.colwise() -= mean;
    return (pull * x0_hat.array() / (Scalar(1) + x0_hat.array().square())).matrix().colwise() + mean;
  }
};

/// Gives NaN at the step whose sigma is below `sigma`.
struct Broken {
  double sigma = 0.0;
  [[nodiscard]] std::string name() const { return "Broken"; }
};

template <class Scalar_>
struct BrokenModel {
  using Scalar = Scalar_;
  using BackendType = diffarch::Cpu;
  diffarch::Index rows;
  double sigma;

  [[nodiscard]] diffarch::Index dimension() const { return rows; }
  [[nodiscard]] diffarch::Batch<Scalar> denoise(const diffarch::Batch<Scalar>& y, diffarch::NoiseLevel level) const {
    diffarch::Batch<Scalar> x0_hat = diffarch::Batch<Scalar>::Zero(y.rows(), y.cols());
    if (level.sigma() < sigma) x0_hat(0, y.cols() - 1) = std::numeric_limits<Scalar>::quiet_NaN();
    return x0_hat;
  }
};

}  // namespace user

template <class Scalar>
struct diffarch::Fitter<user::NearestMean, diffarch::Cpu, Scalar> {
  static user::NearestMeanModel<Scalar> fit(const user::NearestMean& architecture, const Batch<Scalar>& data,
                                            const NoiseLevels& /*levels*/, const ProgressCallback& /*progress*/) {
    return {data.rowwise().mean(), static_cast<Scalar>(architecture.pull)};
  }
};

template <class Scalar>
struct diffarch::Fitter<user::Broken, diffarch::Cpu, Scalar> {
  static user::BrokenModel<Scalar> fit(const user::Broken& architecture, const Batch<Scalar>& data,
                                       const NoiseLevels& /*levels*/, const ProgressCallback& /*progress*/) {
    return {data.rows(), architecture.sigma};
  }
};

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;

template <class Rule>
void check_rule(const Rule& rule) {
  using Sampler = DiffusionSampler<user::NearestMean, KarrasSchedule, Cpu, Rule, double>;
  Sampler sampler{user::NearestMean{.pull = 0.5}, KarrasSchedule{.steps = 6}, rule};
  sampler.fit(correlated_samples(5, 20, 1));
  Batch<double> last_prediction;
  Index steps = 0;
  const Batch<double> samples = sampler.sample(9, Seed{2}, [&](const typename Sampler::Step& step) {
    REQUIRE(step.y.allFinite());
    REQUIRE(bitwise_equal(step.x0_hat, sampler.model().denoise(step.y, step.level)));
    last_prediction = step.x0_hat;
    ++steps;
  });
  REQUIRE(steps == 6);
  REQUIRE(bitwise_equal(samples, last_prediction));
  REQUIRE(bitwise_equal(samples, sampler.sample(9, Seed{2})));  // an observer changes nothing
  REQUIRE(bitwise_equal(sampler.sample(3, Seed{2}), Batch<double>(samples.leftCols(3))));
}

TEST_CASE("A user's own architecture runs under every rule without touching the library", "[denoiser]") {
  STATIC_REQUIRE(Architecture<user::NearestMean>);
  STATIC_REQUIRE(FittableArchitecture<user::NearestMean, Cpu, float>);
  STATIC_REQUIRE_FALSE(SpectralDenoiser<user::NearestMeanModel<double>>);
  check_rule(Ddim{});
  check_rule(Ddim{.eta = 0.5});
  check_rule(Ancestral{});
  check_rule(Heun{});
}

TEST_CASE("A user's own architecture is used as any other", "[denoiser][documentation]") {
  const Batch<float> data = correlated_samples<float>(5, 20, 1);

  DiffusionSampler sampler{user::NearestMean{.pull = 0.5}, CosineSchedule{}};
  sampler.fit(data);
  Batch<float> samples = sampler.sample(16, Seed{7});

  std::vector<AnyArchitecture<float>> table = {AnyArchitecture<float>::of(RankK{2}),
                                               AnyArchitecture<float>::of(user::NearestMean{})};
  Matrix<double> J = jacobian(sampler.model(), Batch<float>(data.col(0)), sampler.levels()[3]);

  check_denoiser(sampler.model(), sampler.levels());

  REQUIRE(samples.cols() == 16);
  REQUIRE(J.rows() == 5);
  for (const auto& architecture : table) {
    DiffusionSampler<AnyArchitecture<float>, CosineSchedule> any{architecture, CosineSchedule{.steps = 3}};
    any.fit(data);
    REQUIRE(any.sample(2, Seed{1}).allFinite());
  }
}

TEST_CASE("A denoiser that returns NaN is reported with the step and its sigma", "[denoiser]") {
  const CosineSchedule schedule{.steps = 10};
  const double sigma = schedule.levels()[1].sigma();  // the third level is the first below this one
  DiffusionSampler<user::Broken, CosineSchedule> sampler{user::Broken{.sigma = sigma}, schedule};
  sampler.fit(correlated_samples<float>(4, 10, 1));
  REQUIRE(test::message_of<NumericalError>([&] { return sampler.sample(3, Seed{}); }) ==
          detail::concat("sample: x0_hat is not finite at step 3 of 10 (sigma = ", schedule.levels()[2].sigma(), ")"));
}

}  // namespace
}  // namespace diffarch
