#pragma once

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffarch/diffarch.hpp"
#include "figure_options.hpp"

namespace figures {

using Json = nlohmann::ordered_json;

template <class Derived>
[[nodiscard]] Json to_json(const Eigen::MatrixBase<Derived>& vector) {
  Json array = Json::array();
  for (diffarch::Index i = 0; i < vector.size(); ++i) array.push_back(vector(i));
  return array;
}

/// The numbers of a figure, written as <out>/<program>.json beside the pictures: settings, schedule, one entry per row.
class FigureReport {
 public:
  template <diffarch::Schedule S, diffarch::SamplerRule R>
  FigureReport(const FigureOptions& options, const S& schedule, const R& rule) : options_(options) {
    const diffarch::NoiseLevels levels = schedule.levels();
    json_["program"] = options.program;
    json_["library"] = diffarch::detail::concat("diffarch ", DIFFARCH_VERSION_MAJOR, ".", DIFFARCH_VERSION_MINOR, ".",
                                                DIFFARCH_VERSION_PATCH);
    json_["settings"] = {{"data", options.data},
                         {"samples", options.samples},
                         {"measured", options.measured},
                         {"seed", options.seed},
                         {"dtype", options.double_precision ? "f64" : "f32"},
                         {"noise", options.noise.empty() ? "from the seed" : options.noise.string()},
                         {"quick", options.quick}};
    json_["schedule"] = {{"name", schedule.name()},           {"rule", rule.name()},
                         {"steps", levels.steps()},           {"sigma_T", levels.sigma_T()},
                         {"last_sigma", levels.last_sigma()}, {"sigmas", levels.sigmas()}};
    std::printf("%s, %s\n", diffarch::describe(schedule).c_str(), rule.name().c_str());
  }

  template <class Scalar>
  void set_training_data(const diffarch::Dataset<Scalar>& images) {
    json_["training_data"] = {{"name", images.name()},
                              {"count", images.size()},
                              {"height", images.shape().height},
                              {"width", images.shape().width},
                              {"channels", images.shape().channels}};
    std::printf("training data: %s, %ld images of %ld x %ld x %ld\n", images.name().c_str(),
                static_cast<long>(images.size()), static_cast<long>(images.shape().height),
                static_cast<long>(images.shape().width), static_cast<long>(images.shape().channels));
  }

  [[nodiscard]] Json& operator[](const std::string& key) { return json_[key]; }

  [[nodiscard]] std::filesystem::path path(const std::string& file_name) const { return options_.out / file_name; }

  /// Remembers a file that was written, to be listed at the end.
  void add_file(const std::filesystem::path& path) { files_.push_back(path); }

  /// Draws a plot; when gnuplot is missing says where its data are.
  void add_plot(const std::string& file_name, const std::vector<diffarch::Panel>& panels,
                const diffarch::PlotOptions& plot_options) {
    const diffarch::PlotResult result = diffarch::plot(path(file_name), panels, plot_options);
    if (result.written())
      add_file(path(file_name));
    else
      std::printf("%s\n", result.message.c_str());
  }

  /// Writes the JSON and lists all files of the figure.
  void write() {
    const std::filesystem::path json_path = path(options_.program + ".json");
    diffarch::write_file_atomically(json_path, json_.dump(2) + "\n");
    add_file(json_path);
    for (const auto& file : files_) std::printf("wrote %s\n", file.string().c_str());
  }

 private:
  const FigureOptions& options_;
  Json json_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace figures
