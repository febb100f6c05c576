#pragma once

#include <memory>
#include <string>
#include <utility>

#include "diffarch/nn/layers/activation.hpp"
#include "diffarch/nn/layers/fully_connected.hpp"
#include "diffarch/nn/layers/modulated.hpp"
#include "diffarch/nn/layers/sequential.hpp"

namespace diffarch::nn {

namespace detail {

/// An encoder and a decoder one after the other, their tensors under "encoder." and "decoder.". The output has the
/// shape of the input. Told the noise level, it scales and shifts the code (`Modulated`).
template <class Encoder, class Decoder>
class Autoencoder {
 public:
  using Scalar = typename Encoder::Scalar;
  using Kernels = typename Encoder::Kernels;
  static constexpr bool backward_reads_output = detail::backward_reads_output<Decoder>;

  Autoencoder(Encoder encoder, Decoder decoder, Index code, bool conditioned)
      : levels_(conditioned ? std::make_shared<BatchLevels<Scalar, Kernels>>() : nullptr),
        body_(Modulated<Encoder>(std::move(encoder), levels_, code), std::move(decoder)) {
    diffarch::detail::require(!conditioned || networks() == 1, "Mlp: a stack of ", networks(),
                              " networks that are told the noise level; expected one network");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    const ImageShape output = body_.output_shape(input);
    diffarch::detail::require(output.size() == input.size(), "Mlp: output of ", output.size(), " numbers for ",
                              input.size());
    return input;
  }
  [[nodiscard]] Index networks() const { return body_.networks(); }
  /// Null when it is told no noise level.
  [[nodiscard]] const std::shared_ptr<BatchLevels<Scalar, Kernels>>& levels() const noexcept { return levels_; }
  void plan(ImageShape input, Index samples) { body_.plan(input, samples); }
  [[nodiscard]] Index workspace_size() const { return body_.workspace_size(); }
  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    body_.forward(x, y, samples, mode, workspace);
  }
  void backward(const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    body_.backward(x, y, dy, dx, samples, workspace);
  }
  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    body_.template get<0>().for_each_parameter(join(prefix, "encoder"), visit);
    decoder().for_each_parameter(join(prefix, "decoder"), visit);
  }
  void initialise(Initialiser& initialiser) { body_.initialise(initialiser); }

  /// Sample (d) -> code (H).
  [[nodiscard]] Encoder& encoder() noexcept { return body_.template get<0>().inner(); }
  /// Code (H) -> sample (d).
  [[nodiscard]] Decoder& decoder() noexcept { return body_.template get<1>(); }

 private:
  std::shared_ptr<BatchLevels<Scalar, Kernels>> levels_;
  Sequential<Modulated<Encoder>, Decoder> body_;
};

template <class Scalar, class Kernels>
struct MlpParts {
  using Full = FullyConnected<Scalar, Kernels>;
  using Leaky = LeakyReLU<Scalar, Kernels>;
  using Rectify = ReLU<Scalar, Kernels>;
  using Encoder = Sequential<Full, Leaky, Full, Leaky, Full, Leaky, Full, Leaky, Full, Leaky, Full, Leaky, Full, Leaky,
                             Full, Leaky, Full, Rectify>;
  using Decoder = Sequential<Full, Tanh<Scalar, Kernels>>;
  using TwoDEncoder = Sequential<Full, Leaky, Full, Leaky>;
  using TwoDDecoder = Sequential<Full, Leaky, Full>;
};

}  // namespace detail

/// Bottleneck for images: nine fully connected layers d -> H, H -> H, ..., H -> H with LeakyReLU(0.2) between them and
/// ReLU at the end, then H -> d and tanh. The rank of its Jacobian is at most H, and atanh of its outputs minus the
/// last bias lies in the image of a (d, H) matrix. Tensor names as the reference code's Mlp ("encoder.16.weight").
/// Source: Levine and Weiss, "Diffusion models, denoiser architecture and creativity", figure 9 and appendix B.
template <class ScalarType = float, class KernelsType = DefaultKernels>
class Mlp : public detail::Autoencoder<typename detail::MlpParts<ScalarType, KernelsType>::Encoder,
                                       typename detail::MlpParts<ScalarType, KernelsType>::Decoder> {
  using Parts = detail::MlpParts<ScalarType, KernelsType>;
  using Full = typename Parts::Full;

 public:
  /// d: numbers of a sample; hidden: H; networks: how many in a stack (see `Layer`); conditioned: told the noise level.
  /// InvalidArgument unless all numbers are at least 1, and for a stack that is told the level.
  Mlp(Index d, Index hidden, Index networks = 1, bool conditioned = false)
      : detail::Autoencoder<typename Parts::Encoder, typename Parts::Decoder>(
            make_encoder(d, hidden, networks),
            typename Parts::Decoder(Full(hidden, d, networks), Tanh<ScalarType, KernelsType>()), hidden, conditioned) {}

 private:
  [[nodiscard]] static typename Parts::Encoder make_encoder(Index d, Index hidden, Index networks) {
    const auto full = [&] { return Full(hidden, hidden, networks); };
    const typename Parts::Leaky leaky(0.2);
    return
        typename Parts::Encoder(Full(d, hidden, networks), leaky, full(), leaky, full(), leaky, full(), leaky, full(),
                                leaky, full(), leaky, full(), leaky, full(), leaky, full(), typename Parts::Rectify());
  }
};

/// Bottleneck for points: d -> 64 -> H -> 64 -> d (d = 2 in the paper), LeakyReLU(0.2) after every layer but the last,
/// the code included. With H = 1 all its outputs lie on one polyline. Tensor names as the reference code's TwoDMlp.
/// Source: Levine and Weiss, "Diffusion models, denoiser architecture and creativity", figure 4.
template <class ScalarType = double, class KernelsType = DefaultKernels>
class TwoDMlp : public detail::Autoencoder<typename detail::MlpParts<ScalarType, KernelsType>::TwoDEncoder,
                                           typename detail::MlpParts<ScalarType, KernelsType>::TwoDDecoder> {
  using Parts = detail::MlpParts<ScalarType, KernelsType>;
  using Full = typename Parts::Full;
  using Leaky = typename Parts::Leaky;

 public:
  /// bottleneck: H, d: numbers of a sample, hidden: width of the layers around the code, networks: how many in a stack
  /// (see `Layer`). All at least 1. conditioned: told the noise level; not of a stack.
  explicit TwoDMlp(Index bottleneck = 1, Index d = 2, Index hidden = 64, Index networks = 1, bool conditioned = false)
      : detail::Autoencoder<typename Parts::TwoDEncoder, typename Parts::TwoDDecoder>(
            typename Parts::TwoDEncoder(Full(d, hidden, networks), Leaky(0.2), Full(hidden, bottleneck, networks),
                                        Leaky(0.2)),
            typename Parts::TwoDDecoder(Full(bottleneck, hidden, networks), Leaky(0.2), Full(hidden, d, networks)),
            bottleneck, conditioned) {}
};

}  // namespace diffarch::nn
