#include "diffarch/nn/layers/activation.hpp"

#include <cmath>
#include <limits>

#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using test::gradient_error;
using test::message_of;
using test::random_matrix;
using test::TestedKernels;
using Leaky = nn::LeakyReLU<double, TestedKernels>;
using Relu = nn::ReLU<double, TestedKernels>;
using Tanh = nn::Tanh<double, TestedKernels>;

/// What a layer without weights makes of x.
template <class Layer>
Batch<typename Layer::Scalar> output_of(Layer layer, const Batch<typename Layer::Scalar>& x) {
  nn::Network network(std::move(layer), ImageShape{1, 1, x.rows()});
  return test::forward_on(network, x, nn::Mode::train);
}

TEST_CASE("Activations compute their formulas", "[nn]") {
  const Batch<double> x = random_matrix(6, 3, 1);
  REQUIRE(test::relative_difference(output_of(Leaky(0.2), x),
                                    x.unaryExpr([](double v) { return v > 0.0 ? v : 0.2 * v; })) == 0.0);
  REQUIRE(test::relative_difference(output_of(Relu(), x), x.cwiseMax(0.0)) == 0.0);
  // Vectorised and scalar tanh may differ by rounding.
  REQUIRE(test::relative_difference(output_of(Tanh(), x), x.unaryExpr([](double v) { return std::tanh(v); })) < 1e-15);
}

TEST_CASE("Gradients of the activations equal central differences", "[nn]") {
  const ImageShape shape{2, 3, 4};
  REQUIRE(gradient_error(nn::Network(Leaky(0.2), shape), 3) < 1e-6);
  REQUIRE(gradient_error(nn::Network(Relu(), shape), 3) < 1e-6);
  REQUIRE(gradient_error(nn::Network(Tanh(), shape), 3) < 1e-6);
}

TEST_CASE("Activations pass NaN on", "[nn]") {
  const Batch<float> x = Batch<float>::Constant(70, 2, std::numeric_limits<float>::quiet_NaN());
  REQUIRE(output_of(nn::Tanh<float, TestedKernels>(), x).array().isNaN().all());
  REQUIRE(output_of(nn::ReLU<float, TestedKernels>(), x).array().isNaN().all());
}

TEST_CASE("The hyperbolic tangent is as good in f32 as the standard library's", "[nn]") {
  const Batch<float> x = 4.0F * test::random_matrix<float>(1000, 1, 1);
  const Matrix<double> exact = x.cast<double>().unaryExpr([](double v) { return std::tanh(v); });
  const Matrix<double> ratio = output_of(nn::Tanh<float, TestedKernels>(), x).cast<double>().cwiseQuotient(exact);
  REQUIRE((ratio.array() - 1.0).abs().maxCoeff() < 5e-7);  // a few units in the last place
}

TEST_CASE("A slope outside [0, 1] is refused", "[nn]") {
  REQUIRE(message_of<InvalidArgument>([] { nn::LeakyReLU<float, TestedKernels>(-0.1); }) ==
          "LeakyReLU: slope = -0.1; expected 0 <= slope <= 1");
}

}  // namespace
}  // namespace diffarch
