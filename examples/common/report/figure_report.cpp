#include "common/report/figure_report.hpp"

#include <cstdio>

#include "common/report/linear_row.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/file_status.hpp"
#include "diffarch/io/utf8_text.hpp"
#include "diffarch/version.hpp"

namespace figures {

using diffarch::Index;

Json to_json(const diffarch::Vector<double>& vector) { return Json(std::vector<double>(vector.begin(), vector.end())); }

Json to_json(const std::vector<diffarch::Escape>& escapes) {
  Json list = Json::array();
  for (const diffarch::Escape& escape : escapes)
    list.push_back({{"sample", escape.sample}, {"step", escape.step}, {"sigma", escape.sigma}});
  return list;
}

namespace {

void make_utf8(Json& json) {
  if (json.is_string())
    json = diffarch::utf8_text(json.get_ref<const std::string&>());
  else if (json.is_structured())
    for (Json& value : json) make_utf8(value);
}

/// Says at the start what will be said at the end, too.
void announce_missing_gnuplot() {
  if (!diffarch::detail::program_exists(diffarch::PlotOptions{}.program))
    std::printf("gnuplot is not installed (Debian: gnuplot-nox): of plots only data and scripts will be written\n");
}

}  // namespace

std::string json_text(const Json& json) {
  Json valid = json;
  make_utf8(valid);
  return valid.dump(2) + "\n";
}

void require_room(const FigureOptions& options, const diffarch::ImageShape& shape, Index rows, Index columns) {
  diffarch::detail::require_memory<double>(shape.size(), options.measured, "--measured ", options.measured,
                                           " samples of ", diffarch::detail::shape_text(shape));
  const Index widest_label = 24;  // characters of the longest that the programs use, and of captions
  const auto size = diffarch::labelled_rows_size(rows, columns, shape, std::string(widest_label, 'm'), "0.000 0.00");
  diffarch::detail::require(diffarch::RgbImage::is_possible(size.width, size.height),
                            options.noise.empty() ? "--samples " : "--noise holds so many samples: ", columns,
                            ": the picture of ", rows, rows == 1 ? " row" : " rows", " of ", columns, " images of ",
                            diffarch::detail::shape_text(shape), " would have ", size.width, " x ", size.height,
                            " pixels, more than a PNG of ours can have (", diffarch::RgbImage::longest_side,
                            " a side, ", diffarch::RgbImage::most_pixels,
                            " in all); fewer --samples, fewer rows or a smaller --size would fit");
}

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
  announce_missing_gnuplot();
}

void FigureReport::set_training_data(const std::string& name, Index count, const diffarch::ImageShape& shape) {
  json_["training_data"] = {
      {"name", name}, {"count", count}, {"height", shape.height}, {"width", shape.width}, {"channels", shape.channels}};
  std::printf("training data: %s, %ld images of %s\n", name.c_str(), static_cast<long>(count),
              diffarch::detail::shape_text(shape).c_str());
}

void FigureReport::save_partial() const {
  diffarch::write_file_atomically(path(options_.program + ".partial.json"), json_text(json_));
}

void FigureReport::save() const {
  diffarch::write_file_atomically(path(options_.program + ".json"), json_text(json_));
  diffarch::detail::remove_file(path(options_.program + ".partial.json"));
}

void FigureReport::add_picture(const std::string& file_name, const std::vector<diffarch::LabelledRow>& rows,
                               const diffarch::ImageShape& shape, const diffarch::RowsOptions& rows_options) {
  save();
  diffarch::save_labelled_rows(path(file_name), rows, shape, rows_options);
  add_file(path(file_name));
}

void FigureReport::add_plot(const std::string& file_name, const std::vector<diffarch::Panel>& panels,
                            const diffarch::PlotOptions& plot_options) {
  save();
  const diffarch::PlotResult result = diffarch::plot(path(file_name), panels, plot_options);
  if (result.written())
    add_file(path(file_name));
  else
    not_drawn_.push_back(result.message);
}

void FigureReport::write() {
  save();
  add_file(path(options_.program + ".json"));
  for (const auto& file : files_) std::printf("wrote %s\n", file.string().c_str());
  if (not_drawn_.empty()) return;
  for (std::size_t i = 0; i + 1 < not_drawn_.size(); ++i) std::printf("%s\n", not_drawn_[i].c_str());
  throw diffarch::Error(not_drawn_.back());
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
