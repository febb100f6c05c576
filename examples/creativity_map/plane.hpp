#pragma once

#include <nlohmann/json.hpp>

#include "diffarch/core/random.hpp"

namespace figures {

/// Prints and returns the Kullback-Leibler divergences between a mixture in the plane and what architectures that are
/// fitted to 1000 points of it generate, both with noise of 0.2: in the plane both densities are known, which they are
/// not for images. `samples` >= 2 points decide each divergence, and whether it is infinite: a finite one says that
/// none of them lies where the model generates nothing, or runs away.
[[nodiscard]] nlohmann::ordered_json divergences_in_the_plane(diffarch::Index samples, diffarch::Seed seed);

}  // namespace figures
