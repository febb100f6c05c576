#include "diffarch/analysis/likelihood.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "diffarch/analysis/exact_likelihood.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;

GaussianMixture<double> off_centre_mixture() {
  return {Vector<double>{{0.25, 0.75}},
          Matrix<double>{{0.0, 2.0}, {1.0, -1.0}},
          {Matrix<double>{{2.0, 0.6}, {0.6, 0.5}}, Matrix<double>{{0.3, -0.1}, {-0.1, 0.4}}}};
}

/// N levels of equal steps in the time of the flow, from `largest` to sigma = 0.3.
NoiseLevels levels_to_a_third(NoiseLevel largest, Index steps) {
  const double start = -std::asinh(largest.signal / largest.noise);
  const double end = -std::asinh(1.0 / 0.3);
  std::vector<NoiseLevel> levels{largest};
  for (Index k = 1; k < steps; ++k) {
    const double time = start + (end - start) * test::real(k) / test::real(steps - 1);
    levels.push_back({std::tanh(-time), 1.0 / std::cosh(time)});
  }
  levels.push_back({});
  return NoiseLevels(std::move(levels));
}

/// Grid of spacing `step` around the mean of `off_centre_mixture`, (2, side^2).
Batch<double> grid_of_plane(Index side, double step) {
  Batch<double> grid(2, side * side);
  for (Index i = 0; i < side; ++i)
    for (Index j = 0; j < side; ++j)
      grid.col(i * side + j) << 1.5 + step * test::real(i - side / 2), -0.5 + step * test::real(j - side / 2);
  return grid;
}

double error_of(const LogLikelihood& result, const Vector<double>& exact) {
  return (result.log_density - exact).cwiseAbs().maxCoeff();
}

TEST_CASE("The likelihood of a Gaussian is its closed form, to fourth order", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(6, 40, 4);
  const NoiseLevels levels = KarrasSchedule{.steps = 12, .sigma_min = 0.02}.levels();
  const auto check = [&](const auto& model, const Batch<double>& x, Index substeps) {
    const Vector<double> exact = exact_log_likelihood(model, levels[0], levels[levels.steps() - 1], x);
    Vector<double> errors(4);
    for (Index i = 0; i < 4; ++i) {
      const LogLikelihood result = log_likelihood(model, levels, x, {.substeps = substeps << i});
      errors(i) = error_of(result, exact);
      CHECK(result.sigma_min == levels.last_sigma());
      CHECK(result.standard_error == Vector<double>::Zero(7));
    }
    for (Index i = 0; i < 3; ++i) CHECK(errors(i) / errors(i + 1) == Approx(16.0).epsilon(0.15));
    CHECK(errors(3) < 1e-8);
  };
  check(fit(Linear{}, data, KarrasSchedule{}), data.leftCols(7), 4);
  // Of a model of rank 2 in 6 dimensions, too, near its subspace: with noise it has a density.
  const auto flat = fit(RankK{.rank = 2}, data, KarrasSchedule{});
  check(flat,
        exact_flow(flat, Batch<double>(levels[0].scale() * test::random_matrix(6, 7, 1)), levels[0],
                   levels[levels.steps() - 1]),
        16);
}

TEST_CASE("From pure noise the exact denoiser generates the data with noise", "[analysis][likelihood]") {
  const GaussianMixture<double> mixture = off_centre_mixture();
  const auto model = fit(GaussianMixtureScore{}, mixture, KarrasSchedule{});
  const NoiseLevels levels = levels_to_a_third(NoiseLevel{0.0, 1.0}, 20);
  const Batch<double> x = mixture.sample(20, Seed{3});
  const Vector<double> exact = mixture.with_noise(levels.last_sigma()).log_density(x);
  const double coarse = error_of(log_likelihood(model, levels, x, {.substeps = 4}), exact);
  const double fine = error_of(log_likelihood(model, levels, x, {.substeps = 8}), exact);
  CHECK(fine < 1e-7);
  CHECK(coarse / fine == Approx(16.0).epsilon(0.25));
  // The same without the model's own Jacobian, by differences.
  const auto bare = make_denoiser<double>(
      2, [&](const Batch<double>& y, NoiseLevel level) -> Batch<double> { return model.denoise(y, level); });
  CHECK(error_of(log_likelihood(bare, levels, x, {.substeps = 8}), exact) < 1e-7);
}

TEST_CASE("From a finite sigma_T the difference is that of the two starts, and is carried down unchanged",
          "[analysis][likelihood]") {
  const GaussianMixture<double> mixture = off_centre_mixture();
  const auto model = fit(GaussianMixtureScore{}, mixture, KarrasSchedule{});
  constexpr double step = 0.25;
  const Batch<double> grid = grid_of_plane(61, step);
  const Vector<double> target = mixture.with_noise(0.3).log_density(grid);
  const auto divergence_to_target = [&](double sigma_T) {
    const Vector<double> log_density =
        log_likelihood(model, levels_to_a_third(NoiseLevel::from_sigma(sigma_T), 30), grid).log_density;
    const Vector<double> density = log_density.array().exp();
    // The trapezoidal rule: spacing 0.25 for deviations of at least 0.6, up to 7.5 around the mean.
    CHECK(density.sum() * step * step == Approx(1.0).epsilon(1e-5));
    return density.dot(log_density - target) * step * step;
  };
  /// KL(N(0, (1 + sigma_T^2) I) || mixture + sigma_T noise), by quadrature at sigma_T.
  const auto divergence_of_starts = [&](double sigma_T) {
    const double scale = std::hypot(1.0, sigma_T);
    const Batch<double> points = 0.1 * (grid_of_plane(161, 1.0).colwise() - Vector<double>{{1.5, -0.5}});
    const Vector<double> normal =
        -0.5 * points.colwise().squaredNorm().transpose().array() - std::log(2.0 * std::numbers::pi);
    const Vector<double> noisy = mixture.with_noise(sigma_T).log_density(scale * points);
    return 0.01 * normal.array().exp().matrix().dot((normal.array() - 2.0 * std::log(scale) - noisy.array()).matrix());
  };
  const double at_4 = divergence_to_target(4.0);
  const double at_8 = divergence_to_target(8.0);
  CHECK(at_4 == Approx(divergence_of_starts(4.0)).epsilon(1e-3));
  CHECK(at_8 == Approx(divergence_of_starts(8.0)).epsilon(1e-3));
  // |mean|^2 / (2 sigma_T^2) with |mean|^2 = 2.5.
  CHECK(divergence_of_starts(100.0) == Approx(2.5 / (2.0 * 100.0 * 100.0)).epsilon(0.02));
  CHECK(at_4 / at_8 == Approx(4.0).epsilon(0.2));
}

TEST_CASE("Estimated likelihoods are unbiased and say their error", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(6, 40, 4);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const NoiseLevels levels = KarrasSchedule{.steps = 12, .sigma_min = 0.1}.levels();
  constexpr Index n = 300;
  const Batch<double> x = data.col(0).replicate(1, n);  // 300 estimates of one number
  constexpr Index probes = 10;
  const LogLikelihood estimated =
      log_likelihood(model, levels, x, {.divergence = Divergence::estimated, .probes = probes, .seed = Seed{5}});
  const double exact = log_likelihood(model, levels, data.leftCols(1)).log_density(0);
  const Eigen::ArrayXd errors = estimated.log_density.array() - exact;
  const double deviation = std::sqrt(errors.square().mean());
  CHECK(deviation > 0.01);  // the Jacobian is far from diagonal
  CHECK(std::abs(errors.mean()) < 4.0 * deviation / std::sqrt(test::real(n)));
  // The mean square of the standard errors is the variance, both from 300 values.
  CHECK(std::sqrt(estimated.standard_error.array().square().mean()) == Approx(deviation).epsilon(0.2));
  // More probes: the variance falls as their number.
  const LogLikelihood many =
      log_likelihood(model, levels, x, {.divergence = Divergence::estimated, .probes = 4 * probes, .seed = Seed{6}});
  CHECK(std::sqrt((many.log_density.array() - exact).square().mean()) == Approx(0.5 * deviation).epsilon(0.2));
  // Signs give a diagonal Jacobian without any error.
  const auto diagonal = make_denoiser<double>(
      2, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> { return 0.5 / level.scale() * y; });
  const Batch<double> point{{0.3}, {-0.5}};
  const LogLikelihood without = log_likelihood(diagonal, levels, point, {.divergence = Divergence::estimated});
  CHECK(without.log_density(0) == Approx(log_likelihood(diagonal, levels, point).log_density(0)).epsilon(1e-8));
  CHECK(without.standard_error(0) < 1e-8);
}

TEST_CASE("A likelihood is a function of the sample, its number and the seed, bitwise", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(5, 90, 4);  // two blocks
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const NoiseLevels levels = KarrasSchedule{.steps = 6, .sigma_min = 0.1}.levels();
  for (const Divergence divergence : {Divergence::exact, Divergence::estimated}) {
    const FlowOptions options{.divergence = divergence, .probes = 2, .seed = Seed{7}};
    const LogLikelihood all = log_likelihood(model, levels, data, options);
    CHECK(bitwise_equal(log_likelihood(model, levels, data.leftCols(3), options).log_density,
                        Vector<double>(all.log_density.head(3))));
    FlowOptions later = options;
    later.first_sample = 70;
    CHECK(bitwise_equal(log_likelihood(model, levels, data.rightCols(20), later).log_density,
                        Vector<double>(all.log_density.tail(20))));
    const test::ThreadCount threads(3);
    CHECK(bitwise_equal(log_likelihood(model, levels, data, options).log_density, all.log_density));
  }
  const auto with_seed = [&](std::uint64_t seed) {
    return log_likelihood(model, levels, data, {.divergence = Divergence::estimated, .seed = Seed{seed}}).log_density;
  };
  CHECK(bitwise_equal(with_seed(1), with_seed(1)));
  CHECK(with_seed(1) != with_seed(2));
}

TEST_CASE("Samples of the flow have the likelihood that they come with", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(5, 40, 4);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const NoiseLevels levels = KarrasSchedule{.steps = 20, .sigma_min = 0.1}.levels();
  const NoiseLevel last = levels[levels.steps() - 1];
  const FlowOptions options{.substeps = 16};
  const FlowSamples<double> generated = flow_samples(model, levels, 70, Seed{3}, options);
  CHECK(generated.likelihood.sigma_min == levels.last_sigma());
  // The noise of the samplers, by the exact flow.
  const Batch<double> start = levels[0].scale() * normal_batch<double>(5, 70, Seed{3});
  CHECK(test::relative_difference(generated.samples, exact_flow(model, start, levels[0], last)) < 1e-8);
  CHECK(error_of(generated.likelihood, exact_log_likelihood(model, levels[0], last, generated.samples)) < 1e-7);
  CHECK(error_of(generated.likelihood, log_likelihood(model, levels, generated.samples, options).log_density) < 1e-7);
  const FlowSamples<double> few = flow_samples(model, levels, 2, Seed{3}, options);
  CHECK(bitwise_equal(few.samples, Batch<double>(generated.samples.leftCols(2))));
  CHECK(bitwise_equal(few.likelihood.log_density, Vector<double>(generated.likelihood.log_density.head(2))));
}

TEST_CASE("A model in float has the likelihood of its predictions", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(5, 40, 4);
  const NoiseLevels levels = KarrasSchedule{.steps = 20, .sigma_min = 0.1}.levels();
  const auto wide = fit(Linear{}, data, KarrasSchedule{});
  const auto narrow = fit(Linear{}, Batch<float>(data.cast<float>()), KarrasSchedule{});
  CHECK(test::relative_difference(log_likelihood(narrow, levels, Batch<float>(data.cast<float>())).log_density,
                                  log_likelihood(wide, levels, data).log_density) < 1e-5);
}

TEST_CASE("Only one noisy level: the density is that of the start", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(2, 40, 4);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const LogLikelihood result = log_likelihood(model, NoiseLevels({NoiseLevel::from_sigma(2.0), {}}), data.leftCols(1));
  CHECK(result.log_density(0) ==
        Approx(-0.1 * data.col(0).squaredNorm() - std::log(2.0 * std::numbers::pi * 5.0)).epsilon(1e-13));
}

TEST_CASE("Bits per dimension of the uniform density on the range are those of the values", "[analysis][likelihood]") {
  // Density 1 / 2 on [-1, 1]: 256 values of equal probability have 8 bits, 255 intervals log2(255).
  const Vector<double> uniform = Vector<double>::Constant(2, -12.0 * std::numbers::ln2);
  CHECK(bits_per_dimension(uniform, 12)(1) == Approx(8.0).epsilon(1e-14));
  CHECK(bits_per_dimension(uniform, 12, 2.0 / 255.0)(0) == Approx(std::log2(255.0)).epsilon(1e-14));
  CHECK(message_of<InvalidArgument>([&] { (void)bits_per_dimension(uniform, 0); }) ==
        "bits_per_dimension: dimension = 0, bin_width = 0.0078125; expected dimension >= 1 and a finite bin_width > 0");
  CHECK(message_of<InvalidArgument>([&] { (void)bits_per_dimension(uniform, 3, 0.0); }) ==
        "bits_per_dimension: dimension = 3, bin_width = 0; expected dimension >= 1 and a finite bin_width > 0");
}

TEST_CASE("Likelihoods that do not exist are refused", "[analysis][likelihood]") {
  const Batch<double> data = test::correlated_samples(3, 40, 4);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const NoiseLevels levels = KarrasSchedule{.steps = 5}.levels();
  CHECK(message_of<DimensionMismatch>([&] { (void)log_likelihood(model, levels, test::random_matrix(2, 4, 1)); }) ==
        "log_likelihood: x is (2, 4) but the model has dimension 3; expected (3, n) with n >= 1");
  CHECK(message_of<DimensionMismatch>([&] { (void)log_likelihood(model, levels, Batch<double>(3, 0)); }) ==
        "log_likelihood: x is (3, 0) but the model has dimension 3; expected (3, n) with n >= 1");
  Batch<double> bad = data;
  bad(1, 6) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<InvalidArgument>([&] { (void)log_likelihood(model, levels, bad); }) ==
        "log_likelihood: sample 6 has a value that is NaN, infinite or too large to square");
  CHECK(message_of<InvalidArgument>([&] { (void)log_likelihood(model, levels, data, {.substeps = 0}); }) ==
        "log_likelihood: substeps = 0, expected at least 1");
  CHECK(message_of<InvalidArgument>([&] {
          (void)log_likelihood(model, NoiseLevels({{0.0, 1.0}, {}}), data);
        }) ==
        "log_likelihood: the only noisy level is pure noise (alpha_bar = 0); expected one of finite sigma before the "
        "clean one");
  CHECK(message_of<InvalidArgument>([&] { (void)flow_samples(model, levels, 0, Seed{1}); }) ==
        "flow_samples: n = 0, expected at least 1 sample");
  const auto exploding = make_denoiser<double>(3, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
    return y / (level.sigma() > 1.0 ? 0.0 : 1.0);
  });
  CHECK(message_of<NumericalError>([&] {
          (void)log_likelihood(exploding, NoiseLevels({NoiseLevel::from_sigma(4.0), NoiseLevel::from_sigma(0.1), {}}),
                               test::random_matrix(3, 70, 2).cwiseAbs());
        }) == "log_likelihood: x0_hat is not finite between levels 1 and 2 of 2 (sigma = 4) for sample 0");
  // Stopped by the caller, who has heard of the first block.
  CHECK(message_of<Interrupted>([&] {
          (void)log_likelihood(model, levels, data.replicate(1, 2), {}, [](const Progress& progress) {
            detail::require<Interrupted>(progress.done < 64, progress.task, " ", progress.done, " of ", progress.total);
          });
        }) == "log likelihood 64 of 80");
}

}  // namespace
}  // namespace diffarch
