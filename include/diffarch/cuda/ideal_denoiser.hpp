#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "diffarch/cuda/linear_algebra.hpp"
#include "diffarch/denoiser/ideal_denoiser.hpp"

namespace diffarch {

namespace cuda::detail {

/// values[i, j]^2 in double, for reductions over columns.
template <class Scalar>
struct SquareOf {
  const Scalar* values;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    const auto value = static_cast<double>(values[column * rows + row]);
    return value * value;
  }
};

/// values[i], for reductions.
template <class Value>
struct ValueOf {
  const Value* values;
  constexpr Value operator()(Index i) const { return values[i]; }
};

/// Block kernel: block j turns the products x_i . y_j with one tile of training samples into weights
/// exp(-(r_i - r) / (2 noise^2)), r_i = |y_j - signal x_i|^2 and r the smallest up to this tile; it updates r and the
/// sum of weights, and says what earlier weights are to be multiplied by.
template <class Scalar>
struct TileSoftmax {
  static constexpr int threads = 256;
  static constexpr int halvings = 8;
  struct Shared {
    double nearest[threads];   ///< squared distance by the products
    double measured[threads];  ///< squared distance where that had to be measured again
    double weight[threads];
  };

  Index samples;  ///< of the tile
  Index d;
  const Scalar* x;          ///< (d, samples)
  const double* x_squared;  ///< (samples)
  const Scalar* y;          ///< (d, queries)
  const double* y_squared;  ///< (queries)
  diffarch::detail::DistancesFromProducts<Scalar> distances;
  Scalar* weights;     ///< (samples, queries): before, the products
  double* residuals;   ///< (samples, queries): squared distances
  double* smallest;    ///< (queries)
  double* weight_sum;  ///< (queries)
  Scalar* rescaling;   ///< (queries)

  [[nodiscard]] constexpr int phases() const { return 3 * (halvings + 1) + 1; }

  constexpr void operator()(int phase, Index query, int thread, Shared& shared) const {
    const int stage = phase / (halvings + 1);
    const int halving = phase % (halvings + 1);
    if (stage == 0) {
      if (halving == 0)
        find_nearest(query, thread, shared);
      else
        combine(shared.nearest, halving, thread, Minimum<double>{});
    } else if (stage == 1) {
      if (halving == 0)
        measure_again(query, thread, shared);
      else
        combine(shared.measured, halving, thread, Minimum<double>{});
    } else if (stage == 2) {
      if (halving == 0)
        weigh(query, thread, shared);
      else
        combine(shared.weight, halving, thread, Add<double>{});
    } else if (thread == 0) {
      const double before = smallest[query];
      const double nearest = shared.measured[0] < before ? shared.measured[0] : before;
      const double factor = diffarch::detail::posterior_weight(before - nearest, distances.precision);
      smallest[query] = nearest;
      weight_sum[query] = factor * weight_sum[query] + shared.weight[0];
      rescaling[query] = static_cast<Scalar>(factor);
    }
  }

 private:
  template <class Combine>
  static constexpr void combine(double* values, int halving, int thread, const Combine& combination) {
    const int active = threads >> halving;
    if (thread < active) values[thread] = combination(values[thread], values[thread + active]);
  }

  constexpr void find_nearest(Index query, int thread, Shared& shared) const {
    double nearest = std::numeric_limits<double>::infinity();
    for (Index i = thread; i < samples; i += threads) {
      const double residual = distances.squared_distance(y_squared[query], weights[query * samples + i], x_squared[i]);
      residuals[query * samples + i] = residual;
      if (residual < nearest) nearest = residual;
    }
    shared.nearest[thread] = nearest;
  }

  /// Few samples are within reach, so that a thread measures its own alone.
  constexpr void measure_again(Index query, int thread, Shared& shared) const {
    const double error = distances.error(y_squared[query]);
    if (!distances.must_be_measured(error)) {
      shared.measured[thread] = shared.nearest[0];
      return;
    }
    const double in_tile = shared.nearest[0];
    const double reach = distances.reach(in_tile < smallest[query] ? in_tile : smallest[query], error);
    double nearest = std::numeric_limits<double>::infinity();
    for (Index i = thread; i < samples; i += threads) {
      double& residual = residuals[query * samples + i];
      residual = residual > reach ? std::numeric_limits<double>::infinity() : measured_distance(i, query);
      if (residual < nearest) nearest = residual;
    }
    shared.measured[thread] = nearest;
  }

  [[nodiscard]] constexpr double measured_distance(Index i, Index query) const {
    double sum = 0.0;
    for (Index row = 0; row < d; ++row) {
      const double difference =
          static_cast<double>(y[query * d + row]) - distances.signal * static_cast<double>(x[i * d + row]);
      sum += difference * difference;
    }
    return sum;
  }

  constexpr void weigh(Index query, int thread, Shared& shared) const {
    const double nearest = shared.measured[0] < smallest[query] ? shared.measured[0] : smallest[query];
    double sum = 0.0;
    for (Index i = thread; i < samples; i += threads) {
      const auto weight = static_cast<Scalar>(
          diffarch::detail::posterior_weight(residuals[query * samples + i] - nearest, distances.precision));
      weights[query * samples + i] = weight;
      sum += static_cast<double>(weight);
    }
    shared.weight[thread] = sum;
  }
};

/// Before the first tile.
struct StartSoftmax {
  double* smallest;
  double* weight_sum;
  constexpr void operator()(Index query, Index /*column*/) const {
    smallest[query] = std::numeric_limits<double>::infinity();
    weight_sum[query] = 0.0;
  }
};

/// values[:, j] *= factors[j].
template <class Scalar>
struct ScaleColumns {
  Scalar* values;
  const Scalar* factors;
  Index rows;
  constexpr void operator()(Index row, Index column) const { values[column * rows + row] *= factors[column]; }
};

/// values[:, j] /= divisors[j].
template <class Scalar>
struct DivideColumns {
  Scalar* values;
  const double* divisors;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    values[column * rows + row] /= static_cast<Scalar>(divisors[column]);
  }
};

}  // namespace cuda::detail

/// Model of `Ideal` on the device, as on the host: a softmax over the training set, which stays on the device, streamed
/// over it in one pass. For 8192 training samples at a time and 128 noisy ones: their products (cuBLAS), weights in
/// place by one block for each noisy sample, and the weighted sum of the training samples (cuBLAS), rescaled when a
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
    squared_norms(data_.data(), data_.cols(), squared_norms_);
    largest_norm_ = std::sqrt(cuda::reduce<double>(data_.cols(), cuda::detail::ValueOf<double>{squared_norms_.data()},
                                                   cuda::Maximum<double>{}));
  }

  [[nodiscard]] Index dimension() const noexcept { return data_.rows(); }
  /// The training samples (d, n).
  [[nodiscard]] const Storage& data() const noexcept { return data_; }

  /// x0_hat (d, n) of y (d, n); without noise, the nearest training sample. Throws DimensionMismatch when y does not
  /// have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    detail::require<DimensionMismatch>(y.rows() == dimension(), "denoise: y is ", detail::shape_text(y),
                                       " but the model has dimension ", dimension());
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
    Storage weights;
    cuda::DeviceArray<double> residuals;
    cuda::DeviceArray<double> y_squared{queries, 1};
    cuda::DeviceArray<double> smallest{queries, 1};
    cuda::DeviceArray<double> weight_sum{queries, 1};
    Storage rescaling{queries, 1};
  };

  void squared_norms(const Scalar* columns, Index count, cuda::DeviceArray<double>& result) const {
    cuda::reduce_columns<double>(dimension(), count, cuda::detail::SquareOf<Scalar>{columns, dimension()},
                                 cuda::StoreAt<double>{result.data()});
  }

  /// `x0_hat` is the weighted sum until the end.
  void denoise_panel(const Scalar* y, Scalar* x0_hat, NoiseLevel level, Workspace& workspace) const {
    const Index d = dimension();
    squared_norms(y, queries, workspace.y_squared);
    Cuda::for_each(queries, 1, cuda::detail::StartSoftmax{workspace.smallest.data(), workspace.weight_sum.data()});
    for (Index first = 0; first < data_.cols(); first += tile) {
      const Index samples = std::min(tile, data_.cols() - first);
      const Scalar* const x = data_.column(first);
      cuda::gemm(true, false, samples, queries, d, Scalar(1), x, d, y, d, Scalar(0), workspace.weights.data(), samples);
      cuda::for_each_block(
          queries, cuda::detail::TileSoftmax<Scalar>{samples,
                                                     d,
                                                     x,
                                                     squared_norms_.data() + first,
                                                     y,
                                                     workspace.y_squared.data(),
                                                     {level.signal, detail::posterior_precision(level), largest_norm_},
                                                     workspace.weights.data(),
                                                     workspace.residuals.data(),
                                                     workspace.smallest.data(),
                                                     workspace.weight_sum.data(),
                                                     workspace.rescaling.data()});
      if (first > 0)
        Cuda::for_each(d, queries, cuda::detail::ScaleColumns<Scalar>{x0_hat, workspace.rescaling.data(), d});
      cuda::gemm(false, false, d, queries, samples, Scalar(1), x, d, std::as_const(workspace.weights).data(), samples,
                 first > 0 ? Scalar(1) : Scalar(0), x0_hat, d);
    }
    Cuda::for_each(d, queries, cuda::detail::DivideColumns<Scalar>{x0_hat, workspace.weight_sum.data(), d});
  }

  Storage data_;
  cuda::DeviceArray<double> squared_norms_;  ///< |x_i|^2, (n)
  double largest_norm_ = 0.0;
};

}  // namespace diffarch
