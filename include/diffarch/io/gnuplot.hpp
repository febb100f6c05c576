#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/plot_panel.hpp"
#include "diffarch/io/run_program.hpp"
#include "diffarch/io/utf8_text.hpp"
#include "diffarch/io/whole_png.hpp"

// Plots through the gnuplot program (http://www.gnuplot.info, 5.0 or newer). No shell is involved.

namespace diffarch {

/// How panels become a picture.
struct PlotOptions {
  Index columns = 0;         ///< panels per row; 0: all in one row up to three, else about as many as rows
  Index panel_width = 480;   ///< pixels
  Index panel_height = 420;  ///< pixels
  std::string title = {};    ///< above all panels
  bool keep_data = false;    ///< keep the data and the script beside the picture even when it was made
  std::string program = "gnuplot";
};

/// The outcome of drawing a plot.
struct PlotResult {
  enum class Status { written, gnuplot_missing, gnuplot_failed };
  Status status = Status::written;
  /// One line for the user: the file written, or the data and script kept and the command that makes the picture.
  std::string message;

  [[nodiscard]] bool written() const noexcept { return status == Status::written; }
};

namespace detail {

/// A gnuplot string: every line in single quotes, inside which gnuplot expands nothing; control characters become
/// blanks.
[[nodiscard]] inline std::string gnuplot_string(std::string_view text) {
  std::string quoted = "'";
  for (const char character : text) {
    if (character == '\n')
      quoted += "'.\"\\n\".'";
    else if (character == '\'')
      quoted += "''";
    else
      quoted += std::iscntrl(static_cast<unsigned char>(character)) != 0 ? ' ' : character;
  }
  return quoted + "'";
}

/// A label as a gnuplot string: gnuplot's fonts take UTF-8 only.
[[nodiscard]] inline std::string gnuplot_label(std::string_view text) { return gnuplot_string(utf8_text(text)); }

[[nodiscard]] inline std::string gnuplot_number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 10).ptr;
  return {text.data(), end};
}

/// The numbers of all panels: one block for each heat map (x y value) and each series (x y), in the order plotted, two
/// blank lines apart, as gnuplot's `index` counts them.
[[nodiscard]] inline std::string gnuplot_data(const std::vector<Panel>& panels) {
  std::string data;
  const auto start_block = [&data](const std::string& name) {
    data += (data.empty() ? "# " : "\n\n# ");
    for (const char character : name)
      data += std::iscntrl(static_cast<unsigned char>(character)) != 0 ? ' ' : character;
    data += '\n';
  };
  for (const Panel& panel : panels) {
    if (panel.heat_map) {
      const HeatMap& map = *panel.heat_map;
      start_block(panel.title + ": x, y, value");
      const double step_x = (map.x.maximum - map.x.minimum) / static_cast<double>(map.values.cols() - 1);
      const double step_y = (map.y.maximum - map.y.minimum) / static_cast<double>(map.values.rows() - 1);
      for (Index row = 0; row < map.values.rows(); ++row)
        for (Index column = 0; column < map.values.cols(); ++column)
          data += gnuplot_number(map.x.minimum + step_x * static_cast<double>(column)) + ' ' +
                  gnuplot_number(map.y.minimum + step_y * static_cast<double>(row)) + ' ' +
                  gnuplot_number(map.values(row, column)) + '\n';
    }
    for (const Series& series : panel.series) {
      start_block(panel.title + ", " + series.label + ": x, y");
      for (std::size_t i = 0; i < series.x.size(); ++i)
        data += gnuplot_number(series.x[i]) + ' ' + gnuplot_number(series.y[i]) + '\n';
    }
  }
  return data;
}

/// Opacity of a point as gnuplot's alpha byte (00 opaque): clouds of many points stay readable as densities.
[[nodiscard]] inline std::string_view gnuplot_alpha(std::size_t points) {
  if (points <= 50) return "00";
  if (points <= 500) return "60";
  if (points <= 5000) return "90";
  return "c0";
}

[[nodiscard]] inline double default_point_size(std::size_t points) {
  if (points <= 50) return 0.9;
  if (points <= 500) return 0.55;
  if (points <= 5000) return 0.4;
  return 0.25;
}

/// The part of the plot command that draws one series and its entry in the legend.
[[nodiscard]] inline std::string gnuplot_series(const Series& series, std::size_t block, std::size_t palette_entry) {
  // Okabe and Ito, "Color universal design", 2008, without its yellow.
  constexpr std::array<std::string_view, 7> palette{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#000000"};
  const std::string colour =
      series.colour.empty() ? std::string(palette[palette_entry % palette.size()]) : series.colour;
  const std::string title = series.label.empty() ? "notitle" : "title " + gnuplot_label(series.label);
  const std::string size =
      gnuplot_number(series.point_size > 0.0 ? series.point_size : default_point_size(series.x.size()));
  const std::string width = gnuplot_number(series.line_width);
  const std::string points = concat("data index ", block, " using 1:2 ");
  switch (series.style) {
    case SeriesStyle::points: {
      // The legend shows an opaque disc: a transparent small one could not be told by its colour.
      std::string cloud = concat(points, "with points pointtype 7 pointsize ", size, " linecolor rgb '#",
                                 gnuplot_alpha(series.x.size()), colour.substr(1), "' notitle");
      if (series.label.empty()) return cloud;
      return concat(cloud, ", NaN with points pointtype 7 pointsize 1 linecolor rgb '", colour, "' ", title);
    }
    case SeriesStyle::dashed_lines:
      return concat(points, "with lines dashtype 2 linewidth ", width, " linecolor rgb '", colour, "' ", title);
    case SeriesStyle::lines_points:
      return concat(points, "with linespoints pointtype 7 pointsize ", size, " linewidth ", width, " linecolor rgb '",
                    colour, "' ", title);
    case SeriesStyle::lines:
      break;
  }
  return concat(points, "with lines linewidth ", width, " linecolor rgb '", colour, "' ", title);
}

/// The smallest square, with a margin, that holds all points of a panel: equal axes then fill the panel.
[[nodiscard]] inline std::pair<PlotRange, PlotRange> square_ranges(const std::vector<Series>& series) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  PlotRange x{infinity, -infinity};
  PlotRange y{infinity, -infinity};
  const auto extend = [](PlotRange& range, const std::vector<double>& values) {
    const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
    range = {std::min(range.minimum, *smallest), std::max(range.maximum, *largest)};
  };
  for (const Series& one : series) {
    extend(x, one.x);
    extend(y, one.y);
  }
  const double extent = std::max(x.maximum - x.minimum, y.maximum - y.minimum);
  const double half_extent = extent > 0.0 ? 0.53 * extent : 1.0;
  const double centre_x = x.minimum + 0.5 * (x.maximum - x.minimum);
  const double centre_y = y.minimum + 0.5 * (y.maximum - y.minimum);
  return {{centre_x - half_extent, centre_x + half_extent}, {centre_y - half_extent, centre_y + half_extent}};
}

[[nodiscard]] inline std::string gnuplot_panel(const Panel& panel, std::size_t& block) {
  const auto range = [](const std::optional<PlotRange>& wanted) {
    return wanted ? concat("[", gnuplot_number(wanted->minimum), ":", gnuplot_number(wanted->maximum), "]")
                  : std::string("[*:*]");
  };
  std::optional<PlotRange> x_range = panel.x_range;
  std::optional<PlotRange> y_range = panel.y_range;
  std::string script = "\n";
  script += "set title " + gnuplot_label(panel.title) + "\n";
  script += "set xlabel " + gnuplot_label(panel.x_label) + "\n";
  script += "set ylabel " + gnuplot_label(panel.y_label) + "\n";
  script += panel.log_x ? "set logscale x\nset format x '%g'\n" : "unset logscale x\nset format x '%h'\n";
  script += panel.log_y ? "set logscale y\nset format y '%g'\n" : "unset logscale y\nset format y '%h'\n";
  script += panel.equal_aspect ? "set size ratio -1\n" : "set size noratio\n";
  script += panel.legend_beside ? "set key outside right top\n" : "set key inside right top\n";

  std::string command;
  if (panel.heat_map) {
    const HeatMap& map = *panel.heat_map;
    if (!x_range) x_range = map.x;
    if (!y_range) y_range = map.y;
    double largest = 0.0;
    for (Index i = 0; i < map.values.size(); ++i) largest = std::max(largest, std::abs(map.values.data()[i]));
    script += map.diverging ? "set palette defined (0 '#2166ac', 1 '#92c5de', 2 '#ffffff', 3 '#f4a582', 4 '#b2182b')\n"
                            : "set palette defined (0 '#ffffff', 1 '#c6dbef', 2 '#6baed6', 3 '#2171b5', 4 '#08306b')\n";
    script += map.diverging && largest > 0.0
                  ? concat("set cbrange [", gnuplot_number(-largest), ":", gnuplot_number(largest), "]\n")
                  : std::string("set cbrange [*:*]\n");
    script += map.show_scale ? "set colorbox\n" : "unset colorbox\n";
    command = concat("data index ", block++, " using 1:2:3 with image notitle");
  }
  if (panel.equal_aspect && !x_range && !y_range && !panel.log_x && !panel.log_y)
    std::tie(x_range, y_range) = square_ranges(panel.series);
  script += "set xrange " + range(x_range) + "\n";
  script += "set yrange " + range(y_range) + "\n";
  std::size_t palette_entry = panel.heat_map ? 1 : 0;  // the palette's first is the blue of the maps
  for (const Series& series : panel.series) {
    if (!command.empty()) command += ", \\\n     ";
    command += gnuplot_series(series, block++, palette_entry);
    if (series.colour.empty()) ++palette_entry;
  }
  return script + "plot " + command + "\n";
}

[[nodiscard]] inline Index plot_columns(const PlotOptions& options, std::size_t panels) {
  const auto count = static_cast<Index>(panels);
  if (options.columns > 0) return std::min(options.columns, count);
  if (count <= 3) return count;
  return static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))));
}

/// Width and height of the picture in pixels.
[[nodiscard]] inline std::pair<Index, Index> plot_size(const PlotOptions& options, std::size_t panels) {
  const Index columns = plot_columns(options, panels);
  const Index rows = (static_cast<Index>(panels) + columns - 1) / columns;
  return {columns * options.panel_width, rows * options.panel_height + (options.title.empty() ? 0 : 32)};
}

/// The gnuplot program that draws all panels. `data` and `output` are variables, so that the caller can redirect both;
/// run by hand in its own folder it finds `data_name` there and writes `picture_name`.
[[nodiscard]] inline std::string gnuplot_script(const std::vector<Panel>& panels, const PlotOptions& options,
                                                const std::string& data_name, const std::string& picture_name) {
  const Index columns = plot_columns(options, panels.size());
  const Index rows = (static_cast<Index>(panels.size()) + columns - 1) / columns;
  const auto [width, height] = plot_size(options, panels.size());
  std::string script = concat("# Draws ", gnuplot_string(picture_name), " from ", gnuplot_string(data_name),
                              "; run gnuplot in the folder of both.\n");
  script += "if (!exists('data')) data = " + gnuplot_string(data_name) + "\n";
  script += "if (!exists('output')) output = " + gnuplot_string(picture_name) + "\n";
  script += "set encoding utf8\n";
  script += concat("if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n  set terminal pngcairo noenhanced size ", width,
                   ",", height, " font 'Sans,11' background rgb 'white'\n} else {\n  set terminal png noenhanced size ",
                   width, ",", height, "\n}\n");
  script += "set output output\n";
  script += "set grid back linecolor rgb '#dddddd' linewidth 1\n";
  script += "set border 3 linecolor rgb '#666666'\nset tics nomirror\n";
  script += "set key opaque box linecolor rgb '#dddddd' samplen 1.5\n";
  if (panels.size() > 1 || !options.title.empty()) {
    script += concat("set multiplot layout ", rows, ",", columns);
    if (!options.title.empty()) script += " title " + gnuplot_label(options.title);
    script += "\n";
  }
  std::size_t block = 0;
  for (const Panel& panel : panels) script += gnuplot_panel(panel, block);
  if (panels.size() > 1 || !options.title.empty()) script += "\nunset multiplot\n";
  return script + "set output\n";
}

/// All bytes of a file; none when it cannot be read.
[[nodiscard]] inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The last line of gnuplot's messages that says something.
[[nodiscard]] inline std::string last_message_line(const std::filesystem::path& log) {
  std::ifstream file(log);
  std::string last = "no message";
  for (std::string line; std::getline(file, line);)
    if (line.find_first_not_of(" \t\r^") != std::string::npos) last = line.substr(line.find_first_not_of(" \t"));
  return last;
}

}  // namespace detail

/// Draws panels, row by row, into one PNG through the gnuplot program. The picture appears under its name only when it
/// is complete. Labels are shown as they are written (no markup), what is not UTF-8 as by `utf8_text`; '\n' starts a
/// new line. The user's settings of gnuplot, GNUTERM and locale play no part. Without gnuplot, or when it fails, the
/// numbers and the script are kept beside the picture's place, as `stem`.dat and `stem`.gp, and the result says how to
/// make the picture from them: a long experiment does not die of a missing program. Throws InvalidArgument for an empty
/// panel, a picture of more than 32767 pixels a side, a bad range, colour or path, or values <= 0 on a logarithmic
/// axis; DimensionMismatch for a series with unequal x and y; NumericalError for values that are not finite; FileError
/// when the files cannot be written.
inline PlotResult plot(const std::filesystem::path& path_png, const std::vector<Panel>& panels,
                       const PlotOptions& options = {}) {
  detail::require(!panels.empty(), "plot: there are no panels");
  detail::require(options.columns >= 0 && options.panel_width >= 64 && options.panel_width <= 8192 &&
                      options.panel_height >= 64 && options.panel_height <= 8192,
                  "plot: columns = ", options.columns, ", panel_width = ", options.panel_width,
                  ", panel_height = ", options.panel_height, "; expected columns >= 0 and sides in [64, 8192]");
  detail::require(path_png.extension() == ".png", "plot: the picture is '", path_png.string(),
                  "'; expected a name that ends in .png");
  for (std::size_t i = 0; i < panels.size(); ++i) detail::check_panel(panels[i], i);
  const auto [width, height] = detail::plot_size(options, panels.size());
  constexpr Index longest = 32767;  // of cairo
  detail::require(width <= longest && height <= longest, "plot: ", panels.size(), " panels make a picture of ", width,
                  " x ", height, " pixels; expected sides up to ", longest);
  const std::filesystem::path folder = detail::absolute_path(path_png).parent_path();
  for (const char character : detail::absolute_path(path_png).string())
    detail::require(std::iscntrl(static_cast<unsigned char>(character)) == 0, "plot: the path of the picture '",
                    path_png.string(), "' has a control character");

  AtomicFile picture(path_png);
  AtomicFile data(std::filesystem::path(path_png).replace_extension(".dat"));
  AtomicFile script(std::filesystem::path(path_png).replace_extension(".gp"));
  const AtomicFile log(std::filesystem::path(path_png).replace_extension(".log"));
  data.write(detail::gnuplot_data(panels));
  script.write(
      detail::gnuplot_script(panels, options, data.path().filename().string(), picture.path().filename().string()));
  data.close();
  script.close();

  const std::string redirection =
      "data = " + detail::gnuplot_string(detail::absolute_path(data.temporary()).string()) +
      "; output = " + detail::gnuplot_string(detail::absolute_path(picture.temporary()).string());
  const detail::ProgramEnd end = detail::run_program(
      {options.program, "-d", "-e", redirection, detail::absolute_path(script.temporary()).string()},
      detail::neutral_environment({"GNUTERM=unknown"}), log.temporary());

  // A full disk does not make gnuplot fail.
  const bool made = end == detail::ProgramEnd::success && detail::is_whole_png(detail::file_bytes(picture.temporary()));
  if (made) picture.commit();
  if (!made || options.keep_data) {
    data.commit();
    script.commit();
  }
  if (made) return {PlotResult::Status::written, "wrote " + path_png.string()};

  const std::string kept = detail::concat("the data are in ", data.path().string(), " and the script in ",
                                          script.path().string(), "; to make the picture, run gnuplot ",
                                          script.path().filename().string(), " in the folder ", folder.string());
  if (end == detail::ProgramEnd::missing)
    return {PlotResult::Status::gnuplot_missing, detail::concat(path_png.string(), " was not drawn: the program '",
                                                                options.program, "' was not found; ", kept)};
  const std::string reason = end == detail::ProgramEnd::success ? "it left no whole picture; is the disk full?"
                                                                : detail::last_message_line(log.temporary());
  return {PlotResult::Status::gnuplot_failed,
          detail::concat(path_png.string(), " was not drawn: gnuplot failed (", reason, "); ", kept)};
}

}  // namespace diffarch
