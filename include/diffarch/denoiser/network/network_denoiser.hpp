#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/core/fitter.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/training/preconditioning.hpp"
#include "diffarch/nn/training/training_options.hpp"

namespace diffarch {

/// Model of the trained architectures: one network for each noise level, as in the paper, or one for all of them
/// (`TrainingOptions::levels`). Of several, a level that no network was trained for gets the one of the nearest sigma,
/// on a logarithmic scale. They see y in VP units and give x0_hat. One network for all levels is joined to y of any
/// level by its `nn::Preconditioning`.
///
/// Samples go through the networks in blocks of a fixed size, filled up with zeros, so that no result depends on how
/// many others are in the batch, or which. It lives on the backend of the body's kernels. Several threads may call it:
/// the networks' working memory is shared, so that one of them computes at a time.
template <class Body>
class NetworkDenoiser {
 public:
  using Scalar = typename Body::Scalar;
  using Kernels = typename Body::Kernels;
  using BackendType = typename Kernels::BackendType;
  using Network = nn::Network<Body>;
  using Storage = typename Network::Storage;

  /// A network and the level it is for.
  struct Level {
    NoiseLevel level;
    std::unique_ptr<Network> network;
    std::vector<double> losses = {};  ///< mean training loss of every epoch
  };
  /// Between y and one network for all levels.
  using Joint = std::optional<nn::Preconditioning>;

  /// At least one level, all networks of one input shape. Throws InvalidArgument.
  explicit NetworkDenoiser(std::vector<Level> levels) : levels_(std::move(levels)) {
    detail::require(!levels_.empty(), "NetworkDenoiser: no networks; expected at least one");
  }

  /// One network for all levels; the level that it comes with is the noisiest it was trained for.
  NetworkDenoiser(Level network, const nn::Preconditioning& joint) : joint_(joint) {
    levels_.push_back(std::move(network));
  }

  [[nodiscard]] Index dimension() const noexcept { return levels_.front().network->input_shape().size(); }
  /// Noisiest first; a single one when one network is for all levels.
  [[nodiscard]] const std::vector<Level>& levels() const noexcept { return levels_; }
  /// What one network for all levels is joined to y by; nothing where each level has a network.
  [[nodiscard]] const Joint& joint() const noexcept { return joint_; }

  /// The network for a level. While it is used directly, no other thread may use it or call `denoise`.
  [[nodiscard]] Network& network(NoiseLevel level) const {
    const auto distance = [&](const Level& candidate) {
      if (is_same_level(candidate.level, level)) return -1.0;
      if (level.is_clean()) return candidate.level.sigma();
      return std::abs(std::log(candidate.level.sigma() / level.sigma()));
    };
    return *std::min_element(levels_.begin(), levels_.end(), [&](const Level& a, const Level& b) {
              return distance(a) < distance(b);
            })->network;
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    const std::lock_guard alone(*use_);
    Network& net = working_network(level);
    const Join join = join_at(level);
    const auto scale = static_cast<Scalar>(1.0 / join.divisor);
    const Index d = y.rows();
    Storage x0_hat(d, y.cols());
    Storage block(d, block_size);
    net.set_level(level, block_size);
    for (Index first = 0; first < y.cols(); first += block_size) {
      const Index count = std::min(block_size, y.cols() - first);
      BackendType::for_each(d, count, elementwise::Scale<Scalar>{block.data(), y.data() + d * first, scale, d});
      Kernels::fill(block.data() + d * count, d * (block_size - count), Scalar(0));
      const Storage& output = net.forward(block, nn::Mode::evaluate);
      Kernels::copy(output.data(), d * count, x0_hat.data() + d * first);
    }
    if (joint_ && joint_->adds_input) {
      const auto factor = static_cast<Scalar>(join.output);
      const auto skip = static_cast<Scalar>(join.skip);
      BackendType::for_each(d, y.cols(), elementwise::Scale<Scalar>{x0_hat.data(), x0_hat.data(), factor, d});
      BackendType::for_each(d, y.cols(), elementwise::AddScaled<Scalar>{x0_hat.data(), y.data(), skip, d});
    }
    return x0_hat;
  }

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k), from the whole Jacobian: for low dimensions.
  [[nodiscard]] Matrix<double> jacobian_product(const Storage& y, const Matrix<double>& v, NoiseLevel level) const {
    return jacobian(y, level) * v;
  }

  /// dD/dy at one y (d, 1): (d, d), by as many backward passes as it has blocks of rows.
  [[nodiscard]] Matrix<double> jacobian(const Storage& y, NoiseLevel level) const {
    std::vector<Index> rows(static_cast<std::size_t>(dimension()));
    std::iota(rows.begin(), rows.end(), Index{0});
    return jacobian_rows(y, level, rows);
  }

  /// Some rows of dD/dy at one y (d, 1): (rows, d), the gradients of these elements of x0_hat. Rows in [0, d).
  [[nodiscard]] Matrix<double> jacobian_rows(const Storage& y, NoiseLevel level, const std::vector<Index>& rows) const {
    detail::require<DimensionMismatch>(y.rows() == dimension() && y.cols() == 1, "jacobian: y is ",
                                       detail::shape_text(y), ", expected (", dimension(), ", 1)");
    const std::lock_guard alone(*use_);
    Network& net = working_network(level);
    const Join join = join_at(level);
    const auto row_count = static_cast<Index>(rows.size());
    const Index block = std::min(block_size, row_count);
    const Batch<Scalar> at = BackendType::download(y);
    const Storage copies =
        BackendType::upload(Batch<Scalar>((at / static_cast<Scalar>(join.divisor)).replicate(1, block)));
    net.set_level(level, block);
    Matrix<double> j(row_count, dimension());
    Storage gradients;
    Batch<Scalar> host(dimension(), block);
    for (Index first = 0; first < row_count; first += block) {
      const Index count = std::min(block, row_count - first);
      net.forward(copies, nn::Mode::evaluate);
      host.setZero();
      for (Index i = 0; i < count; ++i) host(rows[static_cast<std::size_t>(first + i)], i) = Scalar(1);
      Kernels::copy_from_host(host.data(), host.size(), net.output_gradient().data());
      net.backward(copies, gradients);
      Kernels::copy_to_host(gradients.data(), host.size(), host.data());
      j.middleRows(first, count) = host.leftCols(count).transpose().template cast<double>() / join.divisor;
    }
    if (joint_ && joint_->adds_input) {
      j *= join.output;
      for (Index i = 0; i < row_count; ++i) j(i, rows[static_cast<std::size_t>(i)]) += join.skip;
    }
    return j;
  }

 private:
  /// A multiple of the columns that matrix products take at a time: each column is then computed in the same way.
  static constexpr Index block_size = 16;

  /// x0_hat = output F(y / divisor) + skip y.
  struct Join {
    double divisor;
    double output = 1.0;
    double skip = 0.0;
  };
  [[nodiscard]] Join join_at(NoiseLevel level) const {
    if (!joint_) return {level.scale()};
    const auto [input, skip, output] = joint_->factors(level);
    return {1.0 / input, output, skip};
  }

  /// Only one network at a time keeps the memory that a batch needs: it is much more than the weights.
  [[nodiscard]] Network& working_network(NoiseLevel level) const {
    Network& wanted = network(level);
    if (working_ != nullptr && working_ != &wanted) working_->release_memory();
    working_ = &wanted;
    return wanted;
  }

  std::vector<Level> levels_;
  Joint joint_ = std::nullopt;
  std::unique_ptr<std::mutex> use_ = std::make_unique<std::mutex>();  ///< of the networks; moves with them
  mutable Network* working_ = nullptr;
};

/// An architecture that is trained: a policy with `training` options whose Fitter makes the untrained network of a
/// backend B,
///   using Body;                                                    // an nn::Layer
///   static ImageShape input_shape(const A&, Index d);              // of samples of d values; throws when d is wrong
///   static Body make_body(const A&, const ImageShape& shape);
/// and, where the body can be a stack of networks (see nn::Layer), as `StackableArchitecture`, also
///   static Body make_body(const A&, const ImageShape& shape, Index networks);
/// and, where the outputs of the network are to stay what the network alone can give, as a bottleneck's,
///   static constexpr bool adds_input = false;   // see nn::Preconditioning; true without
/// With options that ask for one network that is told the noise level (`are_conditioned`) `make_body` makes
/// one.
template <class A, class Scalar, class B = Cpu>
concept NetworkArchitecture = Architecture<A> && requires(const A& architecture, Index d, const ImageShape& shape) {
  { architecture.training } -> std::convertible_to<TrainingOptions>;
  { Fitter<A, B, Scalar>::input_shape(architecture, d) } -> std::same_as<ImageShape>;
  { Fitter<A, B, Scalar>::make_body(architecture, shape) } -> nn::Layer;
};

template <class A, class Scalar, class B = Cpu>
concept StackableArchitecture = NetworkArchitecture<A, Scalar, B> &&
    requires(const A& architecture, const ImageShape& shape, Index networks) {
  { Fitter<A, B, Scalar>::make_body(architecture, shape, networks) } -> nn::Layer;
};

namespace detail {

/// Whether one network of an architecture for all levels has a multiple of y added to its output.
template <class Networks>
[[nodiscard]] constexpr bool adds_input() {
  if constexpr (requires { Networks::adds_input; })
    return Networks::adds_input;
  else
    return true;
}

}  // namespace detail

/// The model of an architecture that satisfies NetworkArchitecture.
template <class A, class Scalar, class B = Cpu>
using NetworkModel = NetworkDenoiser<typename Fitter<A, B, Scalar>::Body>;

}  // namespace diffarch
