#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffarch/core/concepts.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/io/gnuplot.hpp"
#include "diffarch/io/png_grid.hpp"
#include "figure_options.hpp"

namespace figures {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json to_json(const diffarch::Vector<double>& vector);

/// The numbers of a figure, written as <out>/<program>.json beside the pictures: settings, schedule, one entry per row.
class FigureReport {
 public:
  template <diffarch::Schedule S, diffarch::SamplerRule R>
  FigureReport(const FigureOptions& options, const S& schedule, const R& rule)
      : FigureReport(options, schedule.name(), rule.name(), schedule.levels()) {}

  template <class Scalar>
  void set_training_data(const diffarch::Dataset<Scalar>& images) {
    set_training_data(images.name(), images.size(), images.shape());
  }

  [[nodiscard]] Json& operator[](const std::string& key) { return json_[key]; }

  [[nodiscard]] std::filesystem::path path(const std::string& file_name) const { return options_.out / file_name; }

  /// Remembers a file that was written, to be listed at the end.
  void add_file(const std::filesystem::path& path) { files_.push_back(path); }

  /// Draws labelled rows of images.
  void add_picture(const std::string& file_name, const std::vector<diffarch::LabelledRow>& rows,
                   const diffarch::ImageShape& shape, const diffarch::RowsOptions& rows_options);

  /// Draws a plot; when gnuplot is missing says where its data are.
  void add_plot(const std::string& file_name, const std::vector<diffarch::Panel>& panels,
                const diffarch::PlotOptions& plot_options);

  /// Writes the JSON and lists all files of the figure.
  void write();

 private:
  FigureReport(const FigureOptions& options, const std::string& schedule, const std::string& rule,
               const diffarch::NoiseLevels& levels);
  void set_training_data(const std::string& name, diffarch::Index count, const diffarch::ImageShape& shape);

  const FigureOptions& options_;
  Json json_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace figures
