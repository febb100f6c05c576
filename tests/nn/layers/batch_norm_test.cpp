#include "diffarch/nn/layers/batch_norm.hpp"

#include "nn/diverging_training.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

template <class Scalar, class Normalisation = nn::StandardNormalisation, bool Rectified = false>
using BatchNorm = nn::BatchNorm<Scalar, Normalisation, Rectified, test::TestedKernels>;
using nn::BiasFreeNormalisation;
using nn::Mode;
using nn::StandardNormalisation;
using test::forward_on;
using test::gradient_error;
using test::random_network;

constexpr ImageShape norm_shape{3, 4, 5};

template <class Body>
std::vector<double> tensor_values(nn::Network<Body>& network, const std::string& name) {
  std::vector<double> values;
  network.for_each_parameter([&](const auto& p) {
    if (p.name != name) return;
    values = test::values_of(p.values);
    if (p.counter != nullptr) values.push_back(static_cast<double>(*p.counter));
  });
  REQUIRE_FALSE(values.empty());
  return values;
}

/// Mean and (biased) variance of channel k over pixels and samples.
std::pair<double, double> channel_moments(const Batch<double>& x, Index k) {
  Vector<double> values(x.size() / norm_shape.channels);
  for (Index i = 0; i < values.size(); ++i) values(i) = x.data()[i * norm_shape.channels + k];
  const double mean = values.mean();
  return {mean, (values.array() - mean).square().mean()};
}

TEST_CASE("Batch norm in training normalises each channel and follows the statistics as PyTorch does", "[nn]") {
  auto network = random_network(BatchNorm<double>(5), norm_shape);
  const Batch<double> x = test::random_matrix(norm_shape.size(), 7, 1).array() * 3.0 + 50.0;
  const Batch<double> y = forward_on(network, x, Mode::train);
  const auto weight = tensor_values(network, "weight");
  const auto bias = tensor_values(network, "bias");
  const double count = 7.0 * 12.0;
  for (Index k = 0; k < 5; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const auto [mean, variance] = channel_moments(x, k);
    REQUIRE(channel_moments(y, k).first == Approx(bias[i]).margin(1e-12));
    REQUIRE(channel_moments(y, k).second == Approx(weight[i] * weight[i] * variance / (variance + 1e-5)));
    REQUIRE(tensor_values(network, "running_mean")[i] == Approx(0.1 * mean));
    REQUIRE(tensor_values(network, "running_var")[i] == Approx(0.9 + 0.1 * variance * count / (count - 1)));
  }
  REQUIRE(tensor_values(network, "num_batches_tracked") == std::vector<double>{1.0});

  const Batch<double> evaluated = forward_on(network, x, Mode::evaluate);
  const double expected = (x(2, 3) - tensor_values(network, "running_mean")[2]) /
                              std::sqrt(tensor_values(network, "running_var")[2] + 1e-5) * weight[2] +
                          bias[2];
  REQUIRE(evaluated(2, 3) == Approx(expected));
  REQUIRE(tensor_values(network, "num_batches_tracked") == std::vector<double>{1.0});
}

TEST_CASE("Bias-free batch norm divides by the deviation and subtracts nothing", "[nn]") {
  auto network = random_network(BatchNorm<double, BiasFreeNormalisation>(5), norm_shape);
  const Batch<double> x = test::random_matrix(norm_shape.size(), 7, 1).array() * 3.0 + 2.0;
  const Batch<double> y = forward_on(network, x, Mode::train);
  const auto gamma = tensor_values(network, "gammas");
  const double deviation = std::sqrt(channel_moments(x, 3).second + 1e-5);
  REQUIRE(y(3, 0) == Approx(gamma[3] * x(3, 0) / deviation));
  REQUIRE(tensor_values(network, "running_sd")[3] == Approx(0.9 + 0.1 * deviation));
  const Batch<double> evaluated = forward_on(network, x, Mode::evaluate);
  REQUIRE(evaluated(3, 0) == Approx(gamma[3] * x(3, 0) / tensor_values(network, "running_sd")[3]));
}

TEST_CASE("Gradients of batch norm equal central differences, fused with ReLU or not, in both modes", "[nn]") {
  for (const Mode mode : {Mode::train, Mode::evaluate}) {
    CHECK(gradient_error(random_network(BatchNorm<double>(5), norm_shape), 4, mode) < 1e-6);
    CHECK(gradient_error(random_network(BatchNorm<double, StandardNormalisation, true>(5), norm_shape), 4, mode) <
          1e-6);
    CHECK(gradient_error(random_network(BatchNorm<double, BiasFreeNormalisation>(5), norm_shape), 4, mode) < 1e-6);
    CHECK(gradient_error(random_network(BatchNorm<double, BiasFreeNormalisation, true>(5), norm_shape), 4, mode) <
          1e-6);
    // More channels than one group of sums.
    CHECK(gradient_error(random_network(BatchNorm<double>(19), ImageShape{2, 2, 19}), 4, mode) < 1e-6);
  }
}

TEST_CASE("The variance of a channel far from zero keeps its digits in f32", "[nn]") {
  nn::Network network(BatchNorm<float>(1), ImageShape{8, 8, 1});
  const Batch<float> x = test::random_matrix<float>(64, 4, 1).array() + 10000.0F;
  const Matrix<double> exact = x.cast<double>().array() - x.cast<double>().mean();
  const Matrix<double> expected = exact / std::sqrt(exact.array().square().mean() + 1e-5);
  // 1e-3: the mean itself has an absolute rounding of 10000 * 6e-8.
  REQUIRE(test::relative_difference(forward_on(network, x, Mode::train), expected) < 1e-3);
}

TEST_CASE("NaN stays NaN in a batch norm that ends in ReLU, forward and backward", "[nn]") {
  test::check_that_batch_norm_keeps_nan<test::TestedKernels>();
}

TEST_CASE("Batch norm needs two pixels to train", "[nn]") {
  nn::Network network(BatchNorm<double>(2), ImageShape{1, 1, 2});
  REQUIRE_THAT(test::message_of<InvalidArgument>(
                   [&] { forward_on(network, Batch<double>(Batch<double>::Ones(2, 1)), Mode::train); }),
               ContainsSubstring("expected at least 2 in training"));
  REQUIRE(forward_on(network, Batch<double>(Batch<double>::Ones(2, 1)), Mode::evaluate)(0) ==
          Approx(1.0 / std::sqrt(1.0 + 1e-5)));
}

}  // namespace
}  // namespace diffarch
