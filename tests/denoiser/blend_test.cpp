#include "diffarch/denoiser/blend.hpp"

#include <Eigen/QR>

#include "diffarch/core/make_denoiser.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

constexpr Index d = 40;

/// x0_hat = factor y + offset, offsets by a random pattern of its own.
AnyDenoiser<double> affine(double factor, unsigned pattern) {
  const Vector<double> offset = random_matrix(d, 1, pattern);
  return AnyDenoiser<double>(make_denoiser<double>(d, [factor, offset](const Batch<double>& y, NoiseLevel level) {
    return Batch<double>((factor * level.signal * y).colwise() + offset);
  }));
}

NoiseLevels three_levels() {
  return NoiseLevels({NoiseLevel::from_sigma(5.0), NoiseLevel::from_sigma(2.0), NoiseLevel::from_sigma(0.5),
                      NoiseLevel::from_sigma(0.0)});
}

std::vector<Batch<double>> noisy_samples_of(Index n, unsigned seed) {
  std::vector<Batch<double>> noisy;
  for (unsigned step = 0; step < 3; ++step) noisy.push_back(random_matrix(d, n, seed + step));
  return noisy;
}

TEST_CASE("A blend of denoisers finds the weights that made its target", "[denoiser][blend]") {
  const NoiseLevels levels = three_levels();
  const std::vector<AnyDenoiser<double>> parts{affine(1.0, 1), affine(-0.3, 2), affine(0.2, 3)};
  const Matrix<double> weights = random_matrix(3, 3, 4);
  const auto noisy = noisy_samples_of(6, 10);
  std::vector<Batch<double>> targets;
  for (Index step = 0; step < 3; ++step) {
    Batch<double> target = Batch<double>::Zero(d, 6);
    for (Index k = 0; k < 3; ++k)
      target += weights(k, step) * parts[std::size_t(k)].denoise(noisy[std::size_t(step)], levels[step]);
    targets.push_back(target);
  }
  const auto blend = fit_blend(parts, noisy, targets, levels);
  REQUIRE((blend.weights() - weights).cwiseAbs().maxCoeff() < 1e-4);  // the smallest ridge is 1e-6
  for (Index step = 0; step < 3; ++step)
    REQUIRE(test::relative_difference(blend.denoise(noisy[std::size_t(step)], levels[step]),
                                      targets[std::size_t(step)]) < 1e-4);
}

TEST_CASE("The weights of a blend are those of least squares", "[denoiser][blend]") {
  // Many samples of a target that no mixture makes: the ridge hardly matters, and QR on the stacked samples knows.
  constexpr Index n = 200;
  const std::vector<Batch<double>> predictions{random_matrix(d, n, 1), random_matrix(d, n, 2), random_matrix(d, n, 3)};
  const Batch<double> target =
      0.7 * predictions[0] + 0.2 * predictions[1] - 0.5 * predictions[2] + random_matrix(d, n, 4);
  Matrix<double> stacked(d * n, 3);
  for (Index k = 0; k < 3; ++k) stacked.col(k) = predictions[std::size_t(k)].reshaped();
  const Vector<double> expected = stacked.colPivHouseholderQr().solve(Vector<double>(target.reshaped()));
  REQUIRE((blend_weights(predictions, target) - expected).cwiseAbs().maxCoeff() < 2e-3);
  const Matrix<double> normal = stacked.transpose() * stacked;
  const Matrix<double> right = stacked.transpose() * target.reshaped();
  REQUIRE((detail::ridge_to_first<double>(normal, right, 1e-14) - expected).cwiseAbs().maxCoeff() < 1e-10);
}

TEST_CASE("Where nothing helps a blend is its first denoiser", "[denoiser][blend]") {
  const NoiseLevels levels = three_levels();
  const auto noisy = noisy_samples_of(4, 20);
  const std::vector<AnyDenoiser<double>> parts{affine(1.0, 1), affine(0.0, 2)};
  std::vector<Batch<double>> targets;
  for (Index step = 0; step < 3; ++step) targets.push_back(parts[0].denoise(noisy[std::size_t(step)], levels[step]));
  const auto blend = fit_blend(parts, noisy, targets, levels);
  REQUIRE((blend.weights().row(0).array() - 1.0).abs().maxCoeff() < 1e-9);
  REQUIRE(blend.weights().row(1).cwiseAbs().maxCoeff() < 1e-9);
  REQUIRE(detail::ridge_to_first<double>(Matrix<double>::Identity(2, 2), Matrix<double>::Constant(2, 1, 5.0),
                                         std::numeric_limits<double>::infinity()) ==
          Matrix<double>(Vector<double>::Unit(2, 0)));
}

TEST_CASE("The ridge of a blend pulls towards the first denoiser", "[denoiser][blend]") {
  // (right + e_0) / 2 where the normal matrix is the identity and the ridge 1.
  const Matrix<double> x =
      detail::ridge_to_first<double>(Matrix<double>::Identity(2, 2), Matrix<double>::Constant(2, 1, 5.0), 1.0);
  REQUIRE(x(0, 0) == Approx(3.0).epsilon(1e-14));
  REQUIRE(x(1, 0) == Approx(2.5).epsilon(1e-14));
}

TEST_CASE("Few samples do not lead a blend away from its first denoiser", "[denoiser][blend]") {
  // Two samples of which each has a common error of its own that a second denoiser happens to fit: left out, neither
  // is predicted better by it.
  Batch<double> target(d, 2);
  const std::vector<Batch<double>> predictions{random_matrix(d, 2, 1), random_matrix(d, 2, 2)};
  target.col(0) = predictions[0].col(0) + 0.4 * predictions[1].col(0);
  target.col(1) = predictions[0].col(1) - 0.4 * predictions[1].col(1);
  const Vector<double> weights = blend_weights(predictions, target);
  REQUIRE(weights(0) == Approx(1.0).margin(0.05));
  REQUIRE(std::abs(weights(1)) < 0.05);
}

TEST_CASE("A blend takes the few of many denoisers that its target is made of", "[denoiser][blend]") {
  // The target is made of three of thirty predictions, and of noise that none of them knows.
  constexpr Index n = 8;
  std::vector<Batch<double>> predictions;
  for (unsigned k = 0; k < 30; ++k) predictions.push_back(random_matrix(d, n, 100 + k));
  const Batch<double> target =
      0.9 * predictions[0] + 0.6 * predictions[17] - 0.4 * predictions[23] + 0.05 * random_matrix(d, n, 99);
  const auto chosen = [](const Vector<double>& weights) { return (weights.array() != 0.0).count(); };
  const Vector<double> weights = blend_weights(predictions, target);
  REQUIRE(weights(0) == Approx(0.9).margin(0.02));
  REQUIRE(weights(17) == Approx(0.6).margin(0.02));
  REQUIRE(weights(23) == Approx(-0.4).margin(0.02));
  REQUIRE(chosen(weights) <= 6);
  // With two, the first and the one that helps it most: least squares on these two.
  const Vector<double> two = blend_weights(predictions, target, {.most_parts = 2});
  Matrix<double> stacked(d * n, 2);
  stacked << predictions[0].reshaped(), predictions[17].reshaped();
  const Vector<double> expected = stacked.colPivHouseholderQr().solve(Vector<double>(target.reshaped()));
  REQUIRE(chosen(two) == 2);
  REQUIRE(two(0) == Approx(expected(0)).margin(1e-3));
  REQUIRE(two(17) == Approx(expected(1)).margin(1e-3));
  REQUIRE(chosen(blend_weights(predictions, target, {.most_parts = 1})) == 1);
}

TEST_CASE("A blend says what is wrong", "[denoiser][blend]") {
  const NoiseLevels levels = three_levels();
  const auto noisy = noisy_samples_of(2, 30);
  const std::vector<AnyDenoiser<double>> one{affine(1.0, 1)};
  const auto fit_to = [&](std::vector<AnyDenoiser<double>> parts, const std::vector<Batch<double>>& from,
                          const std::vector<Batch<double>>& targets) {
    return fit_blend(std::move(parts), from, targets, levels);
  };
  REQUIRE(message_of<InvalidArgument>([&] { return fit_to({}, noisy, noisy); }) ==
          "fit_blend: no denoisers, expected at least one");
  REQUIRE(message_of<DimensionMismatch>([&] { return fit_to(one, {noisy[0]}, noisy); }) ==
          "fit_blend: 1 noisy batches and 3 targets for 3 noise levels");
  REQUIRE(message_of<InvalidArgument>([&] { return fit_to(one, noisy_samples_of(0, 1), noisy_samples_of(0, 1)); }) ==
          "fit_blend: no samples at step 0, expected at least one");
  REQUIRE(message_of<DimensionMismatch>([&] { return fit_to(one, noisy, noisy_samples_of(3, 1)); }) ==
          "fit_blend: at step 0 the noisy samples are (40, 2), the targets (40, 3)");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return BlendDenoiser<double>(one, Matrix<double>::Ones(2, 3), levels);
          }) == "BlendDenoiser: weights are (2, 3); expected (1, 3), one for each denoiser and noise level");
  REQUIRE(message_of<InvalidArgument>([&] { return fit_blend(one, noisy, noisy, levels, {.most_parts = 0}); }) ==
          "BlendOptions: most_parts = 0, expected at least 1");
  REQUIRE(message_of<InvalidArgument>([&] {
            return blend_weights(std::vector<Batch<double>>{}, Batch<double>(noisy[0]));
          }) == "blend_weights: 0 predictions of 2 samples; expected at least one of one");
  REQUIRE(message_of<DimensionMismatch>([&] { return blend_weights(noisy, random_matrix(d, 3, 1)); }) ==
          "blend_weights: a prediction is (40, 2), the target (40, 3)");
  const auto other =
      AnyDenoiser<double>(make_denoiser<double>(3, [](const Batch<double>& y, NoiseLevel /*level*/) { return y; }));
  REQUIRE(message_of<DimensionMismatch>([&] {
            return BlendDenoiser<double>({one[0], other}, Matrix<double>::Ones(2, 3), levels);
          }) == "BlendDenoiser: denoisers of dimensions 40 and 3; expected one dimension");
}

}  // namespace
}  // namespace diffarch
