#include "figure_report.hpp"

#include <cstdio>

#include "diffarch/io/atomic_file.hpp"
#include "diffarch/version.hpp"
#include "linear_row.hpp"

namespace figures {

using diffarch::Index;

Json to_json(const diffarch::Vector<double>& vector) { return Json(std::vector<double>(vector.begin(), vector.end())); }

FigureReport::FigureReport(const FigureOptions& options, const std::string& schedule, const std::string& rule,
                           const diffarch::NoiseLevels& levels)
    : options_(options) {
  json_["program"] = options.program;
  json_["library"] = diffarch::detail::concat("diffarch ", DIFFARCH_VERSION_MAJOR, ".", DIFFARCH_VERSION_MINOR, ".",
                                              DIFFARCH_VERSION_PATCH);
  json_["settings"] = {{"data", options.data},
                       {"samples", options.samples},
                       {"measured", options.measured},
                       {"seed", options.seed},
                       {"dtype", options.double_precision ? "f64" : "f32"},
                       {"backend", options.backend},
                       {"noise", options.noise.empty() ? "from the seed" : options.noise.string()},
                       {"quick", options.quick}};
  if (options.range.given()) json_["settings"]["range"] = {options.range.low, options.range.high};
  if (options.layout == diffarch::ImageLayout::channels_first) json_["settings"]["layout"] = "channels-first";
  if (options.channels != 0) json_["settings"]["channels"] = options.channels;
  json_["schedule"] = {{"name", schedule},
                       {"rule", rule},
                       {"steps", levels.steps()},
                       {"sigma_T", levels.sigma_T()},
                       {"last_sigma", levels.last_sigma()}};
  json_["sigmas"] = levels.sigmas();
  std::printf("%s: %s, %s\n", schedule.c_str(), diffarch::detail::concat(levels).c_str(), rule.c_str());
}

void FigureReport::set_training_data(const std::string& name, Index count, const diffarch::ImageShape& shape) {
  json_["training_data"] = {
      {"name", name}, {"count", count}, {"height", shape.height}, {"width", shape.width}, {"channels", shape.channels}};
  std::printf("training data: %s, %ld images of %s\n", name.c_str(), static_cast<long>(count),
              diffarch::detail::shape_text(shape).c_str());
}

void FigureReport::add_picture(const std::string& file_name, const std::vector<diffarch::LabelledRow>& rows,
                               const diffarch::ImageShape& shape, const diffarch::RowsOptions& rows_options) {
  diffarch::save_labelled_rows(path(file_name), rows, shape, rows_options);
  add_file(path(file_name));
}

void FigureReport::add_plot(const std::string& file_name, const std::vector<diffarch::Panel>& panels,
                            const diffarch::PlotOptions& plot_options) {
  const diffarch::PlotResult result = diffarch::plot(path(file_name), panels, plot_options);
  if (result.written())
    add_file(path(file_name));
  else
    std::printf("%s\n", result.message.c_str());
}

void FigureReport::write() {
  const std::filesystem::path json_path = path(options_.program + ".json");
  diffarch::write_file_atomically(json_path, json_.dump(2) + "\n");
  add_file(json_path);
  for (const auto& file : files_) std::printf("wrote %s\n", file.string().c_str());
}

diffarch::Series spectrum(const std::string& label, const diffarch::Vector<double>& variances,
                          diffarch::SeriesStyle style) {
  diffarch::Series series{.label = label, .x = {}, .y = {}, .style = style};
  for (diffarch::Index mode = 0; mode < variances.size(); ++mode) {
    series.x.push_back(static_cast<double>(mode + 1));
    series.y.push_back(variances(mode));
  }
  return series;
}

}  // namespace figures
