#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "diffarch/cuda/algebra/linear_algebra.hpp"
#include "diffarch/denoiser/posterior/ideal_denoiser.hpp"

namespace diffarch {

namespace cuda::detail {

/// values[i], for reductions.
template <class Value>
struct ValueOf {
  const Value* values;
  constexpr Value operator()(Index i) const { return values[i]; }
};

/// The state of the softmax of one noisy sample y, a query, after the tiles so far.
struct SoftmaxState {
  double y_squared;   ///< |y|^2
  double smallest;    ///< squared distance
  double weight_sum;  ///< of exp(-(r_i - smallest) / (2 noise^2))
  double rescaling;   ///< what sums of earlier tiles are to be multiplied by
  double reach;       ///< samples of this tile beyond this squared distance have no weight
  bool measures;      ///< whether squared distances within reach are measured again
};

/// Before the first tile, with |y|^2.
struct StartSoftmax {
  SoftmaxState* states;
  constexpr void operator()(Index query, double y_squared) const {
    states[query] = {y_squared, std::numeric_limits<double>::infinity(), 0.0, 0.0, 0.0, false};
  }
};

/// |y_j - signal x_i|^2 from the products x_i . y_j with one tile of training samples.
template <class Scalar>
struct TileDistances {
  Index samples;            ///< of the tile
  const Scalar* products;   ///< (samples, queries)
  const double* x_squared;  ///< (samples)
  const SoftmaxState* states;
  diffarch::detail::DistancesFromProducts<Scalar> distances;
  constexpr double operator()(Index i, Index query) const {
    return distances.squared_distance(states[query].y_squared, products[query * samples + i], x_squared[i]);
  }
};

/// From the smallest squared distance of the tile, by the products.
template <class Scalar>
struct SetReach {
  SoftmaxState* states;
  diffarch::detail::DistancesFromProducts<Scalar> distances;
  constexpr void operator()(Index query, double in_tile) const {
    SoftmaxState& state = states[query];
    const double error = distances.error(state.y_squared);
    state.measures = distances.must_be_measured(error);
    state.reach = distances.reach(Minimum<double>{}(state.smallest, in_tile), error);
  }
};

/// Block kernel: squared distances of a query and 64 samples of a tile, by the products or, where they have to be
/// measured, in double within reach and infinity beyond. Groups of 64 threads measure a sample each, every thread every
/// 64th row, so that every bit depends on the query and the sample alone. Blocks next to each other share the samples.
template <class Scalar>
struct Residuals {
  static constexpr int threads = 256;
  static constexpr int group = 64;
  static constexpr int block_samples = 64;
  struct Shared {
    double by_products[block_samples];
    double partial[block_samples][group + 1];  ///< the last is unused: it spreads columns over the banks
  };

  Index d;
  const Scalar* x;  ///< (d, samples)
  const Scalar* y;  ///< (d, queries)
  TileDistances<Scalar> by_products;
  double* residuals;  ///< (samples, queries)

  [[nodiscard]] constexpr Index blocks() const {
    return (by_products.samples + block_samples - 1) / block_samples * panel_columns;
  }
  [[nodiscard]] constexpr int phases() const { return 3; }

  constexpr void operator()(int phase, Index block, int thread, Shared& shared) const {
    const Index query = block % panel_columns;
    const Index first = block / panel_columns * block_samples;
    const Index left = by_products.samples - first;
    const int count = left < block_samples ? static_cast<int>(left) : block_samples;
    const SoftmaxState& state = by_products.states[query];
    if (phase == 0) {
      if (thread < count) shared.by_products[thread] = by_products(first + thread, query);
    } else if (phase == 1) {
      if (!state.measures) return;
      const double reach = state.reach;
      for (int sample = thread / group; sample < count; sample += threads / group)
        if (!(shared.by_products[sample] > reach))
          shared.partial[sample][thread % group] = partial_distance(first + sample, query, thread % group);
    } else if (thread < count) {
      double residual = shared.by_products[thread];
      if (state.measures)
        residual = residual > state.reach ? std::numeric_limits<double>::infinity() : sum(shared.partial[thread]);
      residuals[query * by_products.samples + first + thread] = residual;
    }
  }

 private:
  [[nodiscard]] constexpr double partial_distance(Index sample, Index query, Index first_row) const {
    const Scalar* const ours = y + query * d;
    const Scalar* const theirs = x + sample * d;
    double sum = 0.0;
    for (Index row = first_row; row < d; row += group) {
      const double difference =
          static_cast<double>(ours[row]) - by_products.distances.signal * static_cast<double>(theirs[row]);
      sum += difference * difference;
    }
    return sum;
  }

  [[nodiscard]] static constexpr double sum(const double* partial) {
    double total = 0.0;
    for (int i = 0; i < group; ++i) total += partial[i];
    return total;
  }
};

/// Block kernel: block j turns squared distances r_i of query j and the samples of a tile into weights
/// exp(-(r_i - r) / (2 noise^2)), r the smallest up to this tile; it updates r and the sum of weights, and says what
/// earlier weights are to be multiplied by. Queries are fewer than multiprocessors: a block is as large as can be.
template <class Scalar>
struct TileSoftmax {
  static constexpr int threads = 1024;
  static constexpr int halvings = 10;
  struct Shared {
    double nearest[threads];
    double weight[threads];
  };

  Index samples;            ///< of the tile
  const double* residuals;  ///< (samples, queries)
  double precision;
  Scalar* weights;  ///< (samples, queries)
  SoftmaxState* states;

  [[nodiscard]] constexpr int phases() const { return 2 * (halvings + 1) + 1; }

  constexpr void operator()(int phase, Index query, int thread, Shared& shared) const {
    const int stage = phase / (halvings + 1);
    const int halving = phase % (halvings + 1);
    if (stage == 0) {
      if (halving == 0)
        shared.nearest[thread] = nearest(query, thread);
      else
        combine(shared.nearest, halving, thread, Minimum<double>{});
    } else if (stage == 1) {
      if (halving == 0)
        shared.weight[thread] = weigh(query, thread, Minimum<double>{}(states[query].smallest, shared.nearest[0]));
      else
        combine(shared.weight, halving, thread, Add<double>{});
    } else if (thread == 0) {
      SoftmaxState& state = states[query];
      const double before = state.smallest;
      state.smallest = Minimum<double>{}(before, shared.nearest[0]);
      state.rescaling = diffarch::detail::posterior_weight(before - state.smallest, precision);
      state.weight_sum = state.rescaling * state.weight_sum + shared.weight[0];
    }
  }

 private:
  template <class Combine>
  static constexpr void combine(double* values, int halving, int thread, const Combine& combination) {
    const int active = threads >> halving;
    if (thread < active) values[thread] = combination(values[thread], values[thread + active]);
  }

  [[nodiscard]] constexpr double nearest(Index query, int thread) const {
    double result = std::numeric_limits<double>::infinity();
    for (Index i = thread; i < samples; i += threads)
      result = Minimum<double>{}(result, residuals[query * samples + i]);
    return result;
  }

  constexpr double weigh(Index query, int thread, double smallest) const {
    double sum = 0.0;
    for (Index i = thread; i < samples; i += threads) {
      const auto weight =
          static_cast<Scalar>(diffarch::detail::posterior_weight(residuals[query * samples + i] - smallest, precision));
      weights[query * samples + i] = weight;
      sum += static_cast<double>(weight);
    }
    return sum;
  }
};

/// sums[:, j] *= rescaling of query j, which is mostly 1.
template <class Scalar>
struct RescaleSums {
  Scalar* sums;
  const SoftmaxState* states;
  Index rows;
  constexpr void operator()(Index row, Index query) const {
    const auto factor = static_cast<Scalar>(states[query].rescaling);
    if (factor != Scalar(1)) sums[query * rows + row] *= factor;
  }
};

/// sums[:, j] /= sum of weights of query j.
template <class Scalar>
struct DivideByWeights {
  Scalar* sums;
  const SoftmaxState* states;
  Index rows;
  constexpr void operator()(Index row, Index query) const {
    sums[query * rows + row] /= static_cast<Scalar>(states[query].weight_sum);
  }
};

}  // namespace cuda::detail

/// Model of `Ideal` on the device, as on the host: a softmax over the training set, which stays on the device, streamed
/// over it in one pass. For 8192 training samples at a time and 128 noisy ones: their products (cuBLAS), the squared
/// distances, weights in place of the products, and the weighted sum of the training samples (cuBLAS), rescaled when a
/// nearer one is found. Where squared distances cancel, the samples that can have a weight are measured again, in
/// double. Memory beyond the training set: a tile of 8192 x 128 weights and as many doubles (12 or 16 MiB). Cost: two
/// products of 2 d n flops per sample.
template <class Scalar_>
class IdealDenoiser<Scalar_, Cuda> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cuda;
  using Storage = cuda::DeviceArray<Scalar>;

  /// Uploads the training samples (d, n).
  explicit IdealDenoiser(const Batch<Scalar>& data) : data_(Storage::upload(data)), squared_norms_(data.cols(), 1) {
    squared_norms(data_.data(), data_.cols(), cuda::StoreAt<double>{squared_norms_.data()});
    largest_norm_ = std::sqrt(cuda::reduce<double>(data_.cols(), cuda::detail::ValueOf<double>{squared_norms_.data()},
                                                   cuda::Maximum<double>{}));
  }

  [[nodiscard]] Index dimension() const noexcept { return data_.rows(); }
  /// The training samples (d, n).
  [[nodiscard]] const Storage& data() const noexcept { return data_; }

  /// x0_hat (d, n) of y (d, n); without noise, the nearest training sample. Throws DimensionMismatch when y does not
  /// have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    Storage x0_hat(y.rows(), y.cols());
    if (y.cols() == 0) return x0_hat;
    Workspace workspace(std::min(tile, data_.cols()));
    cuda::for_each_panel(y, x0_hat,
                         [&](const Scalar* panel, Scalar* result) { denoise_panel(panel, result, level, workspace); });
    return x0_hat;
  }

 private:
  static constexpr Index tile = 8192;
  static constexpr Index queries = cuda::panel_columns;

  struct Workspace {
    explicit Workspace(Index samples) : weights(samples, queries), residuals(samples, queries) {}
    Storage weights;  ///< before, the products
    cuda::DeviceArray<double> residuals;
    cuda::DeviceArray<cuda::detail::SoftmaxState> states{queries, 1};
  };

  template <class Store>
  void squared_norms(const Scalar* columns, Index count, const Store& store) const {
    cuda::reduce_columns<double>(dimension(), count, cuda::detail::SquareAt<Scalar>{columns, dimension()}, store);
  }

  /// `x0_hat` is the weighted sum until the end.
  void denoise_panel(const Scalar* y, Scalar* x0_hat, NoiseLevel level, Workspace& workspace) const {
    const Index d = dimension();
    Scalar* const weights = workspace.weights.data();
    cuda::detail::SoftmaxState* const states = workspace.states.data();
    squared_norms(y, queries, cuda::detail::StartSoftmax{states});
    for (Index first = 0; first < data_.cols(); first += tile) {
      const Index samples = std::min(tile, data_.cols() - first);
      const Scalar* const x = data_.column(first);
      cuda::gemm(true, false, samples, queries, d, Scalar(1), x, d, y, d, Scalar(0), weights, samples);
      enter_weights(x, y, first, samples, level, workspace);
      if (first > 0) Cuda::for_each(d, queries, cuda::detail::RescaleSums<Scalar>{x0_hat, states, d});
      cuda::gemm(false, false, d, queries, samples, Scalar(1), x, d, std::as_const(workspace.weights).data(), samples,
                 first > 0 ? Scalar(1) : Scalar(0), x0_hat, d);
    }
    Cuda::for_each(d, queries, cuda::detail::DivideByWeights<Scalar>{x0_hat, states, d});
  }

  /// From the products of the tile x with y to its weights, in place.
  void enter_weights(const Scalar* x, const Scalar* y, Index first, Index samples, NoiseLevel level,
                     Workspace& workspace) const {
    Scalar* const weights = workspace.weights.data();
    double* const residuals = workspace.residuals.data();
    cuda::detail::SoftmaxState* const states = workspace.states.data();
    const double precision = detail::posterior_precision(level);
    const detail::DistancesFromProducts<Scalar> distances{level.signal, precision, largest_norm_};
    const cuda::detail::TileDistances<Scalar> by_products{samples, weights, squared_norms_.data() + first, states,
                                                          distances};
    cuda::reduce_columns<double>(samples, queries, by_products, cuda::detail::SetReach<Scalar>{states, distances},
                                 cuda::Minimum<double>{}, std::numeric_limits<double>::infinity());
    const cuda::detail::Residuals<Scalar> measure{dimension(), x, y, by_products, residuals};
    cuda::for_each_block(measure.blocks(), measure);
    cuda::for_each_block(queries, cuda::detail::TileSoftmax<Scalar>{samples, residuals, precision, weights, states});
  }

  Storage data_;
  cuda::DeviceArray<double> squared_norms_;  ///< |x_i|^2, (n)
  double largest_norm_ = 0.0;
};

}  // namespace diffarch
