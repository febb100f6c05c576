#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"
#include "diffarch/nn/mlp.hpp"

namespace diffarch::nn {

/// All points that a TwoDMlp with a code of one number can put out for codes in [low, high], as the corners of a
/// polyline, (d, corners): between two codes where a hidden value changes sign the decoder is affine. At most 64 bends.
/// Throws InvalidArgument for a wider code, or low >= high.
template <class Scalar, class Kernels>
[[nodiscard]] Batch<Scalar> decoder_polyline(TwoDMlp<Scalar, Kernels>& network, Scalar low, Scalar high) {
  diffarch::detail::require(low < high, "decoder_polyline: low = ", low, ", high = ", high, "; expected low < high");
  std::vector<Scalar> weight;
  std::vector<Scalar> bias;
  std::vector<Scalar> out_weight;
  std::vector<Scalar> out_bias;
  Index code = 0;
  network.decoder().for_each_parameter(std::string{}, [&](const Parameter<Scalar>& parameter) {
    const std::pair<const char*, std::vector<Scalar>*> wanted[] = {
        {"0.weight", &weight}, {"0.bias", &bias}, {"2.weight", &out_weight}, {"2.bias", &out_bias}};
    for (const auto& [name, values] : wanted)
      if (parameter.name == name) *values = host_copy<Kernels>(parameter.values);
    if (parameter.name == "0.weight") code = parameter.shape()[1];
  });
  diffarch::detail::require(code == 1, "decoder_polyline: a code of ", code, " numbers; expected 1");
  std::vector<Scalar> codes{low, high};
  for (std::size_t i = 0; i < weight.size(); ++i)
    if (const Scalar bend = -bias[i] / weight[i]; bend > low && bend < high) codes.push_back(bend);
  std::sort(codes.begin(), codes.end());
  const std::size_t hidden = weight.size();
  Batch<Scalar> corners(static_cast<Index>(out_bias.size()), static_cast<Index>(codes.size()));
  for (std::size_t corner = 0; corner < codes.size(); ++corner)
    for (std::size_t row = 0; row < out_bias.size(); ++row) {
      Scalar value = out_bias[row];
      for (std::size_t i = 0; i < hidden; ++i) {
        const Scalar before = weight[i] * codes[corner] + bias[i];
        value += out_weight[row * hidden + i] * detail::leaky_relu(before, Scalar(0.2));
      }
      corners(static_cast<Index>(row), static_cast<Index>(corner)) = value;
    }
  return corners;
}

/// Distance of each point (d, n) to the polyline with these corners (d, m), m >= 2: (n).
template <class Scalar>
[[nodiscard]] Vector<Scalar> distance_to_polyline(const Batch<Scalar>& points, const Batch<Scalar>& corners) {
  diffarch::detail::require<DimensionMismatch>(points.rows() == corners.rows() && corners.cols() >= 2,
                                               "distance_to_polyline: points ", diffarch::detail::shape_text(points),
                                               ", corners ", diffarch::detail::shape_text(corners),
                                               "; expected equal rows and at least two corners");
  Vector<Scalar> distances(points.cols());
  for (Index i = 0; i < points.cols(); ++i) {
    Scalar nearest = (points.col(i) - corners.col(0)).norm();
    for (Index k = 0; k + 1 < corners.cols(); ++k) {
      const Vector<Scalar> along = corners.col(k + 1) - corners.col(k);
      const Vector<Scalar> to_point = points.col(i) - corners.col(k);
      const Scalar length = along.squaredNorm();
      const Scalar t = length > Scalar(0) ? std::clamp(to_point.dot(along) / length, Scalar(0), Scalar(1)) : Scalar(0);
      nearest = std::min(nearest, (to_point - t * along).norm());
    }
    distances(i) = nearest;
  }
  return distances;
}

}  // namespace diffarch::nn
