#include "diffarch/analysis/psnr.hpp"

#include <cmath>

#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/schedule/custom.hpp"
#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

template <class Scalar_>
struct AlwaysZero {
  using Scalar = Scalar_;
  using BackendType = Cpu;
  Index d = 2;
  double nan_up_to_sigma = -1.0;  ///< of every y beyond 100
  [[nodiscard]] Index dimension() const { return d; }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    Batch<Scalar> x0_hat = Batch<Scalar>::Zero(y.rows(), y.cols());
    for (Index j = 0; j < y.cols(); ++j)
      if (level.sigma() <= nan_up_to_sigma && y(0, j) > Scalar(100))
        x0_hat(1, j) = std::numeric_limits<Scalar>::quiet_NaN();
    return x0_hat;
  }
};

/// A model without `posterior_covariance`.
template <class Model>
struct OnlyPredictions {
  using Scalar = typename Model::Scalar;
  using BackendType = Cpu;
  const Model& model;
  [[nodiscard]] Index dimension() const { return model.dimension(); }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return model.denoise(y, level);
  }
};

double psnr_z(const MeanEstimate& estimate, double expected) {
  return (estimate.value - expected) / estimate.standard_error;
}

const NoiseLevels psnr_levels = CustomSchedule({NoiseLevel::from_sigma(3.0), NoiseLevel::from_alpha_bar(0.5),
                                                NoiseLevel::from_sigma(0.2), NoiseLevel{}})
                                    .levels();

}  // namespace

TEST_CASE("PSNR and standard errors of two samples, by hand", "[analysis][psnr]") {
  CHECK(psnr(1.0, 2.0) == Approx(6.020599913279624).epsilon(1e-14));
  CHECK(psnr(0.01, 1.0) == Approx(20.0).epsilon(1e-14));
  CHECK(psnr(0.0, 1.0) == std::numeric_limits<double>::infinity());
  // Errors per element 1 and 9: mean 5, standard deviation sqrt(32), over sqrt(2).
  const Batch<double> clean{{1.0, 3.0}, {-1.0, 3.0}};
  const auto check = [&](const LevelPsnr& measured, double range) {
    CHECK(measured.mean_squared_error.value == Approx(5.0).epsilon(1e-14));
    CHECK(measured.mean_squared_error.standard_error == Approx(4.0).epsilon(1e-14));
    CHECK(measured.psnr == Approx(-0.9691001300805642 + 20.0 * std::log10(range / 2.0)).epsilon(1e-13));
    CHECK(measured.psnr_standard_error == Approx(3.4743558552260145).epsilon(1e-13));
  };
  const auto result = psnr_by_level(AlwaysZero<float>{}, clean, psnr_levels, Seed{1});
  REQUIRE(result.size() == 3);
  for (Index step = 0; step < 3; ++step) {
    CHECK(result[static_cast<std::size_t>(step)].level == psnr_levels[step]);
    check(result[static_cast<std::size_t>(step)], 2.0);
  }
  check(psnr_by_level(AlwaysZero<double>{}, clean, psnr_levels, Seed{1}, 255.0)[1], 255.0);
  const auto perfect =
      psnr_by_level(AlwaysZero<double>{}, Batch<double>(Batch<double>::Zero(2, 2)), psnr_levels, Seed{1})[0];
  CHECK(perfect.psnr == std::numeric_limits<double>::infinity());
  CHECK(perfect.psnr_standard_error == 0.0);
}

TEST_CASE("The linear denoiser reaches the closed-form error, on any data of its covariance", "[analysis][psnr]") {
  // The average over the noise of the error on the training samples depends on their covariance alone.
  const Batch<double> x = correlated_samples(4, 3000, 2).array().abs().sqrt();
  const auto model = fit(Linear{}, x, CustomSchedule::from_sigmas({1.0, 0.0}));
  const auto result = psnr_by_level(model, x, psnr_levels, Seed{3});
  // Neither what the mean of the data gives, nor y itself.
  CHECK(gaussian_mmse(model.eigenvalues(), psnr_levels[1]) < 0.9 * std::min(model.eigenvalues().sum(), 4.0));
  for (const LevelPsnr& measured : result) {
    // |z| < 4: by chance once in 16000.
    CHECK(std::abs(psnr_z(measured.mean_squared_error, gaussian_mmse(model.eigenvalues(), measured.level) / 4.0)) <
          4.0);
    CHECK(measured.mean_squared_error.standard_error < 0.05 * measured.mean_squared_error.value);
  }
}

TEST_CASE("The closed-form error of a Gaussian at its limits", "[analysis][psnr]") {
  const Vector<double> eigenvalues{{4.0, 1.0, 0.0}};
  CHECK(gaussian_mmse(eigenvalues, NoiseLevel::from_sigma(2.0)) == Approx(2.0 + 0.8).epsilon(1e-15));
  CHECK(gaussian_mmse(eigenvalues, NoiseLevel::from_sigma(2.0).variance_preserving()) == Approx(2.8).epsilon(1e-14));
  CHECK(gaussian_mmse(eigenvalues, NoiseLevel{}) == 0.0);
  CHECK(gaussian_mmse(eigenvalues, NoiseLevel::from_alpha_bar(0.0)) == 5.0);
  CHECK(message_of<InvalidArgument>([&] {
          (void)gaussian_mmse(Vector<double>{{1.0, -2.0}}, NoiseLevel{});
        }) == "gaussian_mmse: eigenvalue 1 is -2; expected a finite variance >= 0");
}

TEST_CASE("Above the floor of a Gaussian, rank K leaves out lambda^2 / (lambda + sigma^2)", "[analysis][psnr]") {
  // One diagonal Gaussian; the rank-2 denoiser of its moments predicts the mean in the last two directions.
  const Vector<double> variances{{2.0, 1.0, 0.5, 0.25}};
  const Matrix<double> mean = random_matrix(4, 1, 4);
  const GaussianMixture<double> gaussian(Vector<double>{{1.0}}, mean, {Matrix<double>(variances.asDiagonal())});
  const auto schedule = CustomSchedule::from_sigmas({1.0, 0.0});
  const auto exact = fit(GaussianMixtureScore{}, gaussian, schedule);
  const auto model = fit(RankK{.rank = 2}, GaussianMoments<double>(mean.col(0), variances.asDiagonal()), schedule);
  const Batch<double> x = gaussian.sample(2000, Seed{5});
  const auto result = psnr_and_floor_by_level(model, exact, x, psnr_levels, Seed{6});
  const auto without_covariance =
      psnr_and_floor_by_level(model, OnlyPredictions<decltype(exact)>{exact}, x, psnr_levels, Seed{6});
  REQUIRE(result.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const LevelPsnrWithFloor& at = result[i];
    const double sigma_squared = std::pow(at.measured.level.sigma(), 2);
    const double floor = (variances.array() * sigma_squared / (variances.array() + sigma_squared)).sum() / 4.0;
    const double excess = (0.25 / (0.5 + sigma_squared) + 0.0625 / (0.25 + sigma_squared)) / 4.0;
    // The posterior variance of a Gaussian is the same for every y: no sampling error at all.
    CHECK(at.floor.mean_squared_error.value == Approx(floor).epsilon(1e-12));
    CHECK(at.floor.mean_squared_error.standard_error < 1e-12);
    CHECK(at.floor.psnr == Approx(10.0 * std::log10(4.0 / floor)).epsilon(1e-12));
    CHECK(std::abs(psnr_z(without_covariance[i].floor.mean_squared_error, floor)) < 4.0);
    CHECK(std::abs(psnr_z(at.excess, excess)) < 4.0);
    CHECK(std::abs(psnr_z(at.measured.mean_squared_error, floor + excess)) < 4.0);
    // The measured error is that of psnr_by_level, and the floor is below it.
    CHECK(at.measured.psnr == psnr_by_level(model, x, psnr_levels, Seed{6})[i].psnr);
    CHECK(at.measured.psnr < at.floor.psnr);
  }
}

TEST_CASE("The floor of a mixture in one dimension is its MMSE by quadrature", "[analysis][psnr]") {
  const Vector<double> weights{{0.7, 0.3}};
  const Matrix<double> means{{-1.0, 1.2}};
  const Vector<double> deviations{{0.3, 0.6}};
  const GaussianMixture<double> mixture(weights, means,
                                        {Matrix<double>::Constant(1, 1, 0.09), Matrix<double>::Constant(1, 1, 0.36)});
  const auto exact = fit(GaussianMixtureScore{}, mixture, CustomSchedule::from_sigmas({1.0, 0.0}));
  const Batch<double> x = mixture.sample(4000, Seed{7});
  const auto linear = fit(Linear{}, GaussianMoments<double>(mixture.mean(), mixture.covariance()),
                          CustomSchedule::from_sigmas({1.0, 0.0}));
  const NoiseLevels levels = CustomSchedule::from_sigmas({1.0, 0.5, 0.0}).levels();
  const auto result = psnr_and_floor_by_level(linear, exact, x, levels, Seed{8});
  const auto direct = psnr_by_level(exact, x, levels, Seed{8});
  const Quadrature gauss = gauss_hermite(60);
  for (std::size_t i = 0; i < 2; ++i) {
    const Wide sigma = static_cast<Wide>(result[i].measured.level.sigma());
    // x = m_k + s_k z, y = x + sigma e; E[x | y] by Bayes' rule over the components.
    Wide mmse = 0;
    for (Index k = 0; k < 2; ++k)
      for (Index a = 0; a < gauss.nodes.size(); ++a)
        for (Index b = 0; b < gauss.nodes.size(); ++b) {
          const Wide clean = static_cast<Wide>(means(0, k)) + static_cast<Wide>(deviations(k)) * gauss.nodes(a);
          const Wide y = clean + sigma * gauss.nodes(b);
          Wide total = 0;
          Wide posterior = 0;
          for (Index l = 0; l < 2; ++l) {
            const Wide m = static_cast<Wide>(means(0, l));
            const Wide v = static_cast<Wide>(deviations(l)) * static_cast<Wide>(deviations(l));
            const Wide marginal = v + sigma * sigma;
            const Wide r =
                static_cast<Wide>(weights(l)) * std::exp(-(y - m) * (y - m) / (2 * marginal)) / std::sqrt(marginal);
            total += r;
            posterior += r * (m + v / marginal * (y - m));
          }
          mmse += static_cast<Wide>(weights(k)) * gauss.weights(a) * gauss.weights(b) *
                  std::pow(clean - posterior / total, 2);
        }
    const auto expected = static_cast<double>(mmse);
    CHECK(std::abs(psnr_z(result[i].floor.mean_squared_error, expected)) < 4.0);
    CHECK(std::abs(psnr_z(direct[i].mean_squared_error, expected)) < 4.0);
    // Averaging over x given y takes variance away.
    CHECK(result[i].floor.mean_squared_error.standard_error < 0.7 * direct[i].mean_squared_error.standard_error);
    // The best affine denoiser has the error of the Gaussian of the same variance: more than the mixture's.
    const double affine = gaussian_mmse(linear.eigenvalues(), result[i].measured.level);
    CHECK(std::abs(psnr_z(result[i].measured.mean_squared_error, affine)) < 4.0);
    CHECK(std::abs(psnr_z(result[i].excess, affine - expected)) < 4.0);
    CHECK(affine > 1.05 * expected);
  }
}

TEST_CASE("Samples and predictions that give no PSNR are refused", "[analysis][psnr]") {
  Batch<double> clean = Batch<double>::Ones(2, 300);
  CHECK(message_of<InvalidArgument>([&] {
          (void)psnr_by_level(AlwaysZero<double>{}, Batch<double>(clean.leftCols(1)), psnr_levels, Seed{1});
        }) == "psnr_by_level: the clean samples are (2, 1); expected at least 2 sample(s)");
  CHECK(message_of<DimensionMismatch>([&] {
          (void)psnr_by_level(AlwaysZero<double>{.d = 3}, clean, psnr_levels, Seed{1});
        }) == "psnr_by_level: the model has dimension 3 but the clean samples have 2 values");
  CHECK(message_of<DimensionMismatch>([&] {
          (void)psnr_and_floor_by_level(AlwaysZero<double>{}, AlwaysZero<double>{.d = 3}, clean, psnr_levels, Seed{1});
        }) == "psnr_and_floor_by_level: the exact denoiser has dimension 3 but the clean samples have 2 values");
  CHECK(message_of<InvalidArgument>([&] {
          (void)psnr_by_level(AlwaysZero<double>{}, clean, psnr_levels, Seed{1}, 0.0);
        }) == "psnr: mean squared error 1, range 0; expected an error >= 0 and a finite range > 0");
  clean(0, 290) = 1e6;
  CHECK(message_of<NumericalError>([&] {
          (void)psnr_by_level(AlwaysZero<double>{.nan_up_to_sigma = 1.5}, clean, psnr_levels, Seed{1});
        }) == "psnr_by_level: x0_hat of the model is not finite at level 2 of 3 (sigma = 1) for sample 290");
  CHECK(message_of<NumericalError>([&] {
          (void)psnr_and_floor_by_level(AlwaysZero<double>{}, AlwaysZero<double>{.nan_up_to_sigma = 1.5}, clean,
                                        psnr_levels, Seed{1});
        }) ==
        "psnr_and_floor_by_level: x0_hat of the exact denoiser is not finite at level 2 of 3 (sigma = 1) for "
        "sample 290");
  clean(1, 7) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<InvalidArgument>([&] { (void)psnr_by_level(AlwaysZero<double>{}, clean, psnr_levels, Seed{1}); }) ==
        "psnr_by_level: clean sample 7 is not finite");
}
