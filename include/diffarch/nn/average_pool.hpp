#pragma once

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/layer.hpp"

namespace diffarch::nn {

/// Mean of each 2 x 2 block of pixels: height x width -> height/2 x width/2. Both must be even.
template <class ScalarType>
class AveragePool {
 public:
  using Scalar = ScalarType;

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
    const Index c = output_.channels;
    const Index line = output_.width * c;
    parallel_for(samples * output_.height, 4 * line, [&](Index row) {
      const Scalar* upper = x + row * 4 * line;
      const Scalar* lower = upper + 2 * line;
      Scalar* to = y + row * line;
      for (Index column = 0; column < output_.width; ++column, upper += 2 * c, lower += 2 * c, to += c)
        for (Index k = 0; k < c; ++k) to[k] = Scalar(0.25) * ((upper[k] + upper[k + c]) + (lower[k] + lower[k + c]));
    });
  }

  void backward(const Scalar* /*x*/, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx == nullptr) return;
    const Index c = output_.channels;
    const Index line = output_.width * c;
    parallel_for(samples * output_.height, 4 * line, [&](Index row) {
      Scalar* upper = dx + row * 4 * line;
      Scalar* lower = upper + 2 * line;
      const Scalar* from = dy + row * line;
      for (Index column = 0; column < output_.width; ++column, upper += 2 * c, lower += 2 * c, from += c)
        for (Index k = 0; k < c; ++k) upper[k] = upper[k + c] = lower[k] = lower[k + c] = Scalar(0.25) * from[k];
    });
  }

  template <class Visit>
  void for_each_parameter(const std::string& /*prefix*/, const Visit& /*visit*/) {}
  void initialise(Initialiser& /*initialiser*/) {}

 private:
  ImageShape output_;
};

}  // namespace diffarch::nn
