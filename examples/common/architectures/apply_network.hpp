#pragma once

#include <filesystem>
#include <string>

#include "common/architectures/backends.hpp"
#include "diffarch/core/image_shape.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace figures {

/// A network of the reference code, chosen at run time.
struct NetworkChoice {
  std::string arch;                                      ///< unet, mlp or mlp2d
  int pools = 3;                                         ///< unet: 1 to 4
  diffarch::Index channels = 32;                         ///< unet, at full resolution
  diffarch::Padding padding = diffarch::Padding::zeros;  ///< unet
  diffarch::Index hidden = 0;                            ///< mlp, mlp2d
};

/// x0_hat (d, n) of samples y (d, n) of `shape` by the network with these weights (nn::load_weights), on backend B.
/// float: unet and mlp; double: mlp2d. One sample at a time, as the samplers do: no result depends on which others are
/// in the file. Throws InvalidArgument for another number of pools, and what load_weights throws. Defined in
/// network_instances.hpp.
template <class B, class Scalar>
[[nodiscard]] diffarch::Batch<Scalar> apply_network(const NetworkChoice& choice, const diffarch::ImageShape& shape,
                                                    const std::filesystem::path& weights,
                                                    const diffarch::Batch<Scalar>& y);

}  // namespace figures
