#include "diffarch/nn/mlp.hpp"

#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"
#include "nn/told_levels.hpp"
#include "oracles.hpp"

namespace diffarch {
namespace {

using nn::Mode;
using test::forward_on;
using test::random_network;
using test::TestedMlp;
using test::TestedTwoDMlp;

/// The Jacobian at one sample, from one backward pass for each output.
template <class Body>
Matrix<double> jacobian(nn::Network<Body>& network, const Batch<double>& x) {
  Matrix<double> j(network.output_shape().size(), x.rows());
  forward_on(network, x, Mode::evaluate);
  for (Index i = 0; i < j.rows(); ++i)
    j.row(i) = test::backward_on(network, x, Batch<double>(Vector<double>::Unit(j.rows(), i))).transpose();
  return j;
}

TEST_CASE("Gradients of both bottleneck networks equal central differences", "[nn]") {
  CHECK(test::gradient_error(random_network(TestedMlp<double>(12, 7), {2, 2, 3}), 5) < 1e-6);
  CHECK(test::gradient_error(random_network(TestedTwoDMlp<double>(1), {1, 1, 2}), 9) < 1e-6);
}

TEST_CASE("The Jacobian of a bottleneck network has at most the rank of the bottleneck", "[nn]") {
  auto image = random_network(TestedMlp<double>(27, 4), ImageShape{3, 3, 3});
  auto point = random_network(TestedTwoDMlp<double>(1), ImageShape{1, 1, 2});
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const Vector<double> image_values = test::jacobi_svd(jacobian(image, test::random_matrix(27, 1, seed))).values;
    // Products of ten matrices: rounding is a few 1e-16 of the largest.
    CHECK(image_values(4) <= 1e-14 * image_values(0));
    const Vector<double> point_values = test::jacobi_svd(jacobian(point, test::random_matrix(2, 1, seed))).values;
    CHECK(point_values(0) > 0.0);
    CHECK(point_values(1) <= 1e-14 * point_values(0));
  }
}

TEST_CASE("atanh of the image network's outputs minus the last bias spans at most H directions", "[nn]") {
  const Index hidden = 4;
  auto network = random_network(TestedMlp<double>(27, hidden), ImageShape{3, 3, 3});
  std::vector<double> bias;
  network.for_each_parameter([&](const auto& p) {
    if (p.name == "decoder.0.bias") bias = test::values_of(p.values);
  });
  const Batch<double> y = forward_on(network, test::random_matrix(27, 40, 1), Mode::evaluate);
  const Matrix<double> codes =
      y.unaryExpr([](double v) { return std::atanh(v); }).colwise() - Eigen::Map<const Vector<double>>(bias.data(), 27);
  const Vector<double> values = test::jacobi_svd(codes).values;
  // atanh near 1 magnifies the rounding of tanh.
  CHECK(values(hidden) < 1e-9 * values(0));
}

TEST_CASE("Tensors of the bottleneck networks have the names of the reference code", "[nn]") {
  const auto names = [](auto network) {
    std::vector<std::string> all;
    network.for_each_parameter([&](const auto& p) { all.push_back(p.name); });
    return all;
  };
  const auto image = names(nn::Network(TestedMlp<float>(12, 5), ImageShape{2, 2, 3}));
  REQUIRE(image.size() == 20);
  REQUIRE(image.front() == "encoder.0.weight");
  REQUIRE(image[17] == "encoder.16.bias");
  REQUIRE(image[18] == "decoder.0.weight");
  REQUIRE(names(nn::Network(TestedTwoDMlp<float>(3), ImageShape{1, 1, 2})) ==
          std::vector<std::string>{"encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias",
                                   "decoder.0.weight", "decoder.0.bias", "decoder.2.weight", "decoder.2.bias"});
}

TEST_CASE("A stack of bottleneck networks takes each through its own", "[nn]") {
  const auto check = [](auto stack, const auto& make_body, const ImageShape& shape) {
    const Index samples = 4;  // of each of two
    REQUIRE(stack.networks() == 2);
    const Batch<double> x = test::random_matrix(shape.size(), 2 * samples, 1);
    const Batch<double> y = forward_on(stack, x, Mode::evaluate);
    for (Index k = 0; k < 2; ++k) {
      nn::Network alone(make_body(), shape);
      nn::copy_from_stack(stack, k, alone);
      CHECK(test::relative_difference(
                forward_on(alone, Batch<double>(x.middleCols(k * samples, samples)), Mode::evaluate),
                Batch<double>(y.middleCols(k * samples, samples))) < 1e-13);
    }
  };
  check(random_network(TestedMlp<double>(12, 7, 2), {2, 2, 3}), [] { return TestedMlp<double>(12, 7); }, {2, 2, 3});
  check(random_network(TestedTwoDMlp<double>(3, 2, 64, 2), {1, 1, 2}), [] { return TestedTwoDMlp<double>(3); },
        {1, 1, 2});
  CHECK(test::gradient_error(random_network(TestedMlp<double>(6, 5, 2), {1, 1, 6}), 6) < 1e-6);
}

TEST_CASE("The bottleneck networks keep the shape of their input", "[nn]") {
  REQUIRE(nn::Network(TestedMlp<float>(12, 5), ImageShape{2, 2, 3}).output_shape() == ImageShape{2, 2, 3});
  REQUIRE_THAT(test::message_of<InvalidArgument>([] {
                 nn::Network(TestedMlp<float>(12, 5), ImageShape{2, 2, 1});
               }),
               ContainsSubstring("input of shape 2 x 2 x 1 but the layer has 12 inputs"));
  REQUIRE_THAT(test::message_of<InvalidArgument>([] { TestedMlp<float>(12, 0); }),
               ContainsSubstring("expected at least one"));
}

TEST_CASE("Bottleneck networks that are told the level have right gradients, and start as those that are not", "[nn]") {
  const std::vector<NoiseLevel> levels{{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.1), {0.8, 0.6}};
  const auto check = [&](auto told, auto blind, const ImageShape& shape) {
    auto network = random_network(std::move(told), shape);
    test::tell_levels(network, levels);
    nn::Network other(std::move(blind), shape);
    network.initialise(Seed{3});
    other.initialise(Seed{3});
    const Batch<double> x = test::random_matrix(shape.size(), 4, 1);
    CHECK(test::bitwise_equal(forward_on(network, x, Mode::evaluate), forward_on(other, x, Mode::evaluate)));
  };
  check(TestedMlp<double>(12, 7, 1, true), TestedMlp<double>(12, 7), {2, 2, 3});
  check(TestedTwoDMlp<double>(3, 2, 64, 1, true), TestedTwoDMlp<double>(3), {1, 1, 2});
  auto image = random_network(TestedMlp<double>(12, 7, 1, true), {2, 2, 3});
  test::tell_levels(image, levels);
  CHECK(test::gradient_error(std::move(image), 4) < 1e-6);
  auto point = random_network(TestedTwoDMlp<double>(3, 2, 64, 1, true), {1, 1, 2});
  test::tell_levels(point, levels);
  std::vector<std::string> names;
  point.for_each_parameter([&](const auto& p) { names.push_back(p.name); });
  CHECK(std::vector<std::string>(names.begin() + 4, names.begin() + 6) ==
        std::vector<std::string>{"encoder.level.weight", "encoder.level.bias"});
  CHECK(test::gradient_error(std::move(point), 4) < 1e-6);
  CHECK_THAT(test::message_of<InvalidArgument>([] { TestedTwoDMlp<double>(3, 2, 64, 2, true); }),
             ContainsSubstring("a stack of 2 networks that are told the noise level; expected one network"));
}

}  // namespace
}  // namespace diffarch
