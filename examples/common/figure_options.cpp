#include "figure_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "diffarch/core/error.hpp"
#include "diffarch/core/launched_process.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/stop_signals.hpp"
#include "diffarch/io/atomic_file.hpp"

namespace figures {

void add_figure_options(CLI::App& app, FigureOptions& options) {
  options.program = app.get_name();
  options.out = std::filesystem::path("results") / options.program;
  app.add_option("--data", options.data,
                 "Training images: a folder of PNG/JPEG, a .npy file (n, h, w[, c]) in [-1, 1], fashion-mnist, or "
                 "synthetic")
      ->capture_default_str();
  app.add_option("--size", options.size, "Image height and width in pixels (0: as in the data; fashion-mnist 32)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--count", options.count, "Training images (0: 1000 as in the paper, or all when there are fewer)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--samples", options.samples, "Samples shown per row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--measured", options.measured, "Samples drawn for the measured statistics")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Sampling steps N")->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of all noise")->capture_default_str();
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
  app.add_option("--noise", options.noise, "Initial noise x_T (n, h, w, c) from this .npy file instead of the seed");
}

namespace {

/// Throws FileError unless a file can be made in the folder: better now than after hours of work.
void require_writable(const std::filesystem::path& folder) { diffarch::AtomicFile(folder / "writable").write(""); }

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

int run_program(CLI::App& app, FigureOptions& options, int argc, const char* const* argv,
                const std::function<void()>& body,
                const std::function<void(const std::function<void()>& body)>& together) {
  const diffarch::LaunchedProcess process = diffarch::launched_process();
  try {
    app.parse(argc, argv);
    diffarch::detail::require(process.count == 1 || together, process.count, " processes were started (",
                              process.variable,
                              "), but the program is one process and each would do the same; start it once");
    if (options.quick) {
      if (app.count("--count") == 0) options.count = 200;
      if (app.count("--samples") == 0) options.samples = 8;
      if (app.count("--measured") == 0) options.measured = 200;
    }
    diffarch::keep_freed_memory();
    const auto checked_body = [&] {
      require_writable(options.out);
      body();
    };
    process.count == 1 ? checked_body() : together(checked_body);
    return 0;
  } catch (const CLI::ParseError& error) {
    return process.rank == 0 ? app.exit(error) : 0;
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
