#include "figure_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <locale>
#include <new>
#include <sstream>

#include "diffarch/core/error.hpp"
#include "diffarch/core/launched_process.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/stop_signals.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "option_checks.hpp"
#include "standard_streams.hpp"

namespace figures {

namespace {

/// Two numbers with a colon between them. Throws CLI::ValidationError for anything else.
diffarch::ValueRange parse_range(const std::string& text) {
  const std::size_t colon = text.find(':');
  diffarch::ValueRange range;
  const auto parse = [&](const std::string& number, double& value) {
    std::istringstream stream(number);
    stream.imbue(std::locale::classic());
    return static_cast<bool>(stream >> value) && stream.peek() == std::istringstream::traits_type::eof();
  };
  if (colon == std::string::npos || !parse(text.substr(0, colon), range.low) ||
      !parse(text.substr(colon + 1), range.high) || !(range.low < range.high))
    throw CLI::ValidationError("--range", text + ": expected LOW:HIGH with LOW < HIGH, such as 0:255 or -1:1");
  return range;
}

/// The options that say what the numbers and axes of --data mean.
void add_image_options(CLI::App& app, FigureOptions& options) {
  app.add_option_function<std::string>(
      "--range", [&options](const std::string& text) { options.range = parse_range(text); },
      "LOW:HIGH, the numbers in --data that become -1 and 1, such as 0:255, 0:1, 0:4095 or -1:1 (default: what 8 or 16 "
      "bits hold; floats have to be in [-1, 1] already, or of mean 0)");
  app.add_option_function<std::string>(
         "--layout",
         [&options](const std::string& name) {
           options.layout =
               name == "channels-first" ? diffarch::ImageLayout::channels_first : diffarch::ImageLayout::channels_last;
         },
         "Axes of a .npy or .npz file given to --data: channels-last (n, h, w[, c]) or channels-first (n, c, h, w) "
         "(default: channels last, and what looks otherwise is refused)")
      ->check(CLI::IsMember({"channels-last", "channels-first"}));
  app.add_option("--channels", options.channels,
                 "Convert all images to 1 channel (gray) or 3 (RGB) and drop alpha (default: all have to be alike, "
                 "without alpha)")
      ->check(CLI::IsMember({1, 3}));
}

}  // namespace

void add_figure_options(CLI::App& app, FigureOptions& options) {
  options.program = app.get_name();
  options.out = std::filesystem::path("results") / options.program;
  app.add_option("--data", options.data,
                 "Training images: a folder of PNG or JPEG; a .npy or .npz file (n, h, w[, c]), FILE.npz:NAME where it "
                 "holds several arrays; an IDX file, plain or .gz; fashion-mnist; synthetic")
      ->capture_default_str();
  app.add_option("--size", options.size, "Image height and width in pixels (0: as in the data; fashion-mnist 32)")
      ->check(whole_number(0, 32768))
      ->capture_default_str();
  app.add_option(
         "--count", options.count,
         "Training images, the first so many of a folder in the order of their names, or of a file (0: 1000 as in "
         "the paper, or all when there are fewer)")
      ->check(whole_number(0))
      ->capture_default_str();
  add_image_options(app, options);
  app.add_option("--samples", options.samples, "Samples shown per row")
      ->check(whole_number(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--measured", options.measured, "Samples drawn for the measured statistics")
      ->check(whole_number(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Sampling steps N")->check(whole_number(1, 1000))->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of all noise")
      ->check(whole_number<std::uint64_t>(0))
      ->capture_default_str();
  app.add_option("--out", options.out, "Folder for pictures and numbers")->capture_default_str();
  app.add_flag("--quick", options.quick, "A small run of a few seconds: 200 images, 8 samples, 200 measured");
  app.add_option_function<std::string>(
         "--dtype", [&options](const std::string& name) { options.double_precision = name == "f64"; },
         "Precision: f32 or f64")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->default_str(options.double_precision ? "f64" : "f32");
  app.add_option("--backend", options.backend, "Where models are fitted and sampled: cpu, or cuda, an NVIDIA GPU")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_flag("--save-npy", options.save_npy,
               "Also write every row's samples as <row>.npy (n, h, w, c) and the initial noise as noise.npy");
  app.add_option("--noise", options.noise,
                 "Initial noise x_T (n, h, w, c), channels last, from this .npy or .npz file instead of the seed");
}

namespace {

/// Throws FileError unless the program's files can be made in the folder: better now than after hours of work.
void require_writable(const FigureOptions& options) {
  const std::string folder = options.out.string();
  if (std::any_of(folder.begin(), folder.end(), [](unsigned char byte) { return std::iscntrl(byte) != 0; }))
    throw diffarch::FileError("--out " + folder, "the name has a control character, which gnuplot does not take");
  for (const char* ending : {".json", ".png"}) diffarch::AtomicFile(options.out / (options.program + ending)).write("");
}

}  // namespace

int exit_after_parsing(const CLI::App& app, const CLI::ParseError& error, const std::string& program) {
  const int status = app.exit(error);
  try {
    require_printed();
  } catch (const diffarch::Error&) {
    return report_exception(program);
  }
  return status;
}

int report_exception(const std::string& program) {
  try {
    throw;
  } catch (const diffarch::Interrupted& stop) {
    std::fprintf(stderr, "\n%s: %s (--resume)\n", program.c_str(), stop.what());
    return 128 + diffarch::StopSignals::received();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: error: not enough memory\n", program.c_str());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: error: %s\n", program.c_str(), error.what());
    return 1;
  }
}

int run_program(CLI::App& app, FigureOptions& options, int argc, const char* const* argv,
                const std::function<void()>& body,
                const std::function<void(const std::function<void()>& body)>& together) {
  const diffarch::LaunchedProcess process = diffarch::launched_process();
  keep_standard_streams_open();
  app.failure_message([&options](const CLI::App* /*app*/, const CLI::Error& error) {
    return diffarch::detail::concat(options.program, ": error: ", error.what(), " (see --help)\n");
  });
  try {
    app.parse(argc, argv);
    diffarch::detail::require(process.count == 1 || together, process.count, " processes were started (",
                              process.variable,
                              "), but the program is one process and each would do the same; start it once");
    if (options.quick) {
      if (app.count("--samples") == 0) options.samples = 8;
      if (app.count("--measured") == 0) options.measured = 200;
    }
    options.count_is_given = options.count > 0;  // before a profile fills in its own
    if (options.quick && !options.count_is_given) options.count = 200;
    diffarch::keep_freed_memory();
    const auto checked_body = [&] {
      require_writable(options);
      body();
    };
    process.count == 1 ? checked_body() : together(checked_body);
    require_printed();
    return 0;
  } catch (const CLI::ParseError& error) {
    return process.rank == 0 ? exit_after_parsing(app, error, options.program) : 0;
  } catch (...) {
    return process.rank == 0 ? report_exception(options.program) : 0;
  }
}

int run_program(const std::string& description, const std::string& name, FigureOptions& options, int argc,
                const char* const* argv, const std::function<void()>& body) {
  CLI::App app(description, name);
  add_figure_options(app, options);
  return run_program(app, options, argc, argv, body);
}

}  // namespace figures
