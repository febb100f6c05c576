#pragma once

// Gradients of layers against central differences, and what the tests of networks share.

#include <string>
#include <vector>

#include "diffarch/nn/network.hpp"
#include "support.hpp"

namespace diffarch::test {

/// The initial weights, then every trainable tensor moved by random numbers: no weight stays at a special value.
template <class Body>
[[nodiscard]] nn::Network<Body> random_network(Body body, ImageShape input, unsigned seed = 1) {
  nn::Network<Body> network(std::move(body), input);
  network.initialise(Seed{seed});
  network.for_each_parameter([&](const auto& parameter) {
    if (!parameter.trainable()) return;
    const Matrix<double> moves = random_matrix(static_cast<Index>(parameter.values.size()), 1, ++seed);
    using Scalar = typename Body::Scalar;
    for (std::size_t i = 0; i < parameter.values.size(); ++i)
      parameter.values[i] += static_cast<Scalar>(0.3 * moves(static_cast<Index>(i)));
  });
  return network;
}

/// All gradients in the order of the tensors.
template <class Body>
[[nodiscard]] std::vector<typename Body::Scalar> gradients_of(nn::Network<Body>& network) {
  std::vector<typename Body::Scalar> all;
  network.for_each_parameter(
      [&](const auto& parameter) { all.insert(all.end(), parameter.gradient.begin(), parameter.gradient.end()); });
  return all;
}

/// Largest difference of the gradients of sum(w * y), w random, to central differences, over the largest gradient of
/// the same tensor. Each tensor and the input are probed at up to 40 elements. A difference counts at the step that
/// suits it best of three: a kink of ReLU can lie within reach of one, rounding can spoil another.
template <class Body>
[[nodiscard]] double gradient_error(nn::Network<Body> network, Index samples, nn::Mode mode = nn::Mode::train) {
  static_assert(std::is_same_v<typename Body::Scalar, double>);
  Batch<double> x = random_matrix(network.input_shape().size(), samples, 11);
  const Batch<double> weights = random_matrix(network.output_shape().size(), samples, 12);
  network.forward(x, nn::Mode::train);  // running statistics that are not the initial ones
  const auto loss = [&] { return network.forward(x, mode).cwiseProduct(weights).sum(); };
  loss();
  network.output_gradient() = weights;
  Batch<double> dx;
  network.backward(x, dx);

  struct Tensor {
    std::string name;
    double* values;
    std::vector<double> gradient;
  };
  std::vector<Tensor> tensors{{"x", x.data(), {dx.data(), dx.data() + dx.size()}}};
  network.for_each_parameter([&](const auto& parameter) {
    if (parameter.trainable())
      tensors.push_back(
          {parameter.name, parameter.values.data(), {parameter.gradient.begin(), parameter.gradient.end()}});
  });
  double worst = 0.0;
  for (const auto& tensor : tensors) {
    double largest = 0.0;
    for (const double g : tensor.gradient) largest = std::max(largest, std::abs(g));
    REQUIRE(largest > 0.0);
    const std::size_t stride = std::max<std::size_t>(1, tensor.gradient.size() / 40);
    double of_tensor = 0.0;
    for (std::size_t i = 0; i < tensor.gradient.size(); i += stride) {
      double& value = tensor.values[i];
      const double before = value;
      double error = 1e300;
      for (const double step : {1e-4, 1e-5, 1e-6}) {
        value = before + step;
        const double above = loss();
        value = before - step;
        const double below = loss();
        value = before;
        error = std::min(error, std::abs((above - below) / (2.0 * step) - tensor.gradient[i]) / largest);
      }
      of_tensor = std::max(of_tensor, error);
    }
    UNSCOPED_INFO(tensor.name << ": relative error of the gradient " << of_tensor);
    worst = std::max(worst, of_tensor);
  }
  return worst;
}

/// Whether a second training step of a batch gives bitwise the gradients of the first in a fresh network.
template <class Make>
[[nodiscard]] bool steps_are_deterministic(const Make& make, Index samples) {
  const auto run = [&](int repetitions) {
    auto network = make();
    using Scalar = typename std::remove_reference_t<decltype(network.body())>::Scalar;
    const Batch<Scalar> x = random_matrix<Scalar>(network.input_shape().size(), samples, 21);
    for (int i = 0; i < repetitions; ++i) {
      network.forward(x, nn::Mode::train);
      network.output_gradient() = random_matrix<Scalar>(network.output_shape().size(), samples, 22);
      network.backward(x);
    }
    return gradients_of(network);
  };
  return run(1) == run(2);
}

}  // namespace diffarch::test
