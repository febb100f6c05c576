#pragma once

#include <string>
#include <type_traits>

#include "diffarch/denoiser/network/network_training.hpp"
#include "diffarch/nn/mlp.hpp"

namespace diffarch {

/// Which network has the bottleneck: that of the paper's figure 9 (images; its outputs lie in (-1, 1)) or of figure 4
/// (points of the plane).
enum class BottleneckForm { image, plane };

/// Trained bottleneck: an encoder to H numbers and a decoder from them. Its samples lie on a set of dimension at most H
/// (paper, Theorem 6), also with one network for all levels: the network then gives x0_hat itself, with no multiple of
/// y beside it.
///  - image: d -> H, nine linear layers of width H with LeakyReLU 0.2, then H -> d and tanh (nn::Mlp).
///  - plane: d -> 64 -> H -> 64 -> d with LeakyReLU 0.2 (nn::TwoDMlp).
template <int H, BottleneckForm form = BottleneckForm::image>
struct Bottleneck {
  static_assert(H >= 1, "diffarch: Bottleneck<H> needs H >= 1");
  static constexpr int hidden = H;

  TrainingOptions training = {};
  /// The shape of the images. Files of weights list pixels in PyTorch's order, which depends on the shape. 0 x 0 x 0:
  /// the samples are flat.
  ImageShape shape = {0, 0, 0};

  [[nodiscard]] std::string name() const {
    return "Bottleneck<" + std::to_string(H) + (form == BottleneckForm::plane ? ", plane>" : ">");
  }
};

static_assert(Architecture<Bottleneck<1>>);

/// Data: a batch (d, n).
template <int H, BottleneckForm form, nn::NetworkBackend B, class Scalar>
struct Fitter<Bottleneck<H, form>, B, Scalar> {
  using Kernels = typename nn::KernelsOf<B>::type;
  using Body =
      std::conditional_t<form == BottleneckForm::plane, nn::TwoDMlp<Scalar, Kernels>, nn::Mlp<Scalar, Kernels>>;
  using Model = NetworkDenoiser<Body>;
  static constexpr bool adds_input = false;  ///< samples stay in the set that the decoder makes

  [[nodiscard]] static ImageShape input_shape(const Bottleneck<H, form>& architecture, Index d) {
    const ImageShape shape = architecture.shape.size() == 0 ? ImageShape{1, 1, d} : architecture.shape;
    detail::require<DimensionMismatch>(d == shape.size(), "Bottleneck: the data have ", d,
                                       " values a sample, but an image of ", detail::shape_text(shape), " has ",
                                       shape.size(), " values; set Bottleneck::shape");
    return shape;
  }

  [[nodiscard]] static Body make_body(const Bottleneck<H, form>& architecture, const ImageShape& shape,
                                      Index networks = 1) {
    nn::detail::mark_source_file<B>();
    const bool conditioned = are_conditioned(architecture.training);
    if constexpr (form == BottleneckForm::plane)
      return Body(H, shape.size(), 64, networks, conditioned);
    else
      return Body(shape.size(), H, networks, conditioned);
  }

  [[nodiscard]] static Model fit(const Bottleneck<H, form>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return detail::train_model<B>(architecture, data, levels, progress);
  }
};

}  // namespace diffarch
