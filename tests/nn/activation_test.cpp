#include "diffarch/nn/activation.hpp"

#include <cmath>
#include <limits>

#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using test::gradient_error;
using test::message_of;
using test::random_matrix;

TEST_CASE("Activations compute their formulas", "[nn]") {
  const Batch<double> x = random_matrix(6, 3, 1);
  nn::Network leaky(nn::LeakyReLU<double>(0.2), ImageShape{1, 1, 6});
  nn::Network relu(nn::ReLU<double>(), ImageShape{1, 1, 6});
  nn::Network tanh(nn::Tanh<double>(), ImageShape{1, 1, 6});
  const auto evaluate = nn::Mode::evaluate;
  REQUIRE(test::relative_difference(leaky.forward(x, evaluate),
                                    x.unaryExpr([](double v) { return v > 0.0 ? v : 0.2 * v; })) == 0.0);
  REQUIRE(test::relative_difference(relu.forward(x, evaluate), x.cwiseMax(0.0)) == 0.0);
  // Vectorised and scalar tanh may differ by rounding.
  REQUIRE(test::relative_difference(tanh.forward(x, evaluate), x.unaryExpr([](double v) { return std::tanh(v); })) <
          1e-15);
}

TEST_CASE("Gradients of the activations equal central differences", "[nn]") {
  const ImageShape shape{2, 3, 4};
  REQUIRE(gradient_error(nn::Network(nn::LeakyReLU<double>(0.2), shape), 3) < 1e-6);
  REQUIRE(gradient_error(nn::Network(nn::ReLU<double>(), shape), 3) < 1e-6);
  REQUIRE(gradient_error(nn::Network(nn::Tanh<double>(), shape), 3) < 1e-6);
}

TEST_CASE("Activations pass NaN on", "[nn]") {
  const Batch<float> x = Batch<float>::Constant(70, 2, std::numeric_limits<float>::quiet_NaN());
  REQUIRE(nn::Network(nn::Tanh<float>(), ImageShape{1, 1, 70}).forward(x, nn::Mode::train).array().isNaN().all());
  REQUIRE(nn::Network(nn::ReLU<float>(), ImageShape{1, 1, 70}).forward(x, nn::Mode::train).array().isNaN().all());
}

TEST_CASE("The hyperbolic tangent is as good in f32 as the standard library's", "[nn]") {
  const Batch<float> x = 4.0F * test::random_matrix<float>(1000, 1, 1);
  nn::Network network(nn::Tanh<float>(), ImageShape{1, 1, 1000});
  const Matrix<double> exact = x.cast<double>().unaryExpr([](double v) { return std::tanh(v); });
  const Matrix<double> ratio = network.forward(x, nn::Mode::train).cast<double>().cwiseQuotient(exact);
  REQUIRE((ratio.array() - 1.0).abs().maxCoeff() < 5e-7);  // a few units in the last place
}

TEST_CASE("A slope outside [0, 1] is refused", "[nn]") {
  REQUIRE(message_of<InvalidArgument>([] { nn::LeakyReLU<float>(-0.1); }) ==
          "LeakyReLU: slope = -0.1; expected 0 <= slope <= 1");
}

}  // namespace
}  // namespace diffarch
