#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/io/safetensors.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"

// Weights of networks as safetensors files with PyTorch's names and layouts. Needs nlohmann-json (diffarch::json).

namespace diffarch::nn {

namespace detail {

/// The axis of a tensor that counts the values of a flattened sample. PyTorch flattens an image as C x H x W, here it
/// is H x W x C: in files this axis has PyTorch's order.
enum class SampleAxis { none, first, last };

/// Convolutions do not flatten: by default no tensor has such an axis.
template <class Body>
struct SampleAxes {
  [[nodiscard]] static SampleAxis of(std::string_view /*tensor*/) { return SampleAxis::none; }
};
template <class Scalar, class Kernels>
struct SampleAxes<Mlp<Scalar, Kernels>> {
  [[nodiscard]] static SampleAxis of(std::string_view tensor) {
    if (tensor == "encoder.0.weight") return SampleAxis::last;
    return tensor == "decoder.0.weight" || tensor == "decoder.0.bias" ? SampleAxis::first : SampleAxis::none;
  }
};

enum class WeightsDirection { to_file, from_file };

/// Copies a tensor and puts its sample axis, if it has one, into the other order.
template <class Scalar>
void copy_tensor(SampleAxis axis, ImageShape image, std::span<const Scalar> from, std::span<Scalar> to,
                 WeightsDirection direction) {
  const Index pixels = image.height * image.width;
  if (axis == SampleAxis::none || pixels == 1 || image.channels == 1) {
    std::copy(from.begin(), from.end(), to.begin());
    return;
  }
  const Index d = image.size();
  const Index others = static_cast<Index>(from.size()) / d;
  const Index inner = axis == SampleAxis::first ? others : 1;
  const Index outer = axis == SampleAxis::first ? 1 : others;
  for (Index block = 0; block < outer; ++block)
    for (Index pixel = 0; pixel < pixels; ++pixel)
      for (Index channel = 0; channel < image.channels; ++channel) {
        Index source = pixel * image.channels + channel;
        Index target = channel * pixels + pixel;
        if (direction == WeightsDirection::from_file) std::swap(source, target);
        std::copy_n(from.data() + (block * d + source) * inner, inner, to.data() + (block * d + target) * inner);
      }
}

/// A network without its type: what is written and read depends on the type of the numbers alone.
template <class Scalar>
struct NetworkTensors {
  struct Collect {
    std::vector<Parameter<Scalar>>& parameters;
    void operator()(const Parameter<Scalar>& parameter) const { parameters.push_back(parameter); }
  };

  template <class Body>
  explicit NetworkTensors(Network<Body>& network)
      : image(network.input_shape()),
        axis_of(SampleAxes<Body>::of),
        copy_to_host(Body::Kernels::template copy_to_host<Scalar>),
        copy_from_host(Body::Kernels::template copy_from_host<Scalar>) {
    diffarch::detail::require(network.networks() == 1, "weights: a stack of ", network.networks(),
                              " networks; a file holds one");
    network.for_each_parameter(Collect{parameters});
  }

  std::vector<Parameter<Scalar>> parameters;
  ImageShape image;
  SampleAxis (*axis_of)(std::string_view tensor);
  void (*copy_to_host)(const Scalar* from, Index count, Scalar* to);
  void (*copy_from_host)(const Scalar* from, Index count, Scalar* to);
};

template <class Scalar>
[[nodiscard]] std::vector<Index> shape_of(const Parameter<Scalar>& parameter) {
  return {parameter.shape().begin(), parameter.shape().end()};
}

/// Throws FileError, listing the first differences, unless names and shapes in the file are those of the network.
template <class Scalar>
void require_same_tensors(const SafetensorsFile& file, const std::vector<Parameter<Scalar>>& parameters) {
  using diffarch::detail::concat;
  using diffarch::detail::npy_shape_text;
  using diffarch::detail::safetensors_quoted;
  std::vector<std::string> problems;
  std::set<std::string_view> known;
  for (const auto& parameter : parameters) {
    known.insert(parameter.name);
    const auto found = file.tensors.find(parameter.name);
    const std::vector<Index> expected = shape_of(parameter);
    if (found == file.tensors.end())
      problems.push_back(
          concat(safetensors_quoted(parameter.name), " is missing, expected shape ", npy_shape_text(expected)));
    else if (found->second.shape != expected)
      problems.push_back(concat(safetensors_quoted(parameter.name), " has shape ", npy_shape_text(found->second.shape),
                                ", expected ", npy_shape_text(expected)));
  }
  for (const auto& [name, tensor] : file.tensors)
    if (!known.contains(name))
      problems.push_back(concat(safetensors_quoted(name), " of shape ", npy_shape_text(tensor.shape),
                                " is not a tensor of the network"));
  if (problems.empty()) return;

  constexpr std::size_t listed = 8;
  std::string text = concat("does not fit the network of ", parameters.size(), " tensors: ");
  for (std::size_t i = 0; i < std::min(listed, problems.size()); ++i) text += (i == 0 ? "" : "; ") + problems[i];
  if (problems.size() > listed) text += concat("; and ", problems.size() - listed, " more differences");
  throw FileError(file.path, text);
}

template <class Scalar>
[[nodiscard]] Tensors tensors_of(const NetworkTensors<Scalar>& network) {
  Tensors tensors;
  for (const Parameter<Scalar>& parameter : network.parameters) {
    Tensor& tensor = tensors[parameter.name];
    tensor.shape = shape_of(parameter);
    if (parameter.counter != nullptr) {
      tensor.values = std::vector<std::int64_t>{*parameter.counter};
    } else {
      std::vector<Scalar> ours(parameter.values.size());
      network.copy_to_host(parameter.values.data(), static_cast<Index>(ours.size()), ours.data());
      std::vector<Scalar> values(ours.size());
      copy_tensor<Scalar>(network.axis_of(parameter.name), network.image, ours, values, WeightsDirection::to_file);
      tensor.values = std::move(values);
    }
  }
  return tensors;
}

template <class Scalar>
void set_tensors(const NetworkTensors<Scalar>& network, SafetensorsFile& file) {
  const auto& parameters = network.parameters;
  require_same_tensors(file, parameters);
  // Every conversion before the first change.
  std::vector<std::vector<Scalar>> values(parameters.size());
  std::vector<std::int64_t> counters(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::vector<Index> shape = shape_of(parameters[i]);
    if (parameters[i].counter != nullptr)
      counters[i] = file.values<std::int64_t>(parameters[i].name, shape).front();
    else
      values[i] = file.values<Scalar>(parameters[i].name, shape);
    file.tensors.erase(parameters[i].name);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].counter != nullptr) {
      *parameters[i].counter = counters[i];
    } else {
      std::vector<Scalar> ours(values[i].size());
      copy_tensor<Scalar>(network.axis_of(parameters[i].name), network.image, values[i], ours,
                          WeightsDirection::from_file);
      network.copy_from_host(ours.data(), static_cast<Index>(ours.size()), parameters[i].values.data());
    }
  }
}

}  // namespace detail

/// Writes all tensors of a network, running statistics included, as a safetensors file, atomically: PyTorch's names,
/// shapes and layouts, F32 or F64 as the network's Scalar, num_batches_tracked as I64 of shape (). The values of a
/// sample in the first and last layer of an `Mlp` are in PyTorch's order, C x H x W of the network's input shape. So
/// the file is the state_dict of the reference code's UNet, Mlp or TwoDMlp.
/// Throws as write_safetensors: NumericalError for a value that is not finite, FileError; the old file is then as it
/// was.
template <class Body>
void save_weights(const std::filesystem::path& path, Network<Body>& network, const SafetensorsMetadata& metadata = {}) {
  write_safetensors(path, detail::tensors_of(detail::NetworkTensors<typename Body::Scalar>(network)), metadata);
}

/// Sets all tensors of a network from a file that `save_weights` wrote, or a state_dict of the reference code saved as
/// safetensors; floating-point types other than the network's Scalar are converted. Returns the file's metadata.
/// Throws FileError as read_safetensors, and when a tensor is missing, has another shape or type, or is none of the
/// network's; the message lists what is wrong and what was expected. The network is then as it was.
template <class Body>
SafetensorsMetadata load_weights(const std::filesystem::path& path, Network<Body>& network) {
  SafetensorsFile file = read_safetensors(path);
  detail::set_tensors(detail::NetworkTensors<typename Body::Scalar>(network), file);
  return std::move(file.metadata);
}

}  // namespace diffarch::nn
