#include "diffarch/io/plot_panel.hpp"

#include <limits>

#include "catch.hpp"

using namespace diffarch;

namespace {

Panel good_panel() {
  Panel panel{.title = "line"};
  panel.series = {{.label = "y = x", .x = {1, 2, 4}, .y = {1, 2, 4}}};
  return panel;
}

}  // namespace

TEST_CASE("scatter takes two rows of a batch", "[io]") {
  Batch<float> batch(3, 2);
  batch << 1, 2, 3, 4, 5, 6;
  const Series series = scatter("s", batch, 2, 0);
  REQUIRE(series.x == std::vector<double>{5, 6});
  REQUIRE(series.y == std::vector<double>{1, 2});
  REQUIRE(series.style == SeriesStyle::points);
  REQUIRE(scatter("s", batch.rightCols(1), 2, 0).x == std::vector<double>{6});
  REQUIRE(scatter("s", Dataset<float>(batch, {3, 1, 1}, "three pixels"), 2, 0).x == series.x);
  REQUIRE_THROWS_AS(scatter("s", Batch<double>(Batch<double>::Zero(1, 3))), InvalidArgument);
}

TEST_CASE("A panel that cannot be drawn is refused with its number, its series and the value", "[io]") {
  detail::check_panel(good_panel(), 0);
  const auto refused = [](const Panel& panel, const std::string& reason) {
    REQUIRE_THROWS_WITH(detail::check_panel(panel, 3),
                        ContainsSubstring("panel 3 ('line')") && ContainsSubstring(reason));
  };
  Panel panel = good_panel();
  panel.series[0].y[1] = std::numeric_limits<double>::infinity();
  REQUIRE_THROWS_AS(detail::check_panel(panel, 0), NumericalError);
  refused(panel, "y[1] is inf");
  panel.series[0].y[1] = -3;
  panel.log_y = true;
  refused(panel, "y[1] is -3; expected positive values");
  panel = good_panel();
  panel.series[0].colour = "red'; system('x')";
  refused(panel, "expected '#rrggbb'");
  panel = good_panel();
  panel.series[0].x.clear();
  panel.series[0].y.clear();
  refused(panel, "has no points");
  panel = good_panel();
  panel.x_range = PlotRange{2, 1};
  refused(panel, "x_range is [2, 1]");
  panel = good_panel();
  panel.heat_map = HeatMap{.values = Matrix<double>::Zero(1, 5), .x = {0, 1}, .y = {0, 1}};
  refused(panel, "expected at least (2, 2)");
}
