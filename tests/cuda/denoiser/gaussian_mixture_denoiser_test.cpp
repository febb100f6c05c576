#include "diffarch/cuda/denoiser/gaussian_mixture_denoiser.hpp"

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::denoise_on;
using test::random_matrix;
using test::relative_difference;

TEMPLATE_TEST_CASE("The mixture's posterior mean on the device is that of the host", "[cuda][mixture]", float, double) {
  std::vector<Matrix<TestType>> covariances;
  for (unsigned k = 0; k < 3; ++k) {
    const Matrix<double> factor = random_matrix(4, k == 2 ? 2 : 4, 10 + k);
    covariances.push_back((factor * factor.transpose()).cast<TestType>());
  }
  const GaussianMixture<TestType> mixture(Vector<TestType>{{TestType(0.25), TestType(0.5), TestType(0.25)}},
                                          random_matrix<TestType>(4, 3, 13), covariances);
  const GaussianMixtureDenoiser<TestType, Cuda> model(mixture);
  const GaussianMixtureDenoiser<TestType> host(mixture);
  for (const Index n : {0, 1, 301})
    for (const double sigma : {0.0, 0.1, 1.0, 50.0}) {
      const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
      const Batch<TestType> y = random_matrix<TestType>(4, n, 14);
      const Batch<TestType> x0_hat = denoise_on(model, y, level);
      REQUIRE(x0_hat.cols() == n);
      // Both form exponents in double; the coordinates in them are in f32 on the host.
      if (n > 0)
        REQUIRE(relative_difference(x0_hat, host.denoise(y, level)) <
                (std::is_same_v<TestType, double> ? 1e-12 : 1e-6));
      if (n > 1) REQUIRE(test::bitwise_equal(denoise_on(model, y.col(200), level), Batch<TestType>(x0_hat.col(200))));
    }
  const Batch<TestType> point = random_matrix<TestType>(4, 1, 15);
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  REQUIRE(test::bitwise_equal(model.posterior_covariance(point, level), host.posterior_covariance(point, level)));
}

}  // namespace
}  // namespace diffarch
