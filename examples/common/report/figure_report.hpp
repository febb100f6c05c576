#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/options/figure_options.hpp"
#include "diffarch/core/concepts.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/io/gnuplot.hpp"
#include "diffarch/io/png_grid.hpp"
#include "diffarch/sampler/escape_log.hpp"

namespace figures {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json to_json(const diffarch::Vector<double>& vector);
/// Sample, step and sigma of each escape.
[[nodiscard]] Json to_json(const std::vector<diffarch::Escape>& escapes);

/// A report as text: bytes of names that are not UTF-8 become \\xNN (utf8_text), for JSON takes UTF-8 only.
[[nodiscard]] std::string json_text(const Json& json);

/// Throws, before any work is done, what would be thrown after it: InvalidArgument where a picture with `rows` rows of
/// `columns` samples would be larger than save_labelled_rows can draw, OutOfMemory where --measured samples do not fit.
void require_room(const FigureOptions& options, const diffarch::ImageShape& shape, diffarch::Index rows,
                  diffarch::Index columns);

/// The numbers of a figure, written as <out>/<program>.json beside the pictures: settings, schedule, one entry per row.
/// They are written before each picture and at the end. A program that runs for long keeps those of the rows that are
/// done in <program>.partial.json, so that an earlier run's numbers stay until it has all of its own.
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

  /// Writes the numbers so far as <program>.partial.json: whatever happens later, they are there.
  void save_partial() const;

  /// Draws labelled rows of images.
  void add_picture(const std::string& file_name, const std::vector<diffarch::LabelledRow>& rows,
                   const diffarch::ImageShape& shape, const diffarch::RowsOptions& rows_options);

  /// Draws a plot; when it cannot be drawn, says where its data are, and `write` will throw.
  void add_plot(const std::string& file_name, const std::vector<diffarch::Panel>& panels,
                const diffarch::PlotOptions& plot_options);

  /// Writes the JSON and lists all files of the figure. Throws Error when a plot was not drawn.
  void write();

 private:
  /// Writes all numbers and removes the partial ones.
  void save() const;
  FigureReport(const FigureOptions& options, const std::string& schedule, const std::string& rule,
               const diffarch::NoiseLevels& levels);
  void set_training_data(const std::string& name, diffarch::Index count, const diffarch::ImageShape& shape);

  const FigureOptions& options_;
  Json json_;
  std::vector<std::filesystem::path> files_;
  std::vector<std::string> not_drawn_;  ///< messages
};

}  // namespace figures
