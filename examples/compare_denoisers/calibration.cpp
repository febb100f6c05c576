#include "compare_denoisers/calibration.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "common/architectures/samplers.hpp"
#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/blend.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/solver/shift_averaged_moments.hpp"

namespace figures {

using namespace diffarch;

namespace {

constexpr double box = std::numeric_limits<double>::infinity();  // the spread of a window whose pixels count alike

/// Windows of all sizes for an image. Sizes are odd, so that the pixel is in the middle, and finer where they are
/// small; with the largest every window sees the whole image.
std::vector<PatchWindow> windows_for(const ImageShape& shape, Padding border, const std::vector<double>& spreads,
                                     const std::vector<double>& temperatures) {
  const Index side = std::max(shape.height, shape.width);
  const Index largest = border == Padding::circular ? side : 2 * side - 1;
  std::vector<Index> sizes;
  for (const Index size : {1, 3, 5, 7, 9, 11, 15, 19, 23, 31, 47, 63})
    if (size < largest) sizes.push_back(size);
  sizes.push_back(largest);
  std::vector<PatchWindow> windows;
  for (const Index size : sizes)
    for (const double spread : spreads)
      if (size > 1 || spread == box)  // of one pixel, all are boxes
        for (const double temperature : temperatures)
          windows.push_back({.size = size, .temperature = temperature, .spread = spread});
  return windows;
}

/// x0_hat of a sampler's denoiser at the noisy images of every level.
std::vector<Batch<float>> predictions_of(const AnySampler<float>& sampler, const SampledTrajectory<float>& network) {
  std::vector<Batch<float>> predictions;
  for (std::size_t at = 0; at < network.noisy.size(); ++at)
    predictions.push_back(sampler.denoise(network.noisy[at], sampler.levels()[static_cast<Index>(at)]));
  return predictions;
}

/// Patch posteriors with many windows along trajectories of a network.
struct WindowPredictions {
  std::vector<PatchWindow> windows;
  std::vector<std::vector<Batch<float>>> predictions;  ///< of each window
};

WindowPredictions predictions_of_windows(const PatchPosterior& symmetry, const SampledTrajectory<float>& network,
                                         const std::vector<PatchWindow>& windows, const NetworkSetting& setting) {
  const ProgressCallback bar = ConsoleProgress{};
  ProgressReporter progress(bar, "calibrate " + symmetry.name(), static_cast<Index>(windows.size()), "windows");
  WindowPredictions tried{windows, {}};
  for (const PatchWindow& window : windows) {
    tried.predictions.push_back(predictions_of(patch_sampler(symmetry, {window}, setting), network));
    progress.advance();
  }
  return tried;
}

/// For every noise level the number of the window with the largest median R^2. Where that is undefined, as where the
/// network predicts one gray, the first.
std::vector<std::size_t> best_windows(const WindowPredictions& tried, const SampledTrajectory<float>& network) {
  std::vector<std::size_t> best(network.noisy.size(), 0);
  for (std::size_t at = 0; at < best.size(); ++at) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < tried.windows.size(); ++k) {
      const double score = median_of_defined(r_squared(tried.predictions[k][at], network.predictions[at]));
      if (!(score > largest)) continue;
      largest = score;
      best[at] = k;
    }
  }
  return best;
}

std::vector<PatchWindow> windows_at(const WindowPredictions& tried, const std::vector<std::size_t>& numbers) {
  std::vector<PatchWindow> windows;
  for (const std::size_t number : numbers) windows.push_back(tried.windows[number]);
  return windows;
}

/// A denoiser that a blend may take.
struct Part {
  std::string name;
  std::function<AnySampler<float>()> make;  ///< called if the blend takes it
  std::vector<Batch<float>> predictions;    ///< along the trajectories
};

Part whole_part(const std::string& name, const AnySampler<float>& sampler, const SampledTrajectory<float>& network) {
  return {name, [sampler] { return sampler; }, predictions_of(sampler, network)};
}

/// The linear denoiser that commutes with shifts by the period; none for images whose covariance is too large to be
/// averaged over shifts.
void add_linear_of_shifts(std::vector<Part>& parts, Index period, const SampledTrajectory<float>& network,
                          const NetworkSetting& setting) {
  constexpr Index most_values = 4096;
  const Dataset<float>& images = setting.images;
  if (images.dimension() > most_values) return;
  const auto moments = shift_averaged_moments(images.samples(), images.shape(), period);
  parts.push_back(whole_part("Linear of all shifts",
                             moments_sampler(setting.options.backend, moments, setting.schedule.levels()), network));
}

void add_windows(std::vector<Part>& parts, const PatchPosterior& symmetry, WindowPredictions tried,
                 const NetworkSetting& setting) {
  for (std::size_t k = 0; k < tried.windows.size(); ++k) {
    const PatchWindow& window = tried.windows[k];
    parts.push_back({diffarch::detail::concat("PatchPosterior, window ", window.size, ", spread ", window.spread,
                                              ", temperature ", window.temperature),
                     [=, &setting] { return patch_sampler(symmetry, {window}, setting); },
                     std::move(tried.predictions[k])});
  }
}

/// A sampler on the host or a device as a part of a blend.
AnyDenoiser<float> denoiser_of(const AnySampler<float>& sampler) {
  return AnyDenoiser<float>(make_denoiser<float>(
      sampler.dimension(), [sampler](const Batch<float>& y, NoiseLevel level) { return sampler.denoise(y, level); }));
}

/// Sets the blend, its weights, and the names of the parts that it takes.
void set_blend(CalibratedPosterior& result, const std::vector<Part>& parts, const SampledTrajectory<float>& network,
               const CosineSchedule& schedule) {
  const NoiseLevels levels = schedule.levels();
  Matrix<double> weights(static_cast<Index>(parts.size()), levels.steps());
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto at = static_cast<std::size_t>(step);
    std::vector<Batch<float>> predictions;
    for (const Part& part : parts) predictions.push_back(part.predictions[at]);
    weights.col(step) = blend_weights(predictions, network.predictions[at]);
  }
  std::vector<Index> taken;
  std::vector<AnyDenoiser<float>> denoisers;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if ((weights.row(static_cast<Index>(k)).array() == 0.0).all()) continue;
    taken.push_back(static_cast<Index>(k));
    denoisers.push_back(denoiser_of(parts[k].make()));
    result.part_names.push_back(parts[k].name);
  }
  result.weights = weights(taken, Eigen::all);
  result.blend =
      AnySampler<float>(BlendDenoiser<float>(std::move(denoisers), result.weights, levels), "blend", schedule);
}

}  // namespace

AnySampler<float> patch_sampler(const PatchPosterior& symmetry, const std::vector<PatchWindow>& windows,
                                const NetworkSetting& setting) {
  PatchPosterior architecture = symmetry;
  for (const PatchWindow& window : windows) {
    architecture.patch_sizes.push_back(window.size);
    architecture.spreads.push_back(window.spread);
    architecture.temperatures.push_back(window.temperature);
  }
  return fitted_sampler(setting.options.backend, architecture, setting.images.samples(), setting.schedule.levels());
}

std::vector<PatchWindow> calibrated_boxes(const PatchPosterior& symmetry, const SampledTrajectory<float>& network,
                                          const NetworkSetting& setting) {
  const WindowPredictions tried = predictions_of_windows(
      symmetry, network, windows_for(setting.images.shape(), symmetry.border, {box}, {1.0}), setting);
  return windows_at(tried, best_windows(tried, network));
}

CalibratedPosterior calibrated_posterior(const PatchPosterior& symmetry, const SampledTrajectory<float>& network,
                                         const std::vector<NamedSampler>& others, const NetworkSetting& setting) {
  const auto windows = windows_for(setting.images.shape(), symmetry.border, {box, 0.33, 0.2}, {1.0, 2.0, 4.0, 8.0});
  WindowPredictions tried = predictions_of_windows(symmetry, network, windows, setting);
  const std::vector<PatchWindow> best = windows_at(tried, best_windows(tried, network));
  const AnySampler<float> posterior = patch_sampler(symmetry, best, setting);
  CalibratedPosterior result{best, posterior, posterior, {}, {}};
  // The blend begins with the best window of each level.
  std::vector<Part> parts{whole_part("PatchPosterior", posterior, network)};
  for (const NamedSampler& other : others) parts.push_back(whole_part(other.name, other.sampler, network));
  if (symmetry.border == Padding::circular) add_linear_of_shifts(parts, symmetry.period, network, setting);
  add_windows(parts, symmetry, std::move(tried), setting);
  set_blend(result, parts, network, setting.schedule);
  return result;
}

}  // namespace figures
