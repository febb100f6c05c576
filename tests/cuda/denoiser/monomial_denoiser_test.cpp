#include "diffarch/cuda/denoiser/monomial_denoiser.hpp"

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::random_matrix;
using test::relative_difference;

template <class Scalar, int Degree, class Features>
void check_against_host(const Polynomial<Degree, Features>& architecture, Index d, double tolerance) {
  INFO(architecture.name() << ", d = " << d);
  const Batch<Scalar> x = correlated_samples<Scalar>(d, 300, 1);
  const CosineSchedule schedule{.steps = 5};
  const auto host = fit(architecture, x, schedule, Cpu{});
  const auto device = fit(architecture, x, schedule, Cuda{});
  const Batch<Scalar> y = random_matrix<Scalar>(d, 150, 2);
  const NoiseLevels levels = schedule.levels();
  for (const NoiseLevel level :
       {NoiseLevel::from_alpha_bar(0.0), levels[1], levels[3], NoiseLevel::from_sigma(0.9)}) {  // one is not kept
    const Batch<Scalar> x0_hat = device.denoise(Cuda::upload(y), level).download();
    CHECK(relative_difference(x0_hat, host.denoise(y, level)) < tolerance);
    CHECK(bitwise_equal(device.denoise(Cuda::upload(Batch<Scalar>(y.col(140))), level).download(),
                        Batch<Scalar>(x0_hat.col(140))));
  }
  CHECK(device.host_model().condition(levels[3]) == host.condition(levels[3]));
  CHECK_THROWS_AS(device.denoise(Cuda::upload(random_matrix<Scalar>(d + 1, 2, 3)), levels[3]), DimensionMismatch);
}

TEST_CASE("Polynomials on all monomials predict on the device what they do on the host", "[cuda]") {
  check_against_host<double>(Polynomial<1>{}, 3, 1e-12);
  check_against_host<double>(Polynomial<5>{}, 2, 1e-12);
  check_against_host<double>(Polynomial<3>{}, 4, 1e-12);
  check_against_host<double>(Polynomial<3, Conservative>{}, 2, 1e-12);
  check_against_host<float>(Polynomial<5>{}, 2, 1e-6);
}

TEST_CASE("Samples of a polynomial on all monomials are those of the host", "[cuda]") {
  const auto samples = [](auto backend) {
    DiffusionSampler<Polynomial<3>, CosineSchedule, decltype(backend), Ddim, double> sampler(
        Polynomial<3>{}, CosineSchedule{.steps = 6});
    return sampler.fit(correlated_samples(2, 400, 4)).sample(9, Seed{5});
  };
  CHECK(relative_difference(samples(Cuda{}), samples(Cpu{})) < 1e-12);
}

}  // namespace
}  // namespace diffarch
