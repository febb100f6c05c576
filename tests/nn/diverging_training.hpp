#pragma once

// Trainings that leave the finite numbers, on any family of kernels.

#include <limits>
#include <string>
#include <utility>

#include "diffarch/nn/layers/batch_norm.hpp"
#include "diffarch/nn/training/level_training.hpp"
#include "diffarch/nn/unet.hpp"
#include "tested_kernels.hpp"

namespace diffarch::test {

template <class Kernels>
using DivergingUNet = nn::UNet<1, float, nn::StandardNormalisation, Kernels>;

/// What a training of a U-Net says when it ends: the message of the NumericalError, or "no exception". `change` may
/// spoil a tensor of the network before.
template <class Kernels, class Change>
[[nodiscard]] std::string end_of_training(double data_scale, double learning_rate, const Change& change) {
  using Body = DivergingUNet<Kernels>;
  using B = typename Kernels::BackendType;
  const ImageShape shape{4, 4, 2};
  nn::Network<Body> network(Body({.channels = 4, .image_channels = 2}), shape);
  network.initialise(Seed{2});
  network.for_each_parameter(change);
  const auto data = B::upload(Batch<float>(static_cast<float>(data_scale) * random_matrix<float>(shape.size(), 16, 1)));
  nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(0.5),
                                   {.epochs = 4, .batch_size = 8, .learning_rate = learning_rate});
  return message_of<NumericalError>([&] {
    while (!training.is_done()) training.step();
    training.finish();
  });
}

/// A weight that is NaN, running statistics that are not finite, weights that run away, and data too large for f32 are
/// refused with what was not finite, sigma, epoch and step; a training whose numbers stay finite is not.
template <class Kernels>
void check_that_divergence_is_refused() {
  const auto as_it_is = [](const auto& /*parameter*/) {};
  CHECK(end_of_training<Kernels>(1.0, 1e-3, as_it_is) == "no exception");
  const auto spoil = [](const char* name, float value) {
    return [=](const nn::Parameter<float>& parameter) {
      if (parameter.name == name) Kernels::copy_from_host(&value, 1, parameter.values.data());
    };
  };
  const float infinity = std::numeric_limits<float>::infinity();
  // Before a batch norm that ends in ReLU, whose output is what hid it.
  CHECK_THAT(end_of_training<Kernels>(1.0, 1e-3, spoil("encoder.0.2.weight", infinity - infinity)),
             ContainsSubstring("the loss is nan at sigma = 0.5, epoch 1 of 4, step 1 of 2") ||
                 ContainsSubstring("the loss is -nan at sigma = 0.5, epoch 1 of 4, step 1 of 2"));
  // Of what training does not read, the loss knows nothing.
  CHECK_THAT(end_of_training<Kernels>(1.0, 1e-3, spoil("encoder.0.3.running_var", infinity)),
             ContainsSubstring("encoder.0.3.running_var is not finite at sigma = 0.5, epoch 4 of 4, step 2 of 2"));
  for (const auto& [data_scale, learning_rate] : {std::pair{1.0, 1e18}, {1e25, 1e-3}})
    CHECK_THAT(end_of_training<Kernels>(data_scale, learning_rate, as_it_is),
               ContainsSubstring(" at sigma = 0.5, epoch ") && ContainsSubstring("a smaller learning rate may help"));
}

/// Batch norm with ReLU, forward and backward: what is NaN on the way in is NaN on the way out.
template <class Kernels>
void check_that_batch_norm_keeps_nan() {
  using Norm = nn::BatchNorm<float, nn::StandardNormalisation, true, Kernels>;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const char* spoilt : {"weight", "bias", "running_mean", "x", "dy"})
    for (const nn::Mode mode : {nn::Mode::train, nn::Mode::evaluate}) {
      CAPTURE(spoilt, mode == nn::Mode::train);
      if (mode == nn::Mode::train && spoilt == std::string("running_mean")) continue;  // not read in training
      nn::Network<Norm> network(Norm(3), ImageShape{2, 1, 3});
      network.initialise(Seed{1});
      network.for_each_parameter([&](const nn::Parameter<float>& parameter) {
        if (parameter.name == spoilt) Kernels::fill(parameter.values.data(), 3, nan);
      });
      Batch<float> x = random_matrix<float>(6, 5, 1);
      Batch<float> dy = random_matrix<float>(6, 5, 2);
      if (spoilt == std::string("x")) x.setConstant(nan);
      if (spoilt == std::string("dy")) dy.setConstant(nan);
      const Batch<float> y = forward_on(network, x, mode);
      if (spoilt != std::string("dy")) CHECK(y.array().isNaN().all());
      const Batch<float> dx = backward_on(network, x, dy);
      if (spoilt != std::string("dy")) CHECK(dx.array().isNaN().all());
      network.for_each_parameter([&](const nn::Parameter<float>& parameter) {
        if (parameter.trainable()) CHECK_FALSE(Kernels::all_finite(parameter.gradient.data(), 3));
      });
    }
}

}  // namespace diffarch::test
