#pragma once

namespace diffarch {

/// The values that a convolution sees beyond the border of an image: zeros, or the opposite side (a torus, on both
/// axes).
enum class Padding { zeros, circular };

namespace nn {

/// train: batch statistics, running statistics are updated. evaluate: running statistics, nothing changes.
enum class Mode { train, evaluate };

}  // namespace nn
}  // namespace diffarch
