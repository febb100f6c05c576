#pragma once

#include <string>

#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// Mean of each 2 x 2 block of pixels: height x width -> height/2 x width/2. Both must be even.
template <class ScalarType, class KernelsType = DefaultKernels>
class AveragePool {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  [[nodiscard]] static ImageShape output_shape(ImageShape input) {
    diffarch::detail::require(input.height % 2 == 0 && input.width % 2 == 0, "AveragePool: input of shape ",
                              diffarch::detail::shape_text(input), "; expected an even height and width");
    return {input.height / 2, input.width / 2, input.channels};
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) {
    return {2 * output.first, 2 * output.last + 1};
  }

  void plan(ImageShape input, Index /*samples*/) { output_ = output_shape(input); }
  [[nodiscard]] static constexpr Index workspace_size() { return 0; }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* /*workspace*/) {
    Kernels::average_pool(x, y, samples * output_.height, output_.width, output_.channels);
  }

  void backward(const Scalar* /*x*/, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx == nullptr) return;
    Kernels::average_pool_backward(dy, dx, samples * output_.height, output_.width, output_.channels);
  }

  template <class Visit>
  void for_each_parameter(const std::string& /*prefix*/, const Visit& /*visit*/) {}
  void initialise(Initialiser& /*initialiser*/) {}

 private:
  ImageShape output_;
};

}  // namespace diffarch::nn
