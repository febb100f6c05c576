#include "diffarch/nn/kernels/layer_options.hpp"

#include <algorithm>
#include <vector>

#include "diffarch/nn/layers/batch_norm.hpp"
#include "diffarch/nn/layers/convolution.hpp"
#include "support.hpp"

namespace diffarch::nn {
namespace {

TEST_CASE("A sum over 3 x 3 pixels sees zeros beyond the border of an image, or the opposite side", "[nn]") {
  const auto sums = [](Padding padding) {
    Convolution<double> layer(1, 1, padding);
    layer.for_each_parameter("", [](const Parameter<double>& parameter) { std::ranges::fill(parameter.values, 1.0); });
    layer.plan({3, 4, 1}, 1);
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    std::vector<double> y(12);
    Buffer<double> workspace(layer.workspace_size());
    layer.forward(x.data(), y.data(), 1, Mode::train, workspace.data());
    return y;
  };
  REQUIRE(sums(Padding::zeros) == std::vector<double>{14, 24, 30, 22, 33, 54, 63, 45, 30, 48, 54, 38});
  REQUIRE(sums(Padding::circular) == std::vector<double>{57, 54, 63, 60, 57, 54, 63, 60, 57, 54, 63, 60});
}

TEST_CASE("Evaluation leaves the running statistics as they are, training moves them", "[nn]") {
  BatchNorm<double> layer(1);
  const auto running_mean = [&] {
    double mean = -1.0;
    layer.for_each_parameter("", [&](const Parameter<double>& parameter) {
      if (parameter.name == "running_mean") mean = parameter.values[0];
    });
    return mean;
  };
  layer.plan({1, 1, 1}, 2);
  const std::vector<double> x{1, 3};
  std::vector<double> y(2);
  Buffer<double> workspace(layer.workspace_size());
  layer.forward(x.data(), y.data(), 2, Mode::evaluate, workspace.data());
  REQUIRE(running_mean() == 0.0);
  REQUIRE(y[0] == Approx(1.0).epsilon(1e-4));
  layer.forward(x.data(), y.data(), 2, Mode::train, workspace.data());
  REQUIRE(running_mean() == Approx(0.2));  // PyTorch's momentum 0.1 times the mean 2
  REQUIRE(y[0] == Approx(-1.0).epsilon(1e-4));
}

}  // namespace
}  // namespace diffarch::nn
