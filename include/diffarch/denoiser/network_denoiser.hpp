#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/nn/level_training.hpp"

namespace diffarch {

/// Model of the trained architectures: one network for each noise level, as in the paper. A level that no network was
/// trained for gets the one of the nearest sigma, on a logarithmic scale. Networks see y in VP units.
///
/// Samples go through the networks one at a time, so that no result depends on which others are in the batch. Calls of
/// `denoise` must not overlap: the networks' working memory is shared.
template <class Body>
class NetworkDenoiser {
 public:
  using Scalar = typename Body::Scalar;
  using BackendType = Cpu;
  using Network = nn::Network<Body>;

  /// A network and the level it is for.
  struct Level {
    NoiseLevel level;
    std::unique_ptr<Network> network;
    std::vector<double> losses = {};  ///< mean training loss of every epoch
  };

  /// At least one level, all networks of one input shape. Throws InvalidArgument.
  explicit NetworkDenoiser(std::vector<Level> levels) : levels_(std::move(levels)) {
    detail::require(!levels_.empty(), "NetworkDenoiser: no networks; expected at least one");
  }

  [[nodiscard]] Index dimension() const noexcept { return levels_.front().network->input_shape().size(); }
  [[nodiscard]] const std::vector<Level>& levels() const noexcept { return levels_; }

  /// The network for a level.
  [[nodiscard]] Network& network(NoiseLevel level) const {
    const auto distance = [&](const Level& candidate) {
      if (candidate.level == level) return -1.0;
      if (level.is_clean()) return candidate.level.sigma();
      return std::abs(std::log(candidate.level.sigma() / level.sigma()));
    };
    return *std::min_element(levels_.begin(), levels_.end(), [&](const Level& a, const Level& b) {
              return distance(a) < distance(b);
            })->network;
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    detail::require<DimensionMismatch>(y.rows() == dimension(), "denoise: y is ", detail::shape_text(y),
                                       " but the model has dimension ", dimension());
    Network& net = network(level);
    const auto scale = static_cast<Scalar>(1.0 / level.scale());
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    Batch<Scalar> one(y.rows(), 1);
    for (Index column = 0; column < y.cols(); ++column) {
      one = scale * y.col(column);
      x0_hat.col(column) = net.forward(one, nn::Mode::evaluate);
    }
    return x0_hat;
  }

  /// J v with J = dD/dy at one y (d, 1), for directions v (d, k), from the whole Jacobian: for low dimensions.
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<Scalar>& y, const Matrix<double>& v,
                                                NoiseLevel level) const {
    return jacobian(y, level) * v;
  }

  /// dD/dy at one y (d, 1): (d, d), by d backward passes.
  [[nodiscard]] Matrix<double> jacobian(const Batch<Scalar>& y, NoiseLevel level) const {
    Network& net = network(level);
    const Batch<Scalar> one = y / static_cast<Scalar>(level.scale());
    Matrix<double> j(dimension(), dimension());
    Batch<Scalar> row;
    for (Index i = 0; i < dimension(); ++i) {
      net.forward(one, nn::Mode::evaluate);
      net.output_gradient().setZero();
      net.output_gradient()(i, 0) = Scalar(1);
      net.backward(one, row);
      j.row(i) = row.col(0).transpose().template cast<double>() / level.scale();
    }
    return j;
  }

 private:
  std::vector<Level> levels_;
};

namespace detail {

/// Trains one network for every level of the schedule, noisiest first; `make_body()` makes an untrained one.
template <class Body, class MakeBody>
[[nodiscard]] NetworkDenoiser<Body> train_levels(const std::string& name, const TrainingOptions& options,
                                                 const ImageShape& shape, const Batch<typename Body::Scalar>& data,
                                                 const NoiseLevels& levels, const ProgressCallback& progress,
                                                 const MakeBody& make_body) {
  using Model = NetworkDenoiser<Body>;
  check_training_options(options, data.cols());
  ProgressReporter reporter(progress, "train " + name, levels.steps() * options.epochs);
  std::vector<typename Model::Level> trained;
  for (Index step = 0; step < levels.steps(); ++step) {
    auto network = std::make_unique<typename Model::Network>(make_body(), shape);
    network->initialise(options.seed, streams::level_directions(levels[step].sigma()));
    if (options.warm_start && step > 0) nn::copy_tensors(*trained.back().network, *network);
    nn::LevelTraining<Body> training(*network, data, levels[step], options);
    while (!training.is_done()) {
      const Index epoch = training.epoch();
      training.step();
      if (training.epoch() > epoch) reporter.advance();
    }
    training.finish();
    trained.push_back({levels[step], std::move(network), training.losses()});
  }
  return Model(std::move(trained));
}

}  // namespace detail
}  // namespace diffarch
