#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "diffarch/nn/kernels/level_features.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// A layer (usually a whole composition of them) on batches of one input shape, with the memory it works in: the first
/// pass of a batch size plans, later ones allocate nothing; passes in training may be recorded and repeated (see
/// `Recording` of a `KernelFamily`). Batches are arrays of the body's backend. One thread at a
/// time may use it.
template <class Body>
class Network {
  static_assert(Layer<Body>, "diffarch: the body of nn::Network must satisfy the concept nn::Layer");

 public:
  using Scalar = typename Body::Scalar;
  using Kernels = typename Body::Kernels;
  using BackendType = typename Kernels::BackendType;
  using Storage = typename BackendType::template Storage<Scalar>;  ///< batches: host memory on the host

  /// InvalidArgument when the body cannot take `input`. Weights are as the body has them: see `initialise`.
  Network(Body body, ImageShape input)
      : body_(std::move(body)), input_(input), output_(std::as_const(body_).output_shape(input)) {}

  [[nodiscard]] ImageShape input_shape() const noexcept { return input_; }
  [[nodiscard]] ImageShape output_shape() const noexcept { return output_; }
  [[nodiscard]] Body& body() noexcept { return body_; }
  /// How many networks a stack has, 1 for any other body.
  [[nodiscard]] Index networks() const { return detail::networks_of(body_); }

  /// Whether its layers are told the noise level of every sample: `level_features` or `set_level` come before
  /// `forward`.
  [[nodiscard]] bool is_conditioned() const { return batch_levels() != nullptr; }

  /// Where the features of a batch of so many samples go, (level_feature_count, samples), until the next call with
  /// another number: for conditioned networks.
  [[nodiscard]] Scalar* level_features(Index samples) {
    auto& levels = *batch_levels();
    if (levels.samples != samples) {
      samples_ = 0;  // what is recorded reads the old ones
      levels.samples = 0;
      levels.features.resize(level_feature_count * samples);
      levels.samples = samples;
    }
    return levels.features.data();
  }

  /// Tells a conditioned network that so many samples are of one noise level; any other is not told.
  void set_level(NoiseLevel level, Index samples) {
    if (!is_conditioned()) return;
    const auto features = nn::level_features(level);
    std::vector<Scalar> host;
    for (Index sample = 0; sample < samples; ++sample) host.insert(host.end(), features.begin(), features.end());
    Kernels::copy_from_host(host.data(), level_feature_count * samples, level_features(samples));
  }

  /// PyTorch's default distributions, a function of the seed alone.
  void initialise(Seed seed, Stream stream = streams::weights) {
    Initialiser initialiser(seed, stream);
    body_.initialise(initialiser);
  }

  /// x (d_in, n) -> y (d_out, n). The result lives here until the next call. DimensionMismatch for another d_in, and
  /// for a conditioned network that was told the levels of another number of samples.
  const Storage& forward(const Storage& x, Mode mode) {
    check_input(x);
    check_levels(x.cols());
    if (x.cols() != samples_) plan(x.cols());
    const auto pass = [&] { body_.forward(x.data(), y_.data(), samples_, mode, workspace_.data()); };
    mode_ = mode;
    if (mode == Mode::evaluate) {
      forget_recordings();
      pass();
    } else if (!forward_recording_.run({x.data(), y_.data(), nullptr}, pass)) {
      ++uncounted_batches_;
    }
    return y_;
  }

  /// Returns the array for dLoss/dy, (d_out, n). The caller fills it between forward and backward; backward overwrites
  /// it.
  [[nodiscard]] Storage& output_gradient() noexcept { return dy_; }

  /// The gradients of all weights, for the x of the last forward.
  void backward(const Storage& x) { run_backward(x, nullptr); }

  /// Also dx = J^T dy, (d_in, n).
  void backward(const Storage& x, Storage& dx) {
    if (dx.rows() != input_.size() || dx.cols() != x.cols()) dx = Storage(input_.size(), x.cols());
    run_backward(x, dx.data());
  }

  /// Gives back the memory of batches; the next pass plans again. For models of many networks of which one works.
  void release_memory() {
    samples_ = 0;
    forget_recordings();
    workspace_ = {};
    y_ = Storage();
    dy_ = Storage();
  }

  /// visit(Parameter<Scalar>) for every tensor. The spans stay valid as long as the network, also when it is moved.
  template <class Visit>
  void for_each_parameter(const Visit& visit) {
    const auto visit_counted = [&](const Parameter<Scalar>& parameter) {
      if (parameter.counter != nullptr) *parameter.counter += uncounted_batches_;
      visit(parameter);
    };
    body_.for_each_parameter(std::string{}, ParameterVisitor<Scalar>(visit_counted));
    uncounted_batches_ = 0;
  }

 private:
  // Messages are only put together when they are thrown: small networks would notice.
  void check_input(const Storage& x) const {
    if (x.rows() == input_.size() && x.cols() >= 1) return;
    throw DimensionMismatch(diffarch::detail::concat("Network: input of shape ", diffarch::detail::shape_text(x),
                                                     "; expected (", input_.size(), ", n) with n >= 1 for images of ",
                                                     diffarch::detail::shape_text(input_)));
  }

  void check_levels(Index samples) const {
    const auto* levels = batch_levels();
    if (levels == nullptr || levels->samples == samples) return;
    throw DimensionMismatch(diffarch::detail::concat("Network: ", samples, " samples, but noise levels of ",
                                                     levels->samples,
                                                     "; expected set_level for as many before forward"));
  }

  /// Null when the layers are told no level.
  [[nodiscard]] BatchLevels<Scalar, Kernels>* batch_levels() const {
    if constexpr (requires { body_.levels(); })
      return body_.levels().get();
    else
      return nullptr;
  }

  void plan(Index samples) {
    samples_ = 0;  // if planning throws, the next call plans again
    forget_recordings();
    body_.plan(input_, samples);
    workspace_.resize(std::as_const(body_).workspace_size());
    if (y_.rows() != output_.size() || y_.cols() != samples) y_ = Storage(output_.size(), samples);
    if (dy_.rows() != output_.size() || dy_.cols() != samples) dy_ = Storage(output_.size(), samples);
    samples_ = samples;
  }

  void run_backward(const Storage& x, Scalar* dx) {
    check_input(x);
    if (x.cols() != samples_ || dy_.rows() != output_.size() || dy_.cols() != samples_)
      throw DimensionMismatch(
          diffarch::detail::concat("Network: backward of ", x.cols(), " samples with an output gradient of shape ",
                                   diffarch::detail::shape_text(dy_), " after a forward pass of ", samples_,
                                   "; expected the batch of that pass and the shape of its output"));
    const auto pass = [&] { body_.backward(x.data(), y_.data(), dy_.data(), dx, samples_, workspace_.data()); };
    if (mode_ == Mode::train)
      backward_recording_.run({x.data(), dy_.data(), dx}, pass);
    else
      pass();
  }

  // Layers keep the mode of the last pass: after an evaluation what is repeated would be that of another.
  void forget_recordings() {
    forward_recording_.forget();
    backward_recording_.forget();
  }

  Body body_;
  ImageShape input_;
  ImageShape output_;
  Index samples_ = 0;
  typename Kernels::template Buffer<Scalar> workspace_;
  Storage y_;
  Storage dy_;
  Mode mode_ = Mode::train;  ///< of the last pass
  typename Kernels::Recording forward_recording_;
  typename Kernels::Recording backward_recording_;
  std::int64_t uncounted_batches_ = 0;  ///< training passes that were repeated without the layers, which count them
};

namespace detail {

/// visit(from, to) for every tensor of two networks with the same tensors.
template <class Body, class Visit>
void for_each_pair(Network<Body>& from, Network<Body>& to, const Visit& visit) {
  using Scalar = typename Body::Scalar;
  std::vector<Parameter<Scalar>> targets;
  to.for_each_parameter([&](const Parameter<Scalar>& parameter) { targets.push_back(parameter); });
  std::size_t at = 0;
  from.for_each_parameter([&](const Parameter<Scalar>& parameter) { visit(parameter, targets[at++]); });
}

}  // namespace detail

/// Copies every tensor of a network, running statistics included, to another of the same type and shape.
template <class Body>
void copy_tensors(Network<Body>& from, Network<Body>& to) {
  using Scalar = typename Body::Scalar;
  detail::for_each_pair(from, to, [](const Parameter<Scalar>& source, const Parameter<Scalar>& target) {
    if (source.counter != nullptr)
      *target.counter = *source.counter;
    else
      Body::Kernels::template copy<Scalar>(source.values.data(), static_cast<Index>(source.values.size()),
                                           target.values.data());
  });
}

/// Copies the tensors of one network to network `at` of a stack.
template <class Body>
void copy_into_stack(Network<Body>& from, Network<Body>& stack, Index at) {
  using Scalar = typename Body::Scalar;
  detail::for_each_pair(from, stack, [&](const Parameter<Scalar>& source, const Parameter<Scalar>& target) {
    const auto size = static_cast<Index>(source.values.size());
    Body::Kernels::template copy<Scalar>(source.values.data(), size, target.values.data() + at * size);
  });
}

/// Copies the tensors of network `at` of a stack to one network.
template <class Body>
void copy_from_stack(Network<Body>& stack, Index at, Network<Body>& to) {
  using Scalar = typename Body::Scalar;
  detail::for_each_pair(stack, to, [&](const Parameter<Scalar>& source, const Parameter<Scalar>& target) {
    const auto size = static_cast<Index>(target.values.size());
    Body::Kernels::template copy<Scalar>(source.values.data() + at * size, size, target.values.data());
  });
}

}  // namespace diffarch::nn
