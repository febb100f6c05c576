#pragma once

#include <type_traits>
#include <utility>

#include "apply_network.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/unet.hpp"
#include "diffarch/nn/weights_file.hpp"

namespace figures {

using namespace diffarch;

/// A run-time value out of a list known at compile time: calls use(integral_constant) for the one that equals `value`.
template <class T, T... choices, class Use>
void choose(const std::string& option, T value, std::integer_sequence<T, choices...> /*list*/, const Use& use) {
  const bool found = ((value == choices ? (use(std::integral_constant<T, choices>{}), true) : false) || ...);
  std::string list;
  ((list += (list.empty() ? "" : ", ") + std::to_string(choices)), ...);
  diffarch::detail::require(found, option, " ", value, ": expected one of ", list);
}

template <class B, class Body>
Batch<typename Body::Scalar> apply_body(Body body, const ImageShape& shape, const std::filesystem::path& weights,
                                        const Batch<typename Body::Scalar>& y) {
  using Scalar = typename Body::Scalar;
  nn::Network<Body> network(std::move(body), shape);
  nn::load_weights(weights, network);
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
    Batch<float> x0;
    const auto apply = [&]<int pools, int channels, Padding padding>() {
      using Body = nn::UNet<pools, channels, padding, float, nn::StandardNormalisation, Kernels>;
      x0 = apply_body<B>(Body(shape.channels), shape, weights, y);
    };
    choose("--pools", choice.pools, std::integer_sequence<int, 1, 2, 3, 4>{}, [&](auto pools) {
      choose("--channels", choice.channels, std::integer_sequence<int, 4, 8, 16, 32, 64>{}, [&](auto channels) {
        if (choice.is_circular)
          apply.template operator()<pools, channels, Padding::circular>();
        else
          apply.template operator()<pools, channels, Padding::zeros>();
      });
    });
    return x0;
  }
}

#define FIGURES_APPLY(B, Scalar)                                                                                 \
  template Batch<Scalar> apply_network<B>(const NetworkChoice&, const ImageShape&, const std::filesystem::path&, \
                                          const Batch<Scalar>&)

}  // namespace figures
