#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/data/figure_data.hpp"
#include "common/training/network_training.hpp"

// One row of the figures of trained networks on images (1 and 9).

namespace figures {

/// What the networks of a program share.
struct NetworkSetting {
  const FigureOptions& options;
  const NetworkOptions& network;
  diffarch::CosineSchedule schedule;
  const diffarch::Dataset<float>& images;
  std::vector<diffarch::Panel> losses = {};
};

/// Trains (or takes) the networks of an architecture; see `trained_model`.
template <class A>
[[nodiscard]] std::optional<diffarch::AnySampler<float>> trained_network(const std::string& name, const A& architecture,
                                                                         NetworkSetting& setting, Json& row) {
  return trained_model(name, architecture, setting.schedule, setting.images.samples(), setting.options, setting.network,
                       row, setting.losses);
}

/// What all rows of a figure share, and what they add to it.
struct NetworkFigure : NetworkSetting {
  const diffarch::Batch<float>& noise;  ///< x_T of the samples that are shown
  FigureReport& report;
  std::vector<diffarch::LabelledRow> rows = {};
};

/// One row: samples from the figure's noise, each above its nearest training image with rms distance and gap
/// ratio. Of `measured` fresh samples it prints and reports memorised fraction, nearest distances, and sharpness
/// relative to the data. Without a sampler (only training was asked for) just `entry` is reported.
void add_network_row(const std::string& name, const std::string& label,
                     const std::optional<diffarch::AnySampler<float>>& sampler, Json entry, NetworkFigure& figure);

/// The profiles of a figure of images: --quick and the paper's sizes are the same for all.
[[nodiscard]] TrainingProfiles image_profiles(const TrainingProfile& cpu);

/// Loads the training images, lets `add_rows` run the rows, and draws the figure (after training only, the loss curves)
/// under a title that begins with the networks' name. `networks_count`: how many rows of networks there will be.
void run_network_figure(const std::string& networks, diffarch::Index networks_count, const FigureOptions& options,
                        const NetworkOptions& network, const std::function<void(NetworkFigure&)>& add_rows);

}  // namespace figures
