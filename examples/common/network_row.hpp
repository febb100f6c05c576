#pragma once

#include <functional>
#include <string>
#include <vector>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "figure_data.hpp"
#include "network_training.hpp"

// One row of the figures of trained networks on images (1 and 9).

namespace figures {

/// What all rows of a figure share, and what they add to it.
struct NetworkFigure {
  const FigureOptions& options;
  const NetworkOptions& network;
  diffarch::CosineSchedule schedule;
  const diffarch::Dataset<float>& images;
  const diffarch::Batch<float>& noise;  ///< x_T of the samples that are shown
  FigureReport& report;
  std::vector<diffarch::LabelledRow> rows = {};
  std::vector<diffarch::Panel> losses = {};
};

/// Measures what a row has generated: memorised fraction and nearest distances of `measured` fresh samples, sharpness
/// relative to the data; prints it and adds it to the figure: the samples shown, each above its nearest training image
/// with rms distance and gap ratio.
void report_network_row(const std::string& name, const std::string& label, Json entry,
                        const diffarch::Batch<float>& shown, const diffarch::Batch<float>& measured,
                        NetworkFigure& figure);

/// Trains (or takes) the networks of an architecture, samples from the figure's noise and reports. Where only training
/// is asked for, that.
template <class A>
void run_network_row(const std::string& name, const std::string& label, const A& architecture, NetworkFigure& figure) {
  using namespace diffarch;
  Json entry = {{"row", name}};
  auto model = trained_model(name, architecture, figure.schedule, figure.images.samples(), figure.options,
                             figure.network, entry, figure.losses);
  if (!model) {
    figure.report["rows"].push_back(std::move(entry));
    return;
  }
  DiffusionSampler<A, CosineSchedule> sampler{architecture, figure.schedule};
  sampler.set_progress(ConsoleProgress{}).set_model(std::move(*model));
  const Batch<float> shown = sampler.sample_from(figure.noise);
  const Batch<float> measured = sampler.sample(figure.options.measured, Seed{figure.options.seed + 1});
  report_network_row(name, label, std::move(entry), shown, measured, figure);
}

/// The profiles of a figure of images: --quick and the paper's sizes are the same for all.
[[nodiscard]] TrainingProfiles image_profiles(const TrainingProfile& cpu);

/// Loads the training images, lets `add_rows` run the rows, and draws the figure (after training only, the loss curves)
/// under a title that begins with the networks' name.
void run_network_figure(const std::string& networks, const FigureOptions& options, const NetworkOptions& network,
                        const std::function<void(NetworkFigure&)>& add_rows);

}  // namespace figures
