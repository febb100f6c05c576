#include "diffarch/sampler/step_weights.hpp"

#include <limits>

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

TEST_CASE("A step is the weighted sum of y and the prediction", "[sampler]") {
  const Batch<double> before = test::random_matrix(7, 5, 1);
  const Batch<double> x0_hat = test::random_matrix(7, 5, 2);
  test::Storage<double> stepped = test::upload(before);
  detail::take_step<test::TestedBackend>(stepped, test::upload(x0_hat), {0.3, 0.7});
  const Batch<double> y = test::download(stepped);
  // Three roundings of numbers below 6.
  REQUIRE((y - (0.3 * before + 0.7 * x0_hat)).cwiseAbs().maxCoeff() < 1e-15 * 4);
}

TEMPLATE_TEST_CASE("A step with no weight on y is the prediction bit for bit, even where y is NaN", "[sampler]", float,
                   double) {
  const Batch<TestType> x0_hat = test::random_matrix<TestType>(7, 5, 3);
  test::Storage<TestType> y = test::upload(Batch<TestType>::Constant(7, 5, std::numeric_limits<TestType>::quiet_NaN()));
  detail::take_step<test::TestedBackend>(y, test::upload(x0_hat), {0.0, 1.0});
  REQUIRE(test::bitwise_equal(test::download(y), x0_hat));
}

TEST_CASE("A mode's gain is the weight of y plus that of x0_hat times the denoiser's response", "[sampler]") {
  REQUIRE(detail::StepWeights{0.25, 0.5}.mode_gain(0.75) == 0.625);
}

}  // namespace
}  // namespace diffarch
