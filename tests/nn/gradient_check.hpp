#pragma once

// Gradients of layers against central differences, and what the tests of networks share.

#include <string>
#include <vector>

#include "diffarch/nn/network.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

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
    std::vector<Scalar> values = values_of<typename Body::Kernels>(parameter.values);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += static_cast<Scalar>(0.3 * moves(static_cast<Index>(i)));
    set_values<typename Body::Kernels>(parameter.values, values);
  });
  return network;
}

/// All gradients in the order of the tensors.
template <class Body>
[[nodiscard]] std::vector<typename Body::Scalar> gradients_of(nn::Network<Body>& network) {
  std::vector<typename Body::Scalar> all;
  network.for_each_parameter([&](const auto& parameter) {
    const auto gradient = values_of<typename Body::Kernels>(parameter.gradient);
    all.insert(all.end(), gradient.begin(), gradient.end());
  });
  return all;
}

/// Largest difference of the gradients of sum(w * y), w random, to central differences, over the largest gradient of
/// the same tensor. Each tensor and the input are probed at up to 40 elements. A difference counts at the step that
/// suits it best of three: a kink of ReLU can lie within reach of one, rounding can spoil another.
template <class Body>
[[nodiscard]] double gradient_error(nn::Network<Body> network, Index samples, nn::Mode mode = nn::Mode::train) {
  static_assert(std::is_same_v<typename Body::Scalar, double>);
  using Kernels = typename Body::Kernels;
  Batch<double> x = random_matrix(network.input_shape().size(), samples, 11);
  const Batch<double> weights = random_matrix(network.output_shape().size(), samples, 12);
  forward_on(network, x, nn::Mode::train);  // running statistics that are not the initial ones
  const auto loss = [&] { return forward_on(network, x, mode).cwiseProduct(weights).sum(); };
  loss();
  const Batch<double> dx = backward_on(network, x, weights);

  struct Tensor {
    std::string name;
    std::vector<double> values;
    std::vector<double> gradient;
    double* memory;  ///< the values, where the network computes; null: the input
  };
  std::vector<Tensor> tensors{{"x", {x.data(), x.data() + x.size()}, {dx.data(), dx.data() + dx.size()}, nullptr}};
  network.for_each_parameter([&](const auto& parameter) {
    if (parameter.trainable())
      tensors.push_back({parameter.name, values_of<Kernels>(parameter.values), values_of<Kernels>(parameter.gradient),
                         parameter.values.data()});
  });
  double worst = 0.0;
  for (const auto& tensor : tensors) {
    double largest = 0.0;
    for (const double g : tensor.gradient) largest = std::max(largest, std::abs(g));
    REQUIRE(largest > 0.0);
    const std::size_t stride = std::max<std::size_t>(1, tensor.gradient.size() / 40);
    double of_tensor = 0.0;
    for (std::size_t i = 0; i < tensor.gradient.size(); i += stride) {
      const double before = tensor.values[i];
      const auto set = [&](double value) {
        if (tensor.memory != nullptr)
          Kernels::copy_from_host(&value, 1, tensor.memory + i);
        else
          x.data()[i] = value;
      };
      double error = 1e300;
      for (const double step : {1e-4, 1e-5, 1e-6}) {
        set(before + step);
        const double above = loss();
        set(before - step);
        const double below = loss();
        error = std::min(error, std::abs((above - below) / (2.0 * step) - tensor.gradient[i]) / largest);
      }
      set(before);
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
      forward_on(network, x, nn::Mode::train);
      backward_on(network, x, random_matrix<Scalar>(network.output_shape().size(), samples, 22));
    }
    return gradients_of(network);
  };
  return run(1) == run(2);
}

}  // namespace diffarch::test
