#include "diffarch/denoiser/rank_k.hpp"

#include <Eigen/Cholesky>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "oracles.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::relative_difference;
using test::TestedBackend;

TEST_CASE("The rank-K denoiser is the posterior mean of the Gaussian with the rank-K covariance", "[denoiser]") {
  const Index d = 20;
  for (const Index n : {12, 60}) {
    const Batch<double> data = correlated_samples(d, n, 1);
    const Vector<double> mean = data.rowwise().mean();
    const Matrix<double> centred = data.colwise() - mean;
    const test::SingularValueDecomposition svd = test::jacobi_svd(centred);
    for (const Index k : {1, 4, 9}) {
      const Matrix<double> u = svd.u.leftCols(k);
      const Vector<double> lambda = svd.values.head(k).array().square() / test::real(n);
      const Matrix<double> covariance = u * lambda.asDiagonal() * u.transpose();
      const auto model = fit(RankK{.rank = k}, data, CosineSchedule{}, TestedBackend{});
      REQUIRE(model.rank() == k);
      const NoiseLevel level = NoiseLevel::from_alpha_bar(0.5);
      const Matrix<double> marginal =
          level.signal * level.signal * covariance + level.noise * level.noise * Matrix<double>::Identity(d, d);
      const Batch<double> y = random_matrix(d, 5, 2);
      const Matrix<double> expected =
          (level.signal * covariance * marginal.ldlt().solve(y.colwise() - level.signal * mean)).colwise() + mean;
      // Subspaces turn by eps lambda_1 / (lambda_K - lambda_K+1) < 1e-13 for these data.
      REQUIRE(relative_difference(denoise_on(model, y, level), expected) < 1e-12);
    }
  }
}

TEST_CASE("RankK of the full rank is Linear", "[denoiser]") {
  const Batch<double> data = correlated_samples(9, 30, 3);
  const Batch<double> y = random_matrix(9, 4, 4);
  const NoiseLevel level = NoiseLevel::from_sigma(0.5);
  for (const bool bias : {true, false})
    REQUIRE(bitwise_equal(
        denoise_on(fit(RankK{.rank = 9, .bias = bias}, data, CosineSchedule{}, TestedBackend{}), y, level),
        denoise_on(fit(Linear{.bias = bias}, data, CosineSchedule{}, TestedBackend{}), y, level)));
}

TEST_CASE("A rank below 1 or above that of the data is refused with the range", "[denoiser]") {
  const auto refusal = [](const auto& architecture, const auto& data) {
    return message_of<InvalidArgument>([&] { return fit(architecture, data, CosineSchedule{}, TestedBackend{}); });
  };
  const Batch<double> data = correlated_samples(30, 8, 5);
  for (const Index rank : {0, -5, 8, 100})
    REQUIRE(refusal(RankK{.rank = rank}, data) ==
            detail::concat("RankK: rank = ", rank, " but the training data have rank 7; expected 1 <= rank <= 7"));
  REQUIRE(refusal(RankK{.rank = 7}, data) == "no exception");
  REQUIRE(refusal(RankK{.rank = 8, .bias = false}, data) == "no exception");
  REQUIRE_THAT(refusal(FixedRank<9>{}, data), ContainsSubstring("rank = 9 but the training data have rank 7"));
  REQUIRE_THAT(refusal(RankK{}, Batch<double>(Batch<double>::Constant(3, 5, 0.1))),
               ContainsSubstring("rank = 1 but the training data have rank 0"));
  REQUIRE_THAT(
      refusal(RankK{.rank = 2}, GaussianMoments<double>(Vector<double>::Zero(3), Matrix<double>::Constant(3, 3, 1.0))),
      ContainsSubstring("rank = 2 but the training data have rank 1"));
}

TEST_CASE("The rank may be part of the type", "[denoiser]") {
  STATIC_REQUIRE(FixedRank<3>::rank == 3);
  REQUIRE(FixedRank<3>{}.name() == "RankK (K = 3)");
  REQUIRE(RankK{.rank = 100}.name() == "RankK (K = 100)");
  const Batch<double> data = correlated_samples(9, 30, 6);
  const Batch<double> y = random_matrix(9, 4, 7);
  const NoiseLevel level = NoiseLevel::from_sigma(0.5);
  REQUIRE(bitwise_equal(denoise_on(fit(FixedRank<3>{}, data, CosineSchedule{}, TestedBackend{}), y, level),
                        denoise_on(fit(RankK{.rank = 3}, data, CosineSchedule{}, TestedBackend{}), y, level)));
}

TEST_CASE("Samples of a rank-K denoiser lie in a K-dimensional affine subspace", "[denoiser]") {
  const Index d = 40;
  for (const Index n : {25, 100})
    for (const Index k : {1, 5, 12}) {
      auto sampler = DiffusionSampler<RankK, CosineSchedule, TestedBackend, Ddim, double>{RankK{.rank = k},
                                                                                          CosineSchedule{.steps = 10}};
      sampler.fit(correlated_samples(d, n, 8));
      const Index steps_seen_by_observer = 10;
      Index seen = 0;
      const Batch<double> collapsed = sampler.sample(30, Seed{1});
      const Batch<double> stepwise = sampler.sample(30, Seed{1}, [&](const auto&) { ++seen; });
      REQUIRE(seen == steps_seen_by_observer);
      for (const Batch<double>& samples : {collapsed, stepwise}) {
        const Matrix<double> centred = samples.colwise() - samples.rowwise().mean();
        const Vector<double> s = test::jacobi_svd(centred).values;
        REQUIRE(s(k) / s(0) < 1e-12);
        REQUIRE(s(k - 1) / s(0) > 1e-3);  // and no fewer dimensions
      }
    }
}

}  // namespace
}  // namespace diffarch
