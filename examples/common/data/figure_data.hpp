#pragma once

#include "common/options/figure_options.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/sampler/escape_log.hpp"

// Defined for float and double.

namespace figures {

/// The training images that --data, --size and --count name, values in [-1, 1]; at least two of them differ.
template <class Scalar>
[[nodiscard]] diffarch::Dataset<Scalar> load_data(const FigureOptions& options);

/// x_T for the samples that are shown: from --noise, else from the seed. All rows of a figure start from it.
template <class Scalar>
[[nodiscard]] diffarch::Batch<Scalar> initial_noise(const FigureOptions& options, const diffarch::ImageShape& shape);

/// Records samples beyond ten times the root mean square of the training images (d, n).
template <class Scalar>
[[nodiscard]] diffarch::EscapeLog escape_log(const diffarch::Batch<Scalar>& images);

}  // namespace figures
