#include "common/options/figure_options.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <locale>
#include <new>
#include <sstream>

#include "common/options/standard_streams.hpp"
#include "diffarch/core/error.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/process/launched_process.hpp"
#include "diffarch/process/stop_signals.hpp"

namespace figures {

namespace {

/// Two numbers with a colon between them.
bool parse_range(const std::string& text, diffarch::ValueRange& range) {
  const std::size_t colon = text.find(':');
  const auto parse = [&](const std::string& number, double& value) {
    std::istringstream stream(number);
    stream.imbue(std::locale::classic());
    return static_cast<bool>(stream >> value) && stream.peek() == std::istringstream::traits_type::eof();
  };
  return colon != std::string::npos && parse(text.substr(0, colon), range.low) &&
         parse(text.substr(colon + 1), range.high) && range.low < range.high;
}

/// The options that say what the numbers and axes of --data mean.
void add_image_options(CommandLine& line, FigureOptions& options) {
  const Allowed a_range{.range = "LOW:HIGH", .problem = [](const std::string& text) {
                          diffarch::ValueRange range;
                          return parse_range(text, range)
                                     ? std::string()
                                     : text + ": expected LOW:HIGH with LOW < HIGH, such as 0:255 or -1:1";
                        }};
  line.add({"--range", [&options](const std::string& text) { parse_range(text, options.range); },
            "LOW:HIGH, the numbers in --data that become -1 and 1, such as 0:255, 0:1, 0:4095 or -1:1 (default: what 8 "
            "or 16 bits hold; floats have to be in [-1, 1] already, or of mean 0)",
            a_range});
  line.add({"--layout",
            [&options](const std::string& name) {
              options.layout = name == "channels-first" ? diffarch::ImageLayout::channels_first
                                                        : diffarch::ImageLayout::channels_last;
            },
            "Axes of a .npy or .npz file given to --data: channels-last (n, h, w[, c]) or channels-first (n, c, h, w) "
            "(default: channels last, and what looks otherwise is refused)",
            one_of({"channels-last", "channels-first"})});
  line.add(without_default({"--channels", &options.channels,
                            "Convert all images to 1 channel (gray) or 3 (RGB) and drop alpha (default: all have to be "
                            "alike, without alpha)",
                            one_of_numbers({1, 3})}));
}

}  // namespace

void add_figure_options(CommandLine& line, FigureOptions& options) {
  options.program = line.program();
  options.out = std::filesystem::path("results") / options.program;
  line.add(
      {"--data", &options.data,
       "Training images: a folder of PNG or JPEG; a .npy or .npz file (n, h, w[, c]), FILE.npz:NAME where it holds "
       "several arrays; an IDX file, plain or .gz; fashion-mnist; synthetic"});
  line.add({"--size", &options.size, "Image height and width in pixels (0: as in the data; fashion-mnist 32)",
            whole_number(0, 32768)});
  line.add({"--count", &options.count,
            "Training images, the first so many of a folder in the order of their names, or of a file (0: 1000 as in "
            "the paper, or all when there are fewer)",
            whole_number(0)});
  add_image_options(line, options);
  line.add({"--samples", &options.samples, "Samples shown per row", whole_number(1, 1'000'000)});
  line.add({"--measured", &options.measured, "Samples drawn for the measured statistics", whole_number(1, 1'000'000)});
  line.add({"--steps", &options.steps, "Sampling steps N", whole_number(1, 1000)});
  line.add({"--seed", &options.seed, "Seed of all noise", any_seed()});
  line.add({"--out", &options.out, "Folder for pictures and numbers"});
  line.add({"--quick", &options.quick, "A small run of a few seconds: 200 images, 8 samples, 200 measured"});
  line.add({"--dtype", [&options](const std::string& name) { options.double_precision = name == "f64"; },
            "Precision: f32 or f64", one_of({"f32", "f64"}), options.double_precision ? "f64" : "f32"});
  line.add({"--backend", &options.backend, "Where models are fitted and sampled: cpu, or cuda, an NVIDIA GPU",
            one_of({"cpu", "cuda"})});
  line.add({"--save-npy", &options.save_npy,
            "Also write every row's samples as <row>.npy (n, h, w, c) and the initial noise as noise.npy"});
  line.add(without_default({"--noise", &options.noise,
                            "Initial noise x_T (n, h, w, c), channels last, from this .npy or .npz file instead of the "
                            "seed"}));
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

int run_program(CommandLine& line, FigureOptions& options, int argc, const char* const* argv,
                const std::function<void()>& body,
                const std::function<void(const std::function<void()>& body)>& together) {
  const diffarch::LaunchedProcess process = diffarch::launched_process();
  keep_standard_streams_open();
  try {
    if (const std::optional<int> status = line.parse(argc, argv, process.rank != 0)) {
      require_printed();
      return *status;
    }
    diffarch::detail::require(process.count == 1 || together, process.count, " processes were started (",
                              process.variable,
                              "), but the program is one process and each would do the same; start it once");
    if (options.quick) {
      if (!line.names("--samples")) options.samples = 8;
      if (!line.names("--measured")) options.measured = 200;
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
  } catch (...) {
    return process.rank == 0 ? report_exception(options.program) : 0;
  }
}

int run_program(const std::string& description, const std::string& name, FigureOptions& options, int argc,
                const char* const* argv, const std::function<void()>& body) {
  CommandLine line(description, name);
  add_figure_options(line, options);
  return run_program(line, options, argc, argv, body);
}

}  // namespace figures
