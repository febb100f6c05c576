#include "diffarch/sampler/rule_model.hpp"

#include <type_traits>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "sampler/run_steps.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace user {

/// A rule that asks the model once more, in the middle of the step, and takes the whole step with what it said.
struct Midpoint {
  [[nodiscard]] std::string name() const { return "Midpoint"; }
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(diffarch::NoiseLevel, diffarch::NoiseLevel) const noexcept { return 0.0; }
  [[nodiscard]] double mode_gain(double lambda, diffarch::NoiseLevel level, diffarch::NoiseLevel next) const {
    return diffarch::Ddim{}.mode_gain(lambda, level, next);
  }
  template <diffarch::Denoiser M>
  void advance(const M& model, diffarch::StorageOf<M>& y, const diffarch::StorageOf<M>& x0_hat,
               diffarch::NoiseLevel level, diffarch::NoiseLevel next) const {
    if (next.is_clean()) return diffarch::Ddim{}.advance(model, y, x0_hat, level, next);
    const auto middle = diffarch::NoiseLevel::from_alpha_bar(0.5 * (level.alpha_bar() + next.alpha_bar()));
    diffarch::StorageOf<M> half_way = y;
    diffarch::Ddim{}.advance(model, half_way, x0_hat, level, middle);
    diffarch::Ddim{}.advance(model, y, model.denoise(half_way, middle), level, next);
  }
};

/// Leaves y with another number of columns.
struct Cutting : Midpoint {
  template <diffarch::Denoiser M>
  void advance(const M& /*model*/, diffarch::StorageOf<M>& y, const diffarch::StorageOf<M>& /*x0_hat*/,
               diffarch::NoiseLevel /*level*/, diffarch::NoiseLevel /*next*/) const {
    y = diffarch::StorageOf<M>(y.rows(), 1);
  }
};

}  // namespace user

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::download;
using test::message_of;
using test::Storage;
using test::TestedBackend;
using test::upload;

constexpr double clip_limit = 0.4;

/// A model whose own predictions are clipped on the host, and which counts those that needed it.
template <class Model>
struct HostClipped {
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  const Model& model;
  Index* clipped;
  [[nodiscard]] Index dimension() const { return model.dimension(); }
  [[nodiscard]] Storage<Scalar> denoise(const Storage<Scalar>& y, NoiseLevel level) const {
    const Batch<Scalar> x0_hat = download(model.denoise(y, level));
    const auto limit = static_cast<Scalar>(clip_limit);
    *clipped += (x0_hat.cwiseAbs().array() > limit).any() ? 1 : 0;
    return upload(x0_hat.cwiseMin(limit).cwiseMax(-limit));
  }
  [[nodiscard]] decltype(auto) mean() const requires SpectralDenoiser<Model> { return model.mean(); }
  [[nodiscard]] decltype(auto) mean_coordinates() const requires SpectralDenoiser<Model> {
    return model.mean_coordinates();
  }
  [[nodiscard]] decltype(auto) eigenvalues() const requires SpectralDenoiser<Model> { return model.eigenvalues(); }
  [[nodiscard]] Storage<Scalar> apply_gains(const Storage<Scalar>& y, double signal,
                                            const Vector<double>& gains) const requires SpectralDenoiser<Model> {
    return model.apply_gains(y, signal, gains);
  }
};

/// Samples of a clipped sampler are those of the model whose every prediction is clipped, for `calls` predictions.
template <class Scalar, class A, class Rule>
void check_clip(const A& architecture, const Rule& rule, Index calls) {
  INFO(architecture.name() << ", " << rule.name());
  using Sampler = DiffusionSampler<A, CosineSchedule, TestedBackend, Rule, Scalar>;
  Sampler sampler{architecture, CosineSchedule{.steps = 5}, rule};
  sampler.fit(test::correlated_samples<Scalar>(4, 20, 1)).set_clip(clip_limit);
  const Batch<Scalar> noise = test::random_matrix<Scalar>(4, 9, 2);
  Index clipped = 0;
  const HostClipped<typename Sampler::Model> model{sampler.model(), &clipped};
  const Batch<Scalar> expected =
      test::run_steps_on(model, sampler.levels(), rule, noise, Seed{3}, 0, std::optional<double>{});
  CHECK(clipped == calls);  // every prediction had something to clip
  CHECK(bitwise_equal(sampler.sample_from(noise, Seed{3}), expected));
}

TEMPLATE_TEST_CASE("Every prediction of every rule is clipped", "[sampler]", float, double) {
  const auto check = [](const auto& architecture) {
    check_clip<TestType>(architecture, Ddim{}, 5);
    check_clip<TestType>(architecture, Ddim{.eta = 0.6}, 5);
    check_clip<TestType>(architecture, Ancestral{}, 5);
    check_clip<TestType>(architecture, Ancestral{.variance = Ancestral::Variance::beta}, 5);
    check_clip<TestType>(architecture, Heun{}, 9);
    check_clip<TestType>(architecture, user::Midpoint{}, 9);
  };
  check(Linear{});
  check(Ideal{});
  check_clip<TestType>(Linear{}, VarianceExactDdim{}, 5);
}

TEST_CASE("A rule gets the model's modes, its dimension and the model itself", "[sampler]") {
  const auto model = fit(Linear{}, test::correlated_samples(4, 20, 1), CosineSchedule{}, TestedBackend{});
  const RuleModel<std::remove_cvref_t<decltype(model)>> view(model, 1.0);
  static_assert(SpectralDenoiser<std::remove_cvref_t<decltype(view)>>);
  CHECK(view.dimension() == 4);
  CHECK(&view.underlying() == &model);
  CHECK(bitwise_equal(Vector<double>(view.mean()), Vector<double>(model.mean())));
  CHECK(bitwise_equal(Vector<double>(view.mean_coordinates()), Vector<double>(model.mean_coordinates())));
  CHECK(bitwise_equal(Vector<double>(view.eigenvalues()), Vector<double>(model.eigenvalues())));
  const auto ideal = fit(Ideal{}, test::correlated_samples(4, 20, 1), CosineSchedule{}, TestedBackend{});
  static_assert(!SpectralDenoiser<RuleModel<std::remove_cvref_t<decltype(ideal)>>>);
}

/// Predicts zeros, and at sigma below 1 in another shape.
struct OtherShape {
  using Scalar = double;
  using BackendType = TestedBackend;
  [[nodiscard]] Index dimension() const { return 4; }
  [[nodiscard]] Storage<double> denoise(const Storage<double>& y, NoiseLevel level) const {
    return upload(Batch<double>::Zero(level.sigma() < 1.0 ? 2 : y.rows(), y.cols()));
  }
};

TEST_CASE("Another shape is refused in the sampler, in a rule's own call and of a rule", "[sampler]") {
  const auto complaint = [](const auto& rule, const NoiseLevels& levels) {
    return message_of<DimensionMismatch>([&] {
      (void)test::run_steps_on(OtherShape{}, levels, rule, test::random_matrix(4, 3, 1), Seed{}, 0, std::nullopt);
    });
  };
  const auto expected = [](double sigma) {
    return detail::concat("denoise: for y of (4, 3) at sigma = ", sigma,
                          " the prediction x0_hat is (2, 3); expected (4, 3)");
  };
  const NoiseLevels levels = CosineSchedule{.steps = 4}.levels();
  CHECK(complaint(Ddim{}, levels) == expected(levels[3].sigma()));
  CHECK(complaint(Heun{}, levels) == expected(levels[3].sigma()));
  CHECK(complaint(user::Midpoint{}, levels).starts_with("denoise: for y of (4, 3) at sigma = 0."));
  CHECK(complaint(user::Cutting{}, levels) ==
        "sample: after a step of the rule Midpoint, y is (4, 1); expected (4, 3)");
}

}  // namespace
}  // namespace diffarch
