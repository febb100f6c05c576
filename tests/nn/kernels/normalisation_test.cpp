#include "diffarch/nn/kernels/normalisation.hpp"

#include "diffarch/nn/layers/batch_norm.hpp"
#include "diffarch/nn/network.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("The constants of batch norm are PyTorch's defaults, and those that the kernels take", "[nn]") {
  CHECK(nn::detail::normalisation_epsilon == 1e-5);
  CHECK(nn::detail::normalisation_momentum == 0.1);
  // One channel with mean 0 and variance 1: the batch's unbiased variance has the weight of the momentum.
  nn::Network network(nn::BatchNorm<double>(1), ImageShape{1, 2, 1});
  const Batch<double> x{{-1.0}, {1.0}};
  CHECK(network.forward(x, nn::Mode::train)(1) == Approx(1.0 / std::sqrt(1.0 + nn::detail::normalisation_epsilon)));
  network.for_each_parameter([&](const nn::Parameter<double>& parameter) {
    if (parameter.name == "running_var") CHECK(parameter.values[0] == Approx(0.9 + 0.1 * 2.0));
  });
}
