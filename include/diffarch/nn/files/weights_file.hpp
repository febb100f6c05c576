#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
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

/// Whether a tensor only counts batches, which nothing is computed from: it may be missing, or of any type and shape.
[[nodiscard]] inline bool is_counter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

/// The name of a tensor without what wrappers of modules put before or into it: DataParallel, torch.compile, FSDP,
/// activation checkpointing.
[[nodiscard]] inline std::string unwrapped_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> wrappers{"module", "_orig_mod", "_fsdp_wrapped_module",
                                                     "_checkpoint_wrapped_module", "_forward_module"};
  std::string plain;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, end);
    if (std::find(wrappers.begin(), wrappers.end(), part) == wrappers.end())
      plain += (plain.empty() ? "" : ".") + std::string(part);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return plain;
}

/// Takes a prefix off the names of a file, and wrappers out of them, where they are then names of the network. Of
/// several prefixes it is the one with which most names fit; with two that do equally well the file stays as it is.
template <class Scalar>
void take_off_prefixes(SafetensorsFile& file, const std::vector<Parameter<Scalar>>& parameters) {
  std::set<std::string, std::less<>> wanted;  // beside counters, which need not be there
  for (const auto& parameter : parameters)
    if (parameter.counter == nullptr) wanted.insert(parameter.name);
  std::map<std::string, std::size_t> fitting;  // how many names fit without each prefix
  std::size_t as_they_are = 0;
  for (const auto& named : file.tensors) {
    if (wanted.contains(named.first)) ++as_they_are;
    const std::string name = unwrapped_name(named.first);
    for (std::size_t end = 0; end != std::string::npos; end = name.find('.', end)) {
      if (end > 0) ++end;
      if (wanted.contains(std::string_view(name).substr(end))) ++fitting[name.substr(0, end)];
    }
  }
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto best = std::max_element(fitting.begin(), fitting.end(), fewer);
  if (best == fitting.end() || best->second <= as_they_are) return;
  const auto is_as_good = [&](const auto& other) { return other.second == best->second; };
  if (std::count_if(fitting.begin(), fitting.end(), is_as_good) > 1) return;

  const std::string& prefix = best->first;
  std::set<std::string, std::less<>> known;
  for (const auto& parameter : parameters) known.insert(parameter.name);
  const auto rename = [&](auto& map) {
    std::remove_reference_t<decltype(map)> renamed;
    for (auto& [name, tensor] : map) {
      const std::string unwrapped = unwrapped_name(name);
      const bool fits =
          unwrapped.starts_with(prefix) && known.contains(std::string_view(unwrapped).substr(prefix.size()));
      renamed.emplace(fits ? unwrapped.substr(prefix.size()) : name, std::move(tensor));
    }
    map = std::move(renamed);
  };
  rename(file.tensors);
  rename(file.unread);
}

/// At most eight of these, and how many more there are is added to `left_out`.
inline void list_differences(const std::vector<std::string>& differences, std::string& text, std::size_t& left_out) {
  constexpr std::size_t listed = 8;
  for (std::size_t i = 0; i < std::min(listed, differences.size()); ++i)
    text += (text.ends_with(": ") ? "" : "; ") + differences[i];
  left_out += differences.size() - std::min(listed, differences.size());
}

/// Throws FileError, listing the first differences of each kind, unless names and shapes in the file are those of the
/// network. Counters may be missing, and integers that are not of the network are not its weights: they are left alone.
template <class Scalar>
void require_same_tensors(const SafetensorsFile& file, const std::vector<Parameter<Scalar>>& parameters) {
  using diffarch::detail::concat;
  using diffarch::detail::npy_shape_text;
  using diffarch::detail::safetensors_quoted;
  std::vector<std::string> missing;
  std::vector<std::string> different;
  std::vector<std::string> unexpected;
  std::set<std::string_view> known;
  bool fits = true;
  for (const auto& parameter : parameters) {
    known.insert(parameter.name);
    if (parameter.counter != nullptr) continue;
    const auto found = file.tensors.find(parameter.name);
    const std::vector<Index> expected = shape_of(parameter);
    const std::string quoted = safetensors_quoted(parameter.name);
    if (const auto other = file.unread.find(parameter.name); other != file.unread.end())
      different.push_back(
          concat(quoted, " has dtype ", safetensors_quoted(other->second.dtype), ", expected F32, F64, F16 or BF16"));
    else if (found == file.tensors.end())
      missing.push_back(concat(quoted, " is missing, expected shape ", npy_shape_text(expected)));
    else if (found->second.shape != expected)
      different.push_back(
          concat(quoted, " has shape ", npy_shape_text(found->second.shape), ", expected ", npy_shape_text(expected)));
    else if (std::holds_alternative<std::vector<std::int64_t>>(found->second.values))
      different.push_back(concat(quoted, " holds integers, expected F32, F64, F16 or BF16"));
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (known.contains(name)) continue;
    if (!std::holds_alternative<std::vector<std::int64_t>>(tensor.values) && !is_counter(name)) fits = false;
    unexpected.push_back(concat(safetensors_quoted(name), " of shape ", npy_shape_text(tensor.shape),
                                " is not a tensor of the network"));
  }
  if (fits && missing.empty() && different.empty()) return;
  std::string text = concat("does not fit the network of ", parameters.size(), " tensors: ");
  std::size_t left_out = 0;
  for (const auto* kind : {&missing, &different, &unexpected}) list_differences(*kind, text, left_out);
  if (left_out > 0) text += concat("; and ", left_out, " more differences");
  throw FileError(file.path, text);
}

/// The number that a counter of a file holds: 0 unless it is one, and not negative.
[[nodiscard]] inline std::int64_t counter_in(const SafetensorsFile& file, std::string_view name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return 0;
  return std::visit(
      [](const auto& values) {
        constexpr auto largest = 9007199254740992.0;  // 2^53: a double holds every whole number up to it
        if (values.size() != 1 || !(values[0] >= 0)) return std::int64_t{0};
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(values[0])>, std::int64_t>) return values[0];
        return static_cast<std::int64_t>(std::min(static_cast<double>(values[0]), largest));
      },
      found->second.values);
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
      counters[i] = counter_in(file, parameters[i].name);
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
/// safetensors; floating-point types other than the network's Scalar, F16 and BF16 among them, are converted. Returns
/// the file's metadata. When that makes all names fit, a prefix of the names is taken off ("model."), and what wrappers
/// have put before or into them ("module.", "_orig_mod."). num_batches_tracked may be missing, or of any type and
/// shape; other integers in the file are left alone. Throws FileError as read_safetensors, and when a tensor is
/// missing, has another shape or type, or holds floating-point numbers and is none of the network's; the message lists
/// what is wrong and what was expected. The network is then as it was.
template <class Body>
SafetensorsMetadata load_weights(const std::filesystem::path& path, Network<Body>& network) {
  SafetensorsFile file = diffarch::detail::read_safetensors(path, detail::is_counter);
  const detail::NetworkTensors<typename Body::Scalar> tensors(network);
  detail::take_off_prefixes(file, tensors.parameters);
  detail::set_tensors(tensors, file);
  return std::move(file.metadata);
}

}  // namespace diffarch::nn
