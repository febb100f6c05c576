#include "diffarch/sampler/guided.hpp"

#include <cmath>
#include <limits>

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/core/check_denoiser.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::TestedBackend;

auto gaussian_model(Index d, unsigned seed) {
  return fit(Linear{}, test::correlated_samples(d, 40, seed), KarrasSchedule{}, TestedBackend{});
}

TEST_CASE("Guidance is the weighted sum of both predictions", "[sampler]") {
  const auto conditional = gaussian_model(5, 1);
  const auto unconditional = gaussian_model(5, 2);
  const Batch<double> y = random_matrix(5, 7, 3);
  for (const NoiseLevel level : {NoiseLevel::from_sigma(0.4), NoiseLevel::from_alpha_bar(0.2),
                                 NoiseLevel::from_alpha_bar(0.0), NoiseLevel::from_sigma(0.0)}) {
    const Batch<double> of_conditional = denoise_on(conditional, y, level);
    const Batch<double> of_unconditional = denoise_on(unconditional, y, level);
    REQUIRE(bitwise_equal(denoise_on(guided(conditional, unconditional, 1.0), y, level), of_conditional));
    REQUIRE(bitwise_equal(denoise_on(guided(conditional, unconditional, 0.0), y, level), of_unconditional));
    for (const double weight : {-1.0, 0.3, 2.0, 7.5}) {
      const Batch<double> expected = of_unconditional + weight * (of_conditional - of_unconditional);
      REQUIRE(test::relative_difference(denoise_on(guided(conditional, unconditional, weight), y, level), expected) <
              1e-14);
    }
  }
}

TEST_CASE("A weight is one more than in the paper, for the predicted noise too", "[sampler]") {
  const auto conditional = gaussian_model(4, 4);
  const auto unconditional = gaussian_model(4, 5);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.3);
  const Batch<double> y = random_matrix(4, 3, 6);
  const auto noise = [&](const Batch<double>& x0_hat) -> Batch<double> {
    return (y - level.signal * x0_hat) / level.noise;
  };
  const double w = 1.5;  // (1 + w) epsilon_c - w epsilon_u
  REQUIRE(test::relative_difference(noise(denoise_on(guided(conditional, unconditional, 1.0 + w), y, level)),
                                    Batch<double>((1.0 + w) * noise(denoise_on(conditional, y, level)) -
                                                  w * noise(denoise_on(unconditional, y, level)))) < 1e-13);
}

TEST_CASE("The guided flow between two Gaussians has a closed form", "[sampler]") {
  // In one dimension, VE, with D = m + v / (v + sigma^2) (z - m) the guided flow dz / d sigma = (z - D_w(z)) / sigma is
  // linear: z' = sigma sum_k a_k (z - m_k) / (v_k + sigma^2), weights a = w and 1 - w. With equal means m it is solved
  // by z - m ~ prod_k (v_k + sigma^2)^(a_k / 2).
  const double mean = 0.7;
  const auto gaussian = [mean](double variance) {
    return make_denoiser<double>(1, [=](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
      return ((y.array() - level.signal * mean) * wiener_gain(variance, level) + mean).matrix();
    });
  };
  const double weight = 2.5;
  const double narrow = 0.5;
  const double wide = 3.0;
  const double sigma_T = 20.0;
  const double sigma_min = 0.01;
  Batch<double> noise(1, 3);
  noise << -1.3, 0.2, 2.0;
  const KarrasSchedule schedule{.steps = 1600, .sigma_min = sigma_min, .sigma_max = sigma_T};
  const Batch<double> samples = sample_from(guided(gaussian(narrow), gaussian(wide), weight), schedule, noise, Heun{});
  const auto ratio = [&](double variance) {
    return (variance + sigma_min * sigma_min) / (variance + sigma_T * sigma_T);
  };
  const double gain = std::pow(ratio(narrow), weight / 2.0) * std::pow(ratio(wide), (1.0 - weight) / 2.0);
  for (Index j = 0; j < 3; ++j) {
    // The last prediction at sigma_min: D_w = m + (sum_k a_k v_k / (v_k + sigma_min^2)) (z - m).
    const double before_last = gain * (std::hypot(1.0, sigma_T) * noise(0, j) - mean);
    const double last =
        weight * narrow / (narrow + sigma_min * sigma_min) + (1.0 - weight) * wide / (wide + sigma_min * sigma_min);
    REQUIRE(samples(0, j) == Approx(mean + last * before_last).epsilon(1e-5));
  }
}

TEST_CASE("Guided models are models", "[sampler]") {
  const auto conditional = gaussian_model(4, 7);
  const auto unconditional = gaussian_model(4, 8);
  const auto model = guided(conditional, unconditional, 3.0);
  STATIC_REQUIRE(Denoiser<std::remove_cvref_t<decltype(model)>>);
  REQUIRE(model.dimension() == 4);
  REQUIRE(model.weight() == 3.0);
  REQUIRE(model.conditional().rank() == conditional.rank());
  REQUIRE(model.unconditional().rank() == unconditional.rank());
  check_denoiser(model, KarrasSchedule{.steps = 3}.levels());
  // Guidance of a guided model: 0.5 (1 - 3) + ... is again a weighted sum.
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  const Batch<double> y = random_matrix(4, 2, 9);
  REQUIRE(test::relative_difference(denoise_on(guided(model, unconditional, 2.0), y, level),
                                    denoise_on(guided(conditional, unconditional, 6.0), y, level)) < 1e-13);
}

/// D(y) = a y with its rows.
struct ModelWithRows {
  using Scalar = double;
  using BackendType = Cpu;
  Matrix<double> a;
  [[nodiscard]] Index dimension() const { return a.rows(); }
  [[nodiscard]] Batch<double> denoise(const Batch<double>& y, NoiseLevel /*level*/) const { return a * y; }
  [[nodiscard]] Matrix<double> jacobian_rows(const Batch<double>& /*y*/, NoiseLevel /*level*/,
                                             const std::vector<Index>& rows) const {
    return a(rows, Eigen::all);
  }
};

TEST_CASE("Guided models have rows of their Jacobian where both have", "[sampler]") {
  const auto model = guided(ModelWithRows{random_matrix(4, 4, 10)}, ModelWithRows{random_matrix(4, 4, 11)}, 2.5);
  const Batch<double> y = random_matrix(4, 1, 12);
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  const Matrix<double> exact = 2.5 * model.conditional().a - 1.5 * model.unconditional().a;
  const Matrix<double> rows = jacobian_rows(model, y, level, {3, 0});
  REQUIRE(test::relative_difference(rows, Matrix<double>(exact(std::vector<Index>{3, 0}, Eigen::all))) < 1e-14);
  STATIC_REQUIRE(detail::has_jacobian_rows<decltype(guided(ModelWithRows{}, ModelWithRows{}, 2.0))>);
  // One that has none: by differences.
  const auto plain = make_denoiser<double>(
      4,
      [a = model.unconditional().a](const Batch<double>& at, NoiseLevel /*level*/) -> Batch<double> { return a * at; });
  const auto mixed = guided(model.conditional(), plain, 2.5);
  STATIC_REQUIRE_FALSE(detail::has_jacobian_rows<std::remove_cvref_t<decltype(mixed)>>);
  REQUIRE(test::relative_difference(jacobian(mixed, y, level), exact) < 1e-9);
}

TEST_CASE("Guidance says what it cannot do", "[sampler]") {
  const auto four = gaussian_model(4, 13);
  REQUIRE(message_of<DimensionMismatch>([&] { return guided(four, gaussian_model(5, 14), 2.0); }) ==
          "guided: the conditional model has dimension 4 but the unconditional one 5");
  REQUIRE(message_of<InvalidArgument>([&] { return guided(four, four, std::numeric_limits<double>::infinity()); }) ==
          "guided: weight = inf, expected a finite number");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return denoise_on(guided(four, four, 2.0), random_matrix(3, 1, 1), NoiseLevel::from_sigma(1.0));
          }) == "denoise: y is (3, 1) but the model has dimension 4");
}

}  // namespace
}  // namespace diffarch
