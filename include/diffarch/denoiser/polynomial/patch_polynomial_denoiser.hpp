#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/polynomial/level_fits.hpp"
#include "diffarch/denoiser/polynomial/random_feature_fit.hpp"
#include "diffarch/denoiser/polynomial/window_projections.hpp"

namespace diffarch {

namespace detail {

/// Throws DimensionMismatch when the data (d, n) are no images of the architecture's shape, InvalidArgument for a bad
/// patch schedule, ridge, a bias with Legacy, or Legacy of a single sample.
template <int Degree, class Averaging, class Scalar>
void check_patch_polynomial(const PatchPolynomial<Degree, Averaging>& architecture, const Batch<Scalar>& data,
                            const NoiseLevels& levels) {
  require<DimensionMismatch>(data.rows() == architecture.shape.size(), "PatchPolynomial: the data are ",
                             shape_text(data), ", but an image of ", shape_text(architecture.shape), " has ",
                             architecture.shape.size(), " values; set PatchPolynomial::shape");
  check_averaging(architecture.averaging, architecture.bias);
  check_samples<Averaging>(data.cols());
  for (Index step = 0; step < levels.steps(); ++step)
    static_cast<void>(architecture.patches.patch_size(step, levels.steps(), architecture.shape));
}

/// Throws NumericalError when the fit of a window went wrong; `problem` says how, empty when it did not.
template <int Degree, class Averaging>
void require_window(const PatchPolynomial<Degree, Averaging>& architecture, NoiseLevel level, Index window, Index count,
                    const std::string& problem) {
  require<NumericalError>(problem.empty(), "PatchPolynomial of degree ", Degree, " at sigma = ", level.sigma(),
                          ", window ", window, " of ", count, ", ridge ", architecture.averaging.ridge, ": ", problem);
}

}  // namespace detail

/// The fits of all windows of one noise level.
template <class Scalar>
struct PatchLevelFit {
  /// The fit of one window: x0_hat of the pixels that the window serves = mean + coefficients (h(y) - feature_mean).
  struct Window {
    Vector<double> preactivation_scale;  ///< (p)
    Vector<double> feature_scale;        ///< (p)
    Vector<double> feature_mean;         ///< (p)
    Matrix<double> coefficients;         ///< (served values, p)
  };

  Index patch_size = 0;         ///< S
  Batch<Scalar> directions;     ///< R^T: (S S channels, p)
  Vector<double> bias;          ///< (p)
  std::vector<Window> windows;  ///< row by row

  [[nodiscard]] Index window_count() const noexcept { return static_cast<Index>(windows.size()); }
};

/// Model of `PatchPolynomial<Degree, Averaging>`. Windows are fitted and applied independently, shared by threads.
/// Memory of a level: 8 p (values of an image) bytes for the coefficients, whatever the window; during the fit the
/// frequencies of the data, 64 MiB or one row of projected windows, and per thread a few (p, p) and (p, n) arrays.
template <int Degree, class Averaging, class Scalar_>
class PatchPolynomialDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;
  using Architecture = PatchPolynomial<Degree, Averaging>;
  using LevelFit = PatchLevelFit<Scalar>;
  using WindowFit = RandomFeatureFit<Averaging>;
  static constexpr bool is_exact = std::is_same_v<Averaging, ExactAverage>;

  /// Keeps a copy of the data (d, n). Throws like check_patch_polynomial.
  PatchPolynomialDenoiser(const Architecture& architecture, const Batch<Scalar>& data, const NoiseLevels& levels)
      : architecture_(architecture),
        data_(data),
        mean_(LinearAlgebra<Cpu>::mean(data)),
        scatter_(Batch<double>::Zero(data.rows(), 1)),
        levels_(levels) {
    detail::check_patch_polynomial(architecture, data, levels);
    parallel_for_rows(data_, [&](Index first, const auto& rows) {
      auto scatter = scatter_.col(0).segment(first, rows.rows());
      const auto mean = mean_.col(0).segment(first, rows.rows());
      for (Index image = 0; image < rows.cols(); ++image)
        scatter += (rows.col(image).template cast<double>() - mean).cwiseAbs2();
    });
  }

  [[nodiscard]] Index dimension() const noexcept { return data_.rows(); }
  [[nodiscard]] const Architecture& architecture() const noexcept { return architecture_; }

  /// Fits a level in advance and keeps it, when architecture.keep_levels says so.
  void fit_level(NoiseLevel level) {
    if (architecture_.keep_levels) fits_.add(level, fit_at(level));
  }

  /// The fit of a level, with the window and width of the nearest level of the schedule. Throws NumericalError, naming
  /// degree, sigma and window, when a fit fails.
  [[nodiscard]] LevelFit fit_at(NoiseLevel level) const {
    const ImageShape& shape = architecture_.shape;
    const Index step = levels_.nearest_step(level);
    LevelFit fit;
    fit.patch_size = architecture_.patches.patch_size(step, levels_.steps(), shape);
    const Index p = architecture_.patches.width(step, levels_.steps());
    const Index patch_values = fit.patch_size * fit.patch_size * shape.channels;
    fit.directions = detail::draw_directions<Cpu, Scalar>(patch_values, p, architecture_.seed,
                                                          streams::level_directions(level.sigma()));
    fit.bias = detail::draw_biases<Cpu>(p, architecture_.bias, architecture_.seed);

    const NoiseLevel vp = level.variance_preserving();
    Matrix<double> noise = WindowFit::noise_of(fit.directions);
    if constexpr (is_exact)
      noise *= vp.noise * vp.noise;
    else
      noise = vp.noise *
              LinearAlgebra<Cpu>::multiply_lower(WindowFit::noise_factor(noise),
                                                 normal_batch<double>(p, data_.cols(), architecture_.averaging.noise,
                                                                      streams::fit_noise(level.sigma())));
    const detail::WindowProjections<Scalar> projections(fit.directions, fit.patch_size, data_, shape);
    const Index rows = shape.height - fit.patch_size + 1;
    const Index columns = projections.columns();
    const Index count = rows * columns;
    fit.windows.resize(static_cast<std::size_t>(count));
    std::vector<std::string> problems(fit.windows.size());
    const Index row_bytes = p * data_.cols() * columns * static_cast<Index>(sizeof(Scalar));
    const Index rows_at_once = std::clamp<Index>(projections_in_memory / row_bytes, 1, rows);
    for (Index row = 0; row < rows; row += rows_at_once) {
      const Matrix<Scalar> projected = projections.of_rows(row, std::min(rows_at_once, rows - row));
      parallel_for(projected.cols(), p * p * data_.cols(), [&](Index window) {
        const auto at = static_cast<std::size_t>(row * columns + window);
        const Eigen::Map<const Matrix<Scalar>> of_window(projected.col(window).data(), p, data_.cols());
        try {
          fit.windows[at] = fit_window(fit, row + window / columns, window % columns, vp, of_window, noise);
        } catch (const std::exception& error) {  // an exception may not leave the threads
          problems[at] = error.what();
        }
      });
    }
    for (std::size_t at = 0; at < problems.size(); ++at)
      detail::require_window(architecture_, level, static_cast<Index>(at), count, problems[at]);
    return fit;
  }

  /// x0_hat (d, n) of y (d, n). Throws DimensionMismatch when y does not have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    return fits_.with(
        level, [this](NoiseLevel missing) { return fit_at(missing); },
        [&](const LevelFit& fit) { return apply(fit, y, level); });
  }

 private:
  static constexpr Index projections_in_memory = Index{1} << 26;  // bytes, or those of one row of windows

  template <class Value>
  [[nodiscard]] Batch<Value> window_of(const Batch<Value>& images, Index row, Index column, Index size) const {
    return detail::window_of(images, architecture_.shape, row, column, size);
  }

  /// Calls visit(first value, number of values, place) for every run of values that a window serves; places count the
  /// served values.
  template <class Visit>
  void for_served_runs(Index row, Index column, Index size, const Visit& visit) const {
    const ImageShape& shape = architecture_.shape;
    const PixelRange rows = pixels_of_window(row, size, shape.height);
    const PixelRange columns = pixels_of_window(column, size, shape.width);
    const Index run = (columns.end - columns.begin) * shape.channels;
    for (Index line = rows.begin; line < rows.end; ++line)
      visit((line * shape.width + columns.begin) * shape.channels, run, (line - rows.begin) * run);
  }

  [[nodiscard]] Index served_values(Index row, Index column, Index size) const {
    Index count = 0;
    for_served_runs(row, column, size, [&](Index, Index run, Index) { count += run; });
    return count;
  }

  [[nodiscard]] typename LevelFit::Window fit_window(const LevelFit& fit, Index row, Index column, NoiseLevel vp,
                                                     const Eigen::Map<const Matrix<Scalar>>& projected,
                                                     const Matrix<double>& noise) const {
    using Algebra = LinearAlgebra<Cpu>;
    const auto a = (vp.signal * projected.template cast<double>()).colwise() + fit.bias;
    WindowFit window = [&] {
      if constexpr (is_exact)
        return WindowFit::fit(Degree, architecture_.averaging, Matrix<double>(a), noise);
      else
        return WindowFit::fit(
            Degree, architecture_.averaging, Matrix<double>(a + noise),
            detail::deviation_of_values(window_of(mean_, row, column, fit.patch_size),
                                        window_of(scatter_, row, column, fit.patch_size), data_.cols()));
    }();
    Matrix<double> served(data_.cols(), served_values(row, column, fit.patch_size));
    for_served_runs(row, column, fit.patch_size, [&](Index first, Index run, Index place) {
      const auto mean = mean_.col(0).segment(first, run);
      served.middleCols(place, run) =
          (data_.middleRows(first, run).template cast<double>().colwise() - mean).transpose();
    });
    const Matrix<double> cross = Algebra::multiply(window.features, served);
    return {std::move(window.preactivation_scale), std::move(window.feature_scale), std::move(window.feature_mean),
            Algebra::cholesky_solve(window.factor, cross).transpose()};
  }

  [[nodiscard]] Batch<Scalar> apply(const LevelFit& fit, const Batch<Scalar>& y, NoiseLevel level) const {
    using Algebra = LinearAlgebra<Cpu>;
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    const Index columns = architecture_.shape.width - fit.patch_size + 1;
    const auto count = static_cast<Index>(fit.windows.size());
    parallel_for(count, fit.directions.size() * y.cols(), [&](Index number) {
      const Index row = number / columns;
      const Index column = number % columns;
      const auto& window = fit.windows[static_cast<std::size_t>(number)];
      const Batch<Scalar> projected =
          Algebra::multiply_transposed(fit.directions, window_of(y, row, column, fit.patch_size));
      const Matrix<double> a = (projected.template cast<double>() / level.scale()).colwise() + fit.bias;
      const WindowFit features{Degree, window.preactivation_scale, window.feature_scale, window.feature_mean, {}, {}};
      const Matrix<double> change = Algebra::multiply(window.coefficients, features.centred_features(a));
      for_served_runs(row, column, fit.patch_size, [&](Index first, Index run, Index place) {
        x0_hat.middleRows(first, run) =
            (change.middleRows(place, run).colwise() + mean_.col(0).segment(first, run)).template cast<Scalar>();
      });
    });
    return x0_hat;
  }

  Architecture architecture_;
  Batch<Scalar> data_;
  Batch<double> mean_;     // (d, 1)
  Batch<double> scatter_;  // (d, 1): sums of squares about the mean
  NoiseLevels levels_;
  detail::LevelFits<LevelFit> fits_;
};

namespace detail {

/// The Fitter of local polynomials, for the model of a backend. Data: a batch (d, n) of images.
template <int Degree, class Averaging, class Scalar, class ModelType>
struct PatchPolynomialFitter {
  using Model = ModelType;

  [[nodiscard]] static Model fit(const PatchPolynomial<Degree, Averaging>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return fit_levels(architecture.name(), levels, progress, [&] { return Model(architecture, data, levels); });
  }
};

}  // namespace detail

template <int Degree, class Averaging, class Scalar>
struct Fitter<PatchPolynomial<Degree, Averaging>, Cpu, Scalar>
    : detail::PatchPolynomialFitter<Degree, Averaging, Scalar, PatchPolynomialDenoiser<Degree, Averaging, Scalar>> {};

}  // namespace diffarch
