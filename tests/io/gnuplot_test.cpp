#include "diffarch/io/gnuplot.hpp"

#include <cstdlib>
#include <utility>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

namespace {

constexpr const char* no_such_program = "diffarch-no-such-program";

Panel line_panel() {
  Panel panel{.title = "line"};
  panel.series = {{.label = "y = x", .x = {1, 2, 4}, .y = {1, 2, 4}}};
  return panel;
}

bool is_png(const std::filesystem::path& path) { return detail::is_whole_png(file_content(path)); }

/// True when the picture was made; without gnuplot a visible warning, and the caller passes the rest.
bool made(const PlotResult& result) {
  if (result.status == PlotResult::Status::gnuplot_missing) {
    WARN("gnuplot is not installed: " << result.message);
    return false;
  }
  INFO(result.message);
  REQUIRE(result.written());
  return true;
}

}  // namespace

TEST_CASE("plot makes a PNG and leaves nothing else", "[io]") {
  const TemporaryFolder folder;
  const PlotResult result = plot(folder / "figures/line.png", {line_panel()});
  if (!made(result)) return;
  REQUIRE(is_png(folder / "figures/line.png"));
  REQUIRE_THAT(result.message, ContainsSubstring("line.png"));
  REQUIRE(folder.entries() == 2);
}

TEST_CASE("plot draws panels of every kind in one picture", "[io]") {
  const TemporaryFolder folder;
  Panel scatter_panel{.title = "scatter"};
  const Batch<float> samples = Batch<float>::Random(2, 600);
  scatter_panel.series = {scatter("600 samples", samples), scatter("", samples, 1, 0)};
  scatter_panel.equal_aspect = true;

  Panel density{.title = "density", .x_label = "x", .y_label = "y"};
  density.heat_map = HeatMap{.values = Matrix<double>::Random(5, 7), .x = {-1, 1}, .y = {-2, 2}};
  density.heat_map->diverging = true;
  density.heat_map->show_scale = true;
  density.series = scatter_panel.series;

  Panel logarithmic = line_panel();
  logarithmic.log_x = logarithmic.log_y = true;
  logarithmic.x_range = PlotRange{0.5, 8};
  logarithmic.legend_beside = true;
  logarithmic.series[0].style = SeriesStyle::dashed_lines;
  logarithmic.series.push_back(
      {.label = "points", .x = {1, 2}, .y = {3, 1}, .style = SeriesStyle::lines_points, .colour = "#112233"});

  Panel one_point{.title = "one point"};
  one_point.series = {{.label = "p", .x = {3}, .y = {3}, .style = SeriesStyle::points}};
  one_point.equal_aspect = true;

  const PlotResult result = plot(folder / "all.png", {scatter_panel, density, logarithmic, one_point},
                                 {.panel_width = 200, .panel_height = 150, .title = "Everything"});
  if (!made(result)) return;
  const std::string png = file_content(folder / "all.png");
  // Four panels make two columns; width and height are the first fields of the header chunk.
  REQUIRE(static_cast<unsigned char>(png[18]) * 256 + static_cast<unsigned char>(png[19]) == 400);
  REQUIRE(static_cast<unsigned char>(png[22]) * 256 + static_cast<unsigned char>(png[23]) == 332);
  REQUIRE(folder.entries() == 1);
}

TEST_CASE("Labels and paths are shown as written and never executed", "[io]") {
  const TemporaryFolder folder;
  const std::string evil =
      "it's `touch stolen` \"x\" $(touch stolen) @macro %d {/Bold b}_2\\n'; system('touch stolen')\nline 2";
  Panel panel{.title = evil, .x_label = evil, .y_label = evil};
  panel.series = {{.label = evil, .x = {1, 2}, .y = {1, 2}}};
  const auto path = folder / "it's `touch stolen` $(touch stolen); \"q\"/pic'`ture.png";
  const PlotResult result = plot(path, {panel, panel}, {.title = evil, .keep_data = true});
  REQUIRE_FALSE(std::filesystem::exists("stolen"));
  REQUIRE_FALSE(std::filesystem::exists(path.parent_path() / "stolen"));
  if (made(result)) REQUIRE(is_png(path));
  REQUIRE(std::filesystem::exists(path.parent_path() / "pic'`ture.dat"));
  REQUIRE(std::filesystem::exists(path.parent_path() / "pic'`ture.gp"));
  REQUIRE_THAT(file_content(path.parent_path() / "pic'`ture.gp"),
               ContainsSubstring("'it''s `touch stolen` \"x\" $(touch stolen) @macro"));
}

TEST_CASE("keep_data leaves a script that draws the same picture by hand", "[io]") {
  const TemporaryFolder folder;
  const PlotResult result = plot(folder / "line.png", {line_panel()}, {.keep_data = true});
  REQUIRE(file_content(folder / "line.dat") == "# line, y = x: x, y\n1 1\n2 2\n4 4\n");
  if (!made(result)) return;
  const std::string picture = file_content(folder / "line.png");
  std::filesystem::remove(folder / "line.png");
  const auto end = detail::run_program(
      {"gnuplot", "-d", "-e", "cd " + detail::gnuplot_string(folder.path().string()), (folder / "line.gp").string()},
      detail::neutral_environment({}), folder / "log");
  REQUIRE(end == detail::ProgramEnd::success);
  REQUIRE(file_content(folder / "line.png") == picture);
}

TEST_CASE("Without gnuplot the data and the script are kept and named", "[io]") {
  const TemporaryFolder folder;
  put_file(folder / "line.png", "old picture");
  const PlotResult result = plot(folder / "line.png", {line_panel()}, {.program = no_such_program});
  REQUIRE(result.status == PlotResult::Status::gnuplot_missing);
  REQUIRE_FALSE(result.written());
  REQUIRE_THAT(result.message, ContainsSubstring("line.dat") && ContainsSubstring("line.gp") &&
                                   ContainsSubstring("run gnuplot line.gp in the folder") &&
                                   ContainsSubstring(no_such_program));
  REQUIRE(file_content(folder / "line.png") == "old picture");
  REQUIRE(folder.entries() == 3);
}

TEST_CASE("A program that fails is told apart from one that is missing", "[io]") {
  const TemporaryFolder folder;
  const PlotResult result = plot(folder / "line.png", {line_panel()}, {.program = "false"});
  REQUIRE(result.status == PlotResult::Status::gnuplot_failed);
  REQUIRE_THAT(result.message, ContainsSubstring("gnuplot failed") && ContainsSubstring("line.gp"));
  REQUIRE(folder.entries() == 2);
}

TEST_CASE("A legend beside its panel leaves the next panel's where it was", "[io]") {
  Panel beside = line_panel();
  beside.legend_beside = true;
  const std::string script = detail::gnuplot_script({beside, line_panel()}, {}, "a.dat", "a.png");
  const auto outside = script.find("set key outside right");
  REQUIRE(outside != std::string::npos);
  REQUIRE(script.find("set key inside right", outside) != std::string::npos);
}

TEST_CASE("The data file has one block for each heat map and series in the order plotted", "[io]") {
  Panel panel{.title = "a"};
  panel.heat_map = HeatMap{.values = Matrix<double>{{1, 2}, {3, 4}}, .x = {0, 10}, .y = {-1, 1}};
  panel.series = {{.label = "s", .x = {0.1}, .y = {1e-12}}};
  REQUIRE(detail::gnuplot_data({panel, line_panel()}) ==
          "# a: x, y, value\n0 -1 1\n10 -1 2\n0 1 3\n10 1 4\n\n\n# a, s: x, y\n0.1 1e-12\n\n\n# line, y = x: x, y\n"
          "1 1\n2 2\n4 4\n");
}

TEST_CASE("Panels that cannot be drawn are refused before anything is written", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder / "bad.png";
  REQUIRE_THROWS_WITH(plot(path, {}), ContainsSubstring("there are no panels"));
  REQUIRE_THROWS_WITH(plot(path, {Panel{.title = "empty"}}), ContainsSubstring("panel 0 ('empty') has neither"));
  REQUIRE_THROWS_WITH(plot(folder / "bad.pdf", {line_panel()}), ContainsSubstring("ends in .png"));
  REQUIRE_THROWS_WITH(plot(folder / "new\nline/bad.png", {line_panel()}), ContainsSubstring("control character"));
  REQUIRE_THROWS_AS(plot(path, {line_panel()}, {.columns = -1}), InvalidArgument);

  Panel panel = line_panel();
  panel.series[0].y.pop_back();
  REQUIRE_THROWS_AS(plot(path, {line_panel(), panel}), DimensionMismatch);
  REQUIRE_THROWS_WITH(plot(path, {line_panel(), panel}),
                      ContainsSubstring("panel 1 ('line'), series 'y = x': 3 x but 2 y"));
  REQUIRE(folder.entries() == 0);
}

TEST_CASE("A plot does not depend on GNUTERM, the locale or the user's gnuplot settings", "[io]") {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> variables[] = {
      {"GNUTERM", "qt"}, {"GNUPLOT_LIB", "/nowhere"}, {"GNUPLOT_FONTPATH", "/nowhere"}, {"LC_ALL", "de_DE.UTF-8"}};
  for (const auto& [name, value] : variables) REQUIRE(setenv(name, value, 1) == 0);
  const PlotResult result = plot(folder / "line.png", {line_panel()});
  for (const auto& [name, value] : variables) unsetenv(name);
  const PlotResult again = plot(folder / "again.png", {line_panel()});
  if (!made(result) || !made(again)) return;
  REQUIRE(is_png(folder / "line.png"));
  REQUIRE(file_content(folder / "line.png") == file_content(folder / "again.png"));
}

TEST_CASE("Labels and paths that are not UTF-8 are drawn", "[io]") {
  const TemporaryFolder folder;
  Panel panel = line_panel();
  panel.title = panel.series[0].label = "K\xf6ln";
  const auto path = folder / "K\xf6ln/K\xf6ln.png";
  const PlotResult result = plot(path, {panel}, {.title = "K\xf6ln", .keep_data = true});
  REQUIRE_THAT(file_content(path.parent_path() / "K\xf6ln.gp"), ContainsSubstring("set title 'K\\xf6ln'"));
  if (made(result)) REQUIRE(is_png(path));
}

TEST_CASE("A picture that the program did not finish does not get its name", "[io]") {
  const TemporaryFolder folder;
  put_file(folder / "line.png", "old picture");
  // Ends well and leaves the start of a PNG, as gnuplot does on a full disk. Its third argument names the output.
  const auto cut = put_file(
      folder / "cut", "#!/bin/sh\noutput=${3##*output = \\'}\nprintf '\\211PNG\\r\\n\\032\\n' > \"${output%\\'}\"\n");
  std::filesystem::permissions(cut, std::filesystem::perms::owner_all);
  const PlotResult result = plot(folder / "line.png", {line_panel()}, {.program = cut.string()});
  REQUIRE(result.status == PlotResult::Status::gnuplot_failed);
  REQUIRE_THAT(result.message, ContainsSubstring("left no whole picture") && ContainsSubstring("line.gp"));
  REQUIRE(file_content(folder / "line.png") == "old picture");
  REQUIRE(folder.entries() == 4);  // cut, the old picture, data and script
}

TEST_CASE("A plot that is too large is refused before it is drawn", "[io]") {
  const TemporaryFolder folder;
  const std::vector<Panel> panels(69, line_panel());
  REQUIRE_THROWS_WITH(plot(folder / "wide.png", panels, {.columns = 69}),
                      ContainsSubstring("69 panels make a picture of 33120 x 420 pixels; expected sides up to 32767"));
  REQUIRE(folder.entries() == 0);
}
