// What the suite shared with the host does not reach: more than one tile on the device, and the host's own results.

#include "diffarch/cuda/denoiser/ideal_denoiser.hpp"

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::random_matrix;
using test::relative_difference;

TEMPLATE_TEST_CASE("Over several tiles of training samples Ideal is that of the host", "[cuda][ideal]", float, double) {
  // Two whole tiles and five samples. The nearest samples lie in all of them, so that weights are rescaled both ways.
  const Batch<TestType> data = random_matrix<TestType>(5, 2 * 8192 + 5, 1);
  const IdealDenoiser<TestType, Cuda> model(data);
  const IdealDenoiser<TestType> host(data);
  REQUIRE(bitwise_equal(model.data().download(), data));
  for (const double sigma : {0.0, 1e-3, 0.05, 0.3, 3.0, 100.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
    Batch<TestType> y(5, 130);
    for (Index j = 0; j < y.cols(); ++j)
      y.col(j) = static_cast<TestType>(level.signal) * data.col(j * 126) +
                 static_cast<TestType>(level.noise) * random_matrix<TestType>(5, 1, static_cast<unsigned>(j));
    // In f32 both form exponents in double from products in f32, or, where these cancel, in double altogether. An
    // exponent is left the rounding of x.y: epsilon |x| |y| signal / noise^2, at most epsilon 60 here where it is not
    // measured again, and the two round alike but for the order of five terms.
    const double tolerance = std::is_same_v<TestType, double> ? 1e-12 : 1e-6;
    REQUIRE(relative_difference(denoise_on(model, y, level), host.denoise(y, level)) < tolerance);
  }
}

TEST_CASE("In single precision Ideal is that of double precision, on the host and on the device", "[cuda][ideal]") {
  // The oracle is the model of the same numbers in double. 2e-6: the rounding of products x.y that exponents are left
  // with, epsilon |x| |y| signal / noise^2 (up to 1e-5 here; beyond, they are measured again in double), comes out
  // at a tenth of that bound; at sigma = 20000 the result is the mean of the samples, a hundredth of their size.
  const Batch<float> data = random_matrix<float>(5, 3000, 4);
  const IdealDenoiser<float, Cuda> model(data);
  const IdealDenoiser<float> host(data);
  const IdealDenoiser<double> oracle(Batch<double>(data.cast<double>()));
  for (const double sigma : {0.0, 1e-3, 0.05, 0.1, 0.3, 1.0, 10.0, 2e4}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
    const Batch<float> y = static_cast<float>(level.signal) * data.leftCols(130) +
                           static_cast<float>(level.noise) * random_matrix<float>(5, 130, 5);
    const Batch<double> expected = oracle.denoise(y.cast<double>(), level);
    INFO("sigma " << sigma);
    REQUIRE(relative_difference(denoise_on(model, y, level), expected) < 2e-6);
    REQUIRE(relative_difference(host.denoise(y, level), expected) < 2e-6);
  }
}

TEST_CASE("Ideal measures again however many samples are within reach", "[cuda][ideal]") {
  // Far from the origin all products cancel, and the samples are so close together that at sigma = 1 every one of them
  // is within reach, at 0.5 most are. More rows than threads that share a sample, a second tile, and a last group of
  // samples that is not whole.
  const Batch<float> data = (random_matrix<float>(70, 8192 + 200, 6) * 0.3F).array() + 20.0F;
  const IdealDenoiser<float, Cuda> model(data);
  const IdealDenoiser<float> host(data);
  const IdealDenoiser<double> oracle(Batch<double>(data.cast<double>()));
  for (const double sigma : {0.05, 0.5, 0.7, 1.0}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    Batch<float> y(70, 6);
    for (Index j = 0; j < y.cols(); ++j) y.col(j) = data.col(j < 3 ? 61 * j : data.cols() - 1 - 61 * (j - 3));
    y += static_cast<float>(sigma) * random_matrix<float>(70, 6, 7);
    const Batch<double> expected = oracle.denoise(y.cast<double>(), level);
    INFO("sigma " << sigma);
    // Data of size 20 have roundings of 1e-6, of which a weighted sum collects many; samples differ by 0.4.
    REQUIRE((denoise_on(model, y, level).cast<double>() - expected).cwiseAbs().maxCoeff() < 1e-4);
    REQUIRE((host.denoise(y, level).cast<double>() - expected).cwiseAbs().maxCoeff() < 1e-4);
  }
}

TEST_CASE("Ideal of no noisy samples and of one training sample", "[cuda][ideal]") {
  const Batch<float> data = random_matrix<float>(7, 1, 2);
  const IdealDenoiser<float, Cuda> model(data);
  REQUIRE(denoise_on(model, Batch<float>(7, 0), NoiseLevel::from_sigma(1.0)).cols() == 0);
  const Batch<float> x0_hat = denoise_on(model, random_matrix<float>(7, 3, 3), NoiseLevel::from_sigma(1.0));
  for (Index j = 0; j < 3; ++j) REQUIRE(bitwise_equal(Batch<float>(x0_hat.col(j)), data));
}

}  // namespace
}  // namespace diffarch
