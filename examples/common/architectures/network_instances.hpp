#pragma once

// Definitions behind trained_sampler.hpp and apply_network.hpp, and what a part of the table instantiates of them.

#include <tuple>
#include <type_traits>
#include <utility>

#include "common/architectures/apply_network.hpp"
#include "common/architectures/instances.hpp"
#include "common/architectures/trained_sampler.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/unet.hpp"

namespace figures {

template <class B, class Scalar, class A>
std::optional<AnySampler<Scalar>> trained_sampler_on(const A& architecture, const NetworkTask<Scalar>& task) {
  if (task.train) train(architecture, task.data, task.schedule, task.run, B{}, task.progress);
  if (!task.sample) return std::nullopt;
  AnySampler<Scalar> sampler(load_model<Scalar>(architecture, task.schedule, task.run.folder, B{}), architecture.name(),
                             task.schedule);
  sampler.set_progress(ConsoleProgress{});
  return sampler;
}

template <class B, class Body>
Batch<typename Body::Scalar> apply_body(Body body, const ImageShape& shape, const std::filesystem::path& weights,
                                        const Batch<typename Body::Scalar>& y) {
  using Scalar = typename Body::Scalar;
  nn::Network<Body> network(std::move(body), shape);
  if (nn::load_weights(weights, network).contains("diffarch.data_scale"))
    throw FileError(weights.string(),
                    "is of one network for all levels, which is joined to y by the level; expected that of one level "
                    "(load_model makes the model)");
  Batch<Scalar> x0(y.rows(), y.cols());
  for (Index sample = 0; sample < y.cols(); ++sample)
    x0.col(sample) = B::download(network.forward(B::upload(Batch<Scalar>(y.col(sample))), nn::Mode::evaluate));
  return x0;
}

template <class B, class Scalar>
Batch<Scalar> apply_network(const NetworkChoice& choice, const ImageShape& shape, const std::filesystem::path& weights,
                            const Batch<Scalar>& y) {
  using Kernels = typename nn::KernelsOf<B>::type;
  if constexpr (std::is_same_v<Scalar, double>) {
    return apply_body<B>(nn::TwoDMlp<double, Kernels>(choice.hidden), shape, weights, y);
  } else {
    if (choice.arch == "mlp")
      return apply_body<B>(nn::Mlp<float, Kernels>(shape.size(), choice.hidden), shape, weights, y);
    const auto apply_unet = [&]<int pools>(std::integral_constant<int, pools> /*pools*/) {
      return apply_body<B>(
          nn::UNet<pools, float, nn::StandardNormalisation, Kernels>(
              {.channels = choice.channels, .padding = choice.padding, .image_channels = shape.channels}),
          shape, weights, y);
    };
    switch (choice.pools) {
      case 1:
        return apply_unet(std::integral_constant<int, 1>{});
      case 2:
        return apply_unet(std::integral_constant<int, 2>{});
      case 3:
        return apply_unet(std::integral_constant<int, 3>{});
      case 4:
        return apply_unet(std::integral_constant<int, 4>{});
      default:
        throw InvalidArgument(diffarch::detail::concat("--pools ", choice.pools, ": expected one of 1, 2, 3, 4"));
    }
  }
}

template <class B, class Scalar, class A>
constexpr auto functions_of(Trained<Scalar, A> /*line*/) {
  return std::tuple{&trained_sampler_on<B, Scalar, A>};
}
template <class B, class Scalar>
constexpr auto functions_of(Applied<Scalar> /*line*/) {
  return std::tuple{&apply_network<B, Scalar>};
}

}  // namespace figures
