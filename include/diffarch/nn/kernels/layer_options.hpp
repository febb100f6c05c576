#pragma once

#include "diffarch/core/image_shape.hpp"

namespace diffarch::nn {

/// train: batch statistics, running statistics are updated. evaluate: running statistics, nothing changes.
enum class Mode { train, evaluate };

}  // namespace diffarch::nn
