#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/cuda/denoiser/random_feature_fit.hpp"
#include "diffarch/cuda/denoiser/window_groups.hpp"
#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"

namespace diffarch {

namespace cuda {

/// The fits of all windows of one noise level, on the device. Windows lie in the order of their groups.
template <class Scalar>
struct DevicePatchFit {
  Index patch_size = 0;                     ///< S
  DeviceArray<Scalar> directions;           ///< R^T: (S S channels, p)
  DeviceArray<double> bias;                 ///< (p, 1)
  DeviceArray<double> preactivation_scale;  ///< (p, windows)
  DeviceArray<double> feature_scale;        ///< (p, windows)
  DeviceArray<double> feature_mean;         ///< (p, windows)
  DeviceArray<double> coefficients;         ///< (p, d): a column for every value that a window serves

  [[nodiscard]] Index window_count() const noexcept { return feature_scale.cols(); }
};

namespace detail {

/// Deviations of the patches of each window from their mean: a block for each.
template <class Real, class Scalar>
struct PatchValue {
  const Scalar* patches;
  Index size;  ///< values of a window
  constexpr Real operator()(Index i, Index window) const { return static_cast<Real>(patches[window * size + i]); }
};
template <class Real, class Scalar>
struct SquaredDeviation {
  const Scalar* patches;
  const Real* mean;
  Index size;
  constexpr Real operator()(Index i, Index window) const {
    const Real deviation = static_cast<Real>(patches[window * size + i]) - mean[window];
    return deviation * deviation;
  }
};

/// scale (p, windows) = legacy_scale(deviation), from sums of squared deviations.
template <class Real>
struct InverseDeviationOfWindow {
  Real* scale;
  const Real* sum;
  Real divisor;
  Index p;
  constexpr void operator()(Index row, Index window) const {
    scale[window * p + row] = diffarch::detail::legacy_scale(std::sqrt(sum[window] / divisor));
  }
};

}  // namespace detail
}  // namespace cuda

/// Model of `PatchPolynomial<Degree, Averaging>` on the device: that of PatchPolynomialDenoiser. Windows that serve
/// equally many pixels are fitted and applied together, as many at a time as `memory_budget` bytes hold (one at least).
/// Kept of a level: 8 p (values of an image) bytes.
template <int Degree, class Averaging, class Scalar_>
class DevicePatchPolynomialDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cuda;
  using Storage = cuda::DeviceArray<Scalar>;
  using Architecture = PatchPolynomial<Degree, Averaging>;
  using LevelFit = cuda::DevicePatchFit<Scalar>;
  using WindowFit = RandomFeatureFit<Averaging, Cuda>;
  static constexpr bool is_exact = std::is_same_v<Averaging, ExactAverage>;
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;
  static constexpr Index default_budget = Index{256} << 20;

  /// Keeps a copy of the data (d, n) on the device. Throws like check_patch_polynomial.
  DevicePatchPolynomialDenoiser(const Architecture& architecture, const Batch<Scalar>& data, const NoiseLevels& levels,
                                Index memory_budget = default_budget)
      : architecture_(architecture), levels_(levels), memory_budget_(memory_budget) {
    detail::check_patch_polynomial(architecture, data, levels);
    data_ = Storage::upload(data);
    const Vector<double> mean = data.template cast<double>().rowwise().mean();
    mean_ = Array::upload(mean);
  }

  [[nodiscard]] Index dimension() const noexcept { return mean_.rows(); }
  [[nodiscard]] const Architecture& architecture() const noexcept { return architecture_; }

  /// Fits a level in advance and keeps it, when architecture.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (architecture_.keep_levels) fits_.add(level, fit_at(level));
  }

  /// The fit of a level, with the window and width of the nearest level of the schedule. Throws NumericalError, naming
  /// degree, sigma and window, when a fit fails. Waits once for what a level shares, and at the end.
  [[nodiscard]] LevelFit fit_at(NoiseLevel level) const {
    const ImageShape& shape = architecture_.shape;
    const Index step = levels_.nearest_step(level);
    const Index p = architecture_.patches.width(step, levels_.steps());
    LevelFit fit;
    fit.patch_size = architecture_.patches.patch_size(step, levels_.steps(), shape);
    const Index patch_values = fit.patch_size * fit.patch_size * shape.channels;
    fit.directions = detail::draw_directions<Cuda, Scalar>(patch_values, p, architecture_.seed,
                                                           streams::level_directions(level.sigma()));
    fit.bias = detail::draw_biases<Cuda>(p, architecture_.bias, architecture_.seed);
    const Index windows_in_row = shape.width - fit.patch_size + 1;
    const Index count = (shape.height - fit.patch_size + 1) * windows_in_row;
    for (Array* const vector : {&fit.preactivation_scale, &fit.feature_scale, &fit.feature_mean})
      *vector = Array(p, count);
    fit.coefficients = Array(p, dimension());

    const NoiseLevel vp = level.variance_preserving();
    const typename WindowFit::Noise noise = WindowFit::noise_of(fit.directions);
    Array draws;
    if constexpr (!is_exact)
      draws = LinearAlgebra<Cuda>::multiply_lower(
          WindowFit::noise_factor(noise),
          Cuda::normal<double>(p, data_.cols(), architecture_.averaging.noise, streams::fit_noise(level.sigma()), 0));
    cuda::FitStatus status(count);
    for_each_chunk(fit, bytes_to_fit(fit),
                   [&](const Chunk& chunk) { fit_chunk(fit, chunk, vp, noise, draws, status); });
    require_success(status.download(), fit, level);
    return fit;
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    return fits_.with(
        level, [this](NoiseLevel missing) { return fit_at(missing); },
        [&](const LevelFit& fit) { return apply(fit, y, level); });
  }

 private:
  using Array = cuda::DeviceArray<double>;

  /// Samples that are predicted together, the last of them filled up: shapes of products, and with them every bit, do
  /// not depend on how many samples there are.
  static constexpr Index panel = 64;

  /// Windows [first, first + count) of a group.
  struct Chunk {
    cuda::WindowGroup group;
    Index first = 0;
    Index count = 0;
    Index place = 0;         ///< of its first window in the level's vectors
    Index served_place = 0;  ///< of its first value in the level's coefficients
  };

  /// Calls visit(chunk) for all windows, as many at a time as the budget holds; bytes(group) of one window.
  template <class Bytes, class Visit>
  void for_each_chunk(const LevelFit& fit, const Bytes& bytes, const Visit& visit) const {
    Index place = 0;
    Index served_place = 0;
    for (const cuda::WindowGroup& group : cuda::window_groups(architecture_.shape, fit.patch_size)) {
      const Index at_once = std::clamp<Index>(memory_budget_ / bytes(group), 1, group.count);
      for (Index first = 0; first < group.count; first += at_once) {
        const Index count = std::min(at_once, group.count - first);
        visit(Chunk{group, first, count, place, served_place});
        place += count;
        served_place += count * group.served_values;
      }
    }
  }

  /// Returns a function that computes the bytes of a window during its fit: its patches, four arrays of preactivations,
  /// and a few arrays of the values that it serves.
  [[nodiscard]] auto bytes_to_fit(const LevelFit& fit) const {
    return [p = fit.directions.cols(), n = data_.cols()](const cuda::WindowGroup& group) {
      constexpr auto size = static_cast<Index>(sizeof(Scalar));
      return size * group.patch_values() * n + 8 * (6 * p * n + p * p + group.served_values * n);
    };
  }
  [[nodiscard]] static auto bytes_to_apply(const LevelFit& fit) {
    return [p = fit.directions.cols()](const cuda::WindowGroup& group) {
      constexpr auto size = static_cast<Index>(sizeof(Scalar));
      return panel * (size * (group.patch_values() + p) + 8 * (p + group.served_values));
    };
  }

  /// R P of the patches of all windows of a chunk, n samples each.
  [[nodiscard]] static Storage project(const LevelFit& fit, const Storage& patches) {
    const Index p = fit.directions.cols();
    Storage projected(p, patches.cols());
    cuda::gemm(true, false, p, patches.cols(), patches.rows(), Scalar(1), fit.directions.data(), patches.rows(),
               patches.data(), patches.rows(), Scalar(0), projected.data(), p);
    return projected;
  }

  [[nodiscard]] static Storage gather(const Chunk& chunk, const Storage& images, Index n, Index first_sample) {
    Storage patches(chunk.group.patch_values(), n * chunk.count);
    Cuda::for_each(patches.rows(), patches.cols(),
                   cuda::detail::GatherPatches<Scalar>{patches.data(), images.data(), chunk.group, images.rows(),
                                                       images.cols(), n, chunk.first, first_sample});
    return patches;
  }

  /// scale * (R P) + bias + noise_scale * draws, in double.
  [[nodiscard]] static Array preactivations(const LevelFit& fit, const cuda::FeatureLayout& layout,
                                            const Storage& projected, double scale, const Array& draws,
                                            double noise_scale) {
    Array a(layout.p, layout.columns());
    Cuda::for_each(a.rows(), a.cols(),
                   cuda::detail::Preactivation<double, Scalar>{a.data(), projected.data(), fit.bias.data(),
                                                               draws.data(), scale, noise_scale, layout});
    return a;
  }

  /// (p, windows): one over the standard deviation of each window's patches for Legacy, else ones.
  [[nodiscard]] static Array unit_scales(const Storage& patches, const cuda::FeatureLayout& layout) {
    if constexpr (!is_legacy) {
      return cuda::filled(layout.p, layout.count, 1.0);
    } else {
      const Index size = patches.rows() * layout.n;
      Array mean(layout.count, 1);
      Array sum(layout.count, 1);
      cuda::reduce_columns<double>(size, layout.count, cuda::detail::PatchValue<double, Scalar>{patches.data(), size},
                                   cuda::detail::StoreScaled<double>{mean.data(), 1.0 / static_cast<double>(size)});
      cuda::reduce_columns<double>(size, layout.count,
                                   cuda::detail::SquaredDeviation<double, Scalar>{patches.data(), mean.data(), size},
                                   cuda::StoreAt<double>{sum.data()});
      Array scales(layout.p, layout.count);
      Cuda::for_each(layout.p, layout.count,
                     cuda::detail::InverseDeviationOfWindow<double>{scales.data(), sum.data(),
                                                                    static_cast<double>(size - 1), layout.p});
      return scales;
    }
  }

  [[nodiscard]] WindowFit fit_windows(const LevelFit& fit, const Chunk& chunk, const cuda::FeatureLayout& layout,
                                      NoiseLevel vp, const typename WindowFit::Noise& noise, const Array& draws,
                                      cuda::FitStatus& status) const {
    const Storage patches = gather(chunk, data_, layout.n, 0);
    Array a = preactivations(fit, layout, project(fit, patches), vp.signal, draws, vp.noise);
    if constexpr (is_exact)
      return WindowFit::fit_all(layout, Degree, architecture_.averaging, a, noise, vp.noise * vp.noise, status,
                                chunk.place);
    else
      return WindowFit::fit_all(layout, Degree, architecture_.averaging, std::move(a), unit_scales(patches, layout),
                                status, chunk.place);
  }

  void fit_chunk(LevelFit& fit, const Chunk& chunk, NoiseLevel vp, const typename WindowFit::Noise& noise,
                 const Array& draws, cuda::FitStatus& status) const {
    const cuda::FeatureLayout layout{fit.directions.cols(), data_.cols(), chunk.count};
    const WindowFit windows = fit_windows(fit, chunk, layout, vp, noise, draws, status);
    const auto keep = [&](Array& all, const Array& own) {
      Array::copy_values(all.column(chunk.place), own.data(), own.size());
    };
    keep(fit.preactivation_scale, windows.preactivation_scale);
    keep(fit.feature_scale, windows.feature_scale);
    keep(fit.feature_mean, windows.feature_mean);

    const auto [p, n, count] = layout;
    const Index served = chunk.group.served_values;
    Array targets(served, layout.columns());
    Cuda::for_each(served, targets.cols(),
                   cuda::detail::GatherTargets<double, Scalar>{targets.data(), data_.data(), mean_.data(), chunk.group,
                                                               dimension(), n, chunk.first});
    double* const coefficients = fit.coefficients.column(chunk.served_place);
    cuda::gemm_batch(false, true, p, served, n, 1.0, windows.features.data(), p, p * n, std::as_const(targets).data(),
                     served, served * n, 0.0, coefficients, p, p * served, count);
    cuda::solve_all(p, count, windows.factor.data(), served, coefficients);
  }

  void require_success(const Matrix<int>& codes, const LevelFit& fit, NoiseLevel level) const {
    const Index windows_in_row = architecture_.shape.width - fit.patch_size + 1;
    const Index count = fit.window_count();
    Index worst = count;  // the first in the order of the image that went wrong, and its place
    Index worst_place = 0;
    Index place = 0;
    for (const cuda::WindowGroup& group : cuda::window_groups(architecture_.shape, fit.patch_size))
      for (Index window = 0; window < group.count; ++window, ++place)
        if (codes(place, 0) != 0 || codes(place, 1) != 0)
          if (const Index number = group.number(window, windows_in_row); number < worst) {
            worst = number;
            worst_place = place;
          }
    if (worst < count)
      detail::require_window(
          architecture_, level, worst, count,
          cuda::problem_of<Averaging>(codes(worst_place, 0), codes(worst_place, 1), fit.directions.cols(), Degree));
  }

  [[nodiscard]] Storage apply(const LevelFit& fit, const Storage& y, NoiseLevel level) const {
    Storage x0_hat(y.rows(), y.cols());
    for (Index first_sample = 0; first_sample < y.cols(); first_sample += panel)
      for_each_chunk(fit, bytes_to_apply(fit),
                     [&](const Chunk& chunk) { apply_chunk(fit, chunk, y, level, first_sample, x0_hat); });
    return x0_hat;
  }

  void apply_chunk(const LevelFit& fit, const Chunk& chunk, const Storage& y, NoiseLevel level, Index first_sample,
                   Storage& x0_hat) const {
    const cuda::FeatureLayout layout{fit.directions.cols(), panel, chunk.count};
    const Index p = layout.p;
    Array h =
        preactivations(fit, layout, project(fit, gather(chunk, y, panel, first_sample)), 1.0 / level.scale(), {}, 0.0);
    cuda::power_features_in_place(layout, Degree, is_legacy, h.data(), fit.preactivation_scale.column(chunk.place),
                                  fit.feature_scale.column(chunk.place), fit.feature_mean.column(chunk.place));
    const Index served = chunk.group.served_values;
    Array changes(served, layout.columns());
    cuda::gemm_batch(true, false, served, panel, p, 1.0, fit.coefficients.column(chunk.served_place), p, p * served,
                     std::as_const(h).data(), p, p * panel, 0.0, changes.data(), served, served * panel, chunk.count);
    Cuda::for_each(
        served, changes.cols(),
        cuda::detail::ScatterPredictions<double, Scalar>{x0_hat.data(), changes.data(), mean_.data(), chunk.group,
                                                         dimension(), y.cols(), panel, chunk.first, first_sample});
  }

  Architecture architecture_;
  Storage data_;
  Array mean_;
  NoiseLevels levels_;
  Index memory_budget_;
  detail::LevelFits<LevelFit> fits_;
};

template <int Degree, class Averaging, class Scalar>
struct Fitter<PatchPolynomial<Degree, Averaging>, Cuda, Scalar>
    : detail::PatchPolynomialFitter<Degree, Averaging, Scalar,
                                    DevicePatchPolynomialDenoiser<Degree, Averaging, Scalar>> {};

}  // namespace diffarch
