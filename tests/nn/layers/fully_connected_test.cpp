#include "diffarch/nn/layers/fully_connected.hpp"

#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using test::TestedKernels;
using test::values_of;
using Full = nn::FullyConnected<double, TestedKernels>;

TEST_CASE("A fully connected layer is W x + b, with W in PyTorch's order", "[nn]") {
  auto network = test::random_network(Full(6, 4), ImageShape{1, 2, 3});
  Eigen::Matrix<double, 4, 6, Eigen::RowMajor> w;
  Vector<double> b(4);
  network.for_each_parameter([&](const auto& p) {
    const std::vector<double> values = values_of(p.values);
    std::copy(values.begin(), values.end(), p.name == "weight" ? w.data() : b.data());
    REQUIRE(p.shape().size() == (p.name == "weight" ? 2U : 1U));
    REQUIRE(p.shape()[0] == 4);
  });
  const Batch<double> x = test::random_matrix(6, 5, 1);
  REQUIRE(test::relative_difference(test::forward_on(network, x, nn::Mode::train),
                                    Matrix<double>((w * x).colwise() + b)) < 1e-14);
}

TEST_CASE("Gradients of a fully connected layer equal central differences", "[nn]") {
  const auto layer = [] { return test::random_network(Full(6, 4), ImageShape{1, 2, 3}); };
  REQUIRE(test::gradient_error(layer(), 5) < 1e-6);
  REQUIRE(test::gradient_error(layer(), 1) < 1e-6);
  REQUIRE(test::steps_are_deterministic(layer, 5));
}

TEST_CASE("Layers with few inputs or outputs take another way to the same numbers", "[nn]") {
  for (const auto& [inputs, outputs] : {std::pair<Index, Index>{2, 35}, {35, 2}, {1, 16}, {19, 1}, {4, 4}, {40, 30}}) {
    const ImageShape shape{1, 1, inputs};
    auto network = test::random_network(Full(inputs, outputs), shape);
    Matrix<double> w(inputs, outputs);
    Vector<double> b(outputs);
    network.for_each_parameter([&](const auto& p) {
      const std::vector<double> values = values_of(p.values);
      std::copy(values.begin(), values.end(), p.name == "weight" ? w.data() : b.data());
    });
    const Batch<double> x = test::random_matrix(inputs, 5, 1);
    CHECK(test::relative_difference(test::forward_on(network, x, nn::Mode::train),
                                    Matrix<double>((w.transpose() * x).colwise() + b)) < 1e-14);
    CHECK(test::gradient_error(std::move(network), 5) < 1e-6);
  }
}

TEST_CASE("Initial weights are uniform in PyTorch's range and a function of the seed", "[nn]") {
  nn::Network network(Full(400, 50), ImageShape{1, 1, 400});
  network.initialise(Seed{5});
  std::vector<double> first;
  network.for_each_parameter([&](const auto& p) {
    const std::vector<double> numbers = values_of(p.values);
    const Eigen::Map<const Vector<double>> values(numbers.data(), static_cast<Index>(numbers.size()));
    REQUIRE(values.cwiseAbs().maxCoeff() < 0.05);  // 1 / sqrt(400)
    if (p.name != "weight") return;
    // 20 000 numbers: the variance of a uniform one is known to 1 percent.
    REQUIRE(values.squaredNorm() / 20000.0 == Approx(0.05 * 0.05 / 3.0).epsilon(0.03));
    first = numbers;
  });
  network.initialise(Seed{6});
  network.for_each_parameter([&](const auto& p) {
    if (p.name == "weight") REQUIRE(values_of(p.values)[7] != first[7]);
  });
  network.initialise(Seed{5});
  network.for_each_parameter([&](const auto& p) {
    if (p.name == "weight") REQUIRE(values_of(p.values) == first);
  });
}

TEST_CASE("The layers of a stack are the layers of its networks", "[nn]") {
  const Index networks = 3;
  const Index samples = 5;  // of each
  for (const auto& [inputs, outputs] : {std::pair<Index, Index>{6, 4}, {2, 64}, {64, 1}, {1, 1}}) {
    CAPTURE(inputs, outputs);
    const ImageShape shape{1, 1, inputs};
    auto stack = test::random_network(Full(inputs, outputs, networks), shape);
    REQUIRE(stack.networks() == networks);
    const Batch<double> x = test::random_matrix(inputs, networks * samples, 1);
    const Batch<double> dy = test::random_matrix(outputs, networks * samples, 2);
    const Batch<double> y = test::forward_on(stack, x, nn::Mode::train);
    const Batch<double> dx = test::backward_on(stack, x, dy);
    const std::vector<double> gradients = test::gradients_of(stack);
    for (Index k = 0; k < networks; ++k) {
      nn::Network alone(Full(inputs, outputs), shape);
      nn::copy_from_stack(stack, k, alone);
      const auto own = [&](const Batch<double>& all) { return Batch<double>(all.middleCols(k * samples, samples)); };
      CHECK(test::relative_difference(test::forward_on(alone, own(x), nn::Mode::train), own(y)) < 1e-14);
      CHECK(test::relative_difference(test::backward_on(alone, own(x), own(dy)), own(dx)) < 1e-14);
      const std::vector<double> own_gradients = test::gradients_of(alone);
      const Index weights = inputs * outputs;
      const auto from_weights = gradients.begin() + k * weights;
      const auto from_bias = gradients.begin() + networks * weights + k * outputs;
      std::vector<double> expected(from_weights, from_weights + weights);
      expected.insert(expected.end(), from_bias, from_bias + outputs);
      for (std::size_t i = 0; i < expected.size(); ++i) CHECK(own_gradients[i] == Approx(expected[i]).margin(1e-13));
    }
    stack.for_each_parameter([&](const auto& p) {
      CHECK(p.shape().size() == (p.name == "weight" ? 3U : 2U));
      CHECK(p.shape()[0] == networks);
    });
    CHECK(test::message_of<DimensionMismatch>([&] {
            test::forward_on(stack, Batch<double>(x.leftCols(7)), nn::Mode::train);
          }) == "FullyConnected: 7 samples for 3 networks; expected as many for each");
  }
}

TEST_CASE("A fully connected layer refuses another size with the shapes", "[nn]") {
  REQUIRE(test::message_of<InvalidArgument>([] {
            nn::Network(Full(6, 4), ImageShape{2, 2, 3});
          }) == "FullyConnected: input of shape 2 x 2 x 3 but the layer has 6 inputs");
}

}  // namespace
}  // namespace diffarch
