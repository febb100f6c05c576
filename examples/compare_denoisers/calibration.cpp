#include "compare_denoisers/calibration.hpp"

#include <algorithm>
#include <limits>

#include "common/architectures/samplers.hpp"
#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/process/console_progress.hpp"

namespace figures {

using namespace diffarch;

namespace {

/// The best window of each noise level so far.
class WindowSearch {
 public:
  WindowSearch(const PatchPosterior& symmetry, const SampledTrajectory<float>& network, const NetworkSetting& setting)
      : symmetry_(symmetry),
        network_(network),
        setting_(setting),
        best_(network.noisy.size()),
        scores_(network.noisy.size(), -std::numeric_limits<double>::infinity()) {}

  [[nodiscard]] const std::vector<PatchWindow>& best() const noexcept { return best_; }

  /// Tries one window for each level. Where the median R^2 is undefined, as where the network predicts one gray, the
  /// window stays what it is.
  void attempt(const std::vector<PatchWindow>& windows) {
    const AnySampler<float> sampler = patch_sampler(symmetry_, windows, setting_);
    for (std::size_t at = 0; at < best_.size(); ++at) {
      const Batch<float> x0_hat = sampler.denoise(network_.noisy[at], sampler.levels()[static_cast<Index>(at)]);
      const double score = median_of_defined(r_squared(x0_hat, network_.predictions[at]));
      if (!(score > scores_[at])) continue;
      scores_[at] = score;
      best_[at] = windows[at];
    }
  }

 private:
  const PatchPosterior& symmetry_;
  const SampledTrajectory<float>& network_;
  const NetworkSetting& setting_;
  std::vector<PatchWindow> best_;
  std::vector<double> scores_;
};

std::vector<Index> sizes_up_to(Index largest) {
  std::vector<Index> sizes;
  for (const Index size : {1, 3, 5, 7, 9, 11, 15, 19, 23, 31, 47, 63})
    if (size < largest) sizes.push_back(size);
  sizes.push_back(largest);
  return sizes;
}

}  // namespace

WindowCandidates boxes(Index largest) { return {.sizes = sizes_up_to(largest)}; }

WindowCandidates windows_of_all_kinds(Index largest) {
  return {.sizes = sizes_up_to(largest),
          .temperatures = {1.0, 2.0, 4.0, 8.0},
          .spreads = {0.5, 0.33, 0.25, 0.18},
          .temperature_factors = {0.5, 0.7, 1.4}};
}

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

std::vector<PatchWindow> calibrated_windows(const PatchPosterior& symmetry, const SampledTrajectory<float>& network,
                                            const WindowCandidates& candidates, const NetworkSetting& setting) {
  constexpr std::size_t larger = 2;  // sizes beyond the best box's, of which a window that falls off uses less
  const std::vector<Index>& sizes = candidates.sizes;
  const std::vector<double>& spreads = candidates.spreads;
  const ProgressCallback bar = ConsoleProgress{};
  ProgressReporter progress(
      bar, "calibrate " + symmetry.name(),
      static_cast<Index>(sizes.size() * candidates.temperatures.size() + (larger + 1) * spreads.size() +
                         (spreads.empty() ? 1 : 2) * candidates.temperature_factors.size()));
  WindowSearch search(symmetry, network, setting);
  // Tries what `change` makes of the windows that were best before.
  const auto attempt = [&](std::vector<PatchWindow> windows, const auto& change) {
    for (PatchWindow& window : windows) change(window);
    search.attempt(windows);
    progress.advance();
  };
  for (const Index size : sizes)
    for (const double temperature : candidates.temperatures)
      attempt(search.best(), [&](PatchWindow& window) { window = {size, temperature}; });
  const auto attempt_factors = [&] {
    const std::vector<PatchWindow> before = search.best();
    for (const double factor : candidates.temperature_factors)
      attempt(before, [&](PatchWindow& window) { window.temperature *= factor; });
  };
  attempt_factors();
  const std::vector<PatchWindow> box = search.best();
  if (spreads.empty()) return box;
  for (std::size_t step = 0; step <= larger; ++step)
    for (const double spread : spreads)
      attempt(box, [&](PatchWindow& window) {
        const auto place = static_cast<std::size_t>(std::find(sizes.begin(), sizes.end(), window.size) - sizes.begin());
        window.size = sizes[std::min(place + step, sizes.size() - 1)];
        window.spread = spread;
      });
  attempt_factors();
  // Single steps do not decide how errors add up along a trajectory.
  const auto score_of_samples = [&](const std::vector<PatchWindow>& windows) {
    const Batch<float> samples = patch_sampler(symmetry, windows, setting).continue_from(network.noisy.front());
    return median_of_defined(r_squared(samples, network.samples));
  };
  return score_of_samples(box) > score_of_samples(search.best()) ? box : search.best();
}

}  // namespace figures
