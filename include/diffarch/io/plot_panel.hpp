#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/samples.hpp"

// The contents of a plot: series of points and a map of colours in a coordinate system. `plot` (io/gnuplot.hpp) draws
// it.

namespace diffarch {

/// How the points of a series are shown.
enum class SeriesStyle {
  points,        ///< small discs, the more of them the more transparent
  lines,         ///< a line through the points in their order
  dashed_lines,  ///< the same, dashed: for references and theory
  lines_points,  ///< a line with a disc at each point
};

/// Points (x[i], y[i]) under one entry of the legend.
struct Series {
  std::string label = {};  ///< legend text; empty: no entry
  std::vector<double> x = {};
  std::vector<double> y = {};
  SeriesStyle style = SeriesStyle::lines;
  std::string colour = {};  ///< "#rrggbb"; empty: the next of a palette that colour-blind readers can tell apart
  double point_size = 0.0;  ///< relative to gnuplot's; 0: by the number of points
  double line_width = 2.0;  ///< relative to gnuplot's
};

/// A series of scatter points from two rows of a batch (d, n): row `x_row` against row `y_row`.
template <class Scalar>
[[nodiscard]] Series scatter(std::string label, const Batch<Scalar>& batch, Index x_row = 0, Index y_row = 1) {
  detail::require(x_row >= 0 && y_row >= 0 && x_row < batch.rows() && y_row < batch.rows(), "scatter: rows ", x_row,
                  " and ", y_row, " of a batch ", detail::shape_text(batch));
  Series series{.label = std::move(label), .x = {}, .y = {}, .style = SeriesStyle::points};
  for (Index i = 0; i < batch.cols(); ++i) {
    series.x.push_back(static_cast<double>(batch(x_row, i)));
    series.y.push_back(static_cast<double>(batch(y_row, i)));
  }
  return series;
}
/// Overload for data sets and matrix expressions of Eigen.
template <Samples X>
[[nodiscard]] Series scatter(std::string label, const X& samples, Index x_row = 0, Index y_row = 1) {
  return scatter<typename X::Scalar>(std::move(label), as_batch(samples), x_row, y_row);
}

/// The closed interval an axis or a map covers.
struct PlotRange {
  double minimum = 0.0;
  double maximum = 1.0;
};

/// A function on a rectangle, drawn in colours behind the series. Entry (i, j) of `values` is the value at the i-th of
/// the equally spaced y and the j-th of the equally spaced x, both ranges from first to last centre.
struct HeatMap {
  Matrix<double> values;
  PlotRange x;
  PlotRange y;
  bool diverging = false;   ///< blue - white - red about 0 instead of white to dark blue
  bool show_scale = false;  ///< draw the colour box
};

/// One coordinate system.
struct Panel {
  std::string title;
  std::string x_label = {};
  std::string y_label = {};
  std::vector<Series> series = {};
  std::optional<HeatMap> heat_map = {};
  bool log_x = false;
  bool log_y = false;
  bool equal_aspect = false;   ///< one unit is equally long on both axes
  bool legend_beside = false;  ///< the legend stands at the right of the panel, not in its corner: for many series
  std::optional<PlotRange> x_range = {};
  std::optional<PlotRange> y_range = {};
};

namespace detail {

[[nodiscard]] inline bool is_rgb_colour(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return false;
  for (const char character : text.substr(1))
    if (std::isxdigit(static_cast<unsigned char>(character)) == 0) return false;
  return true;
}

inline void check_range(const std::string& where, const char* name, const PlotRange& range, bool logarithmic) {
  require(std::isfinite(range.minimum) && std::isfinite(range.maximum) && range.minimum < range.maximum, where, ": ",
          name, " is [", range.minimum, ", ", range.maximum, "]; expected finite minimum < maximum");
  require(!logarithmic || range.minimum > 0.0, where, ": ", name, " starts at ", range.minimum,
          "; expected a positive minimum on a logarithmic axis");
}

inline void check_coordinates(const std::string& where, const char* name, const std::vector<double>& values,
                              bool logarithmic) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    require<NumericalError>(std::isfinite(values[i]), where, ": ", name, "[", i, "] is ", values[i],
                            "; expected finite values");
    require(!logarithmic || values[i] > 0.0, where, ": ", name, "[", i, "] is ", values[i],
            "; expected positive values on a logarithmic axis");
  }
}

inline void check_panel(const Panel& panel, std::size_t number) {
  const std::string where = concat("plot: panel ", number, " ('", panel.title, "')");
  require(!panel.series.empty() || panel.heat_map.has_value(), where, " has neither series nor heat map");
  for (const Series& series : panel.series) {
    const std::string in = where + ", series '" + series.label + "'";
    require<DimensionMismatch>(series.x.size() == series.y.size(), in, ": ", series.x.size(), " x but ",
                               series.y.size(), " y");
    require(!series.x.empty(), in, " has no points");
    require(series.colour.empty() || is_rgb_colour(series.colour), in, ": colour is '", series.colour,
            "'; expected '#rrggbb' or nothing");
    require(series.point_size >= 0.0 && series.line_width > 0.0, in, ": point_size = ", series.point_size,
            ", line_width = ", series.line_width, "; expected point_size >= 0, line_width > 0");
    check_coordinates(in, "x", series.x, panel.log_x);
    check_coordinates(in, "y", series.y, panel.log_y);
  }
  if (panel.heat_map) {
    const HeatMap& map = *panel.heat_map;
    require(map.values.rows() >= 2 && map.values.cols() >= 2, where, ": heat map is ", shape_text(map.values),
            "; expected at least (2, 2)");
    require<NumericalError>(std::all_of(map.values.data(), map.values.data() + map.values.size(),
                                        [](double value) { return std::isfinite(value); }),
                            where, ": the heat map has values that are not finite");
    require(!panel.log_x && !panel.log_y, where, ": a heat map needs linear axes");
    check_range(where, "heat map x", map.x, false);
    check_range(where, "heat map y", map.y, false);
  }
  if (panel.x_range) check_range(where, "x_range", *panel.x_range, panel.log_x);
  if (panel.y_range) check_range(where, "y_range", *panel.y_range, panel.log_y);
}

}  // namespace detail
}  // namespace diffarch
