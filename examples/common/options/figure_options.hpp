#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "common/options/command_line.hpp"
#include "diffarch/core/batch.hpp"
#include "diffarch/core/image_options.hpp"

namespace figures {

/// Options that every figure program shares.
struct FigureOptions {
  std::string program = {};
  std::string data = "fashion-mnist";
  diffarch::Index size = 0;
  diffarch::Index count = 0;
  diffarch::ValueRange range = {};                                 ///< of the numbers in --data
  diffarch::ImageLayout layout = diffarch::ImageLayout::unstated;  ///< of the arrays in --data
  diffarch::Index channels = 0;                                    ///< to convert the images to; 0: as in --data
  bool count_is_given = false;  ///< on the command line: then there must be so many, else there may be fewer
  diffarch::Index samples = 16;
  diffarch::Index measured = 1000;
  diffarch::Index steps = 10;
  std::uint64_t seed = 0;
  std::filesystem::path out = {};
  std::string backend = "cpu";  ///< cpu or cuda; see backends.hpp
  bool quick = false;
  bool double_precision = false;
  bool save_npy = false;
  std::filesystem::path noise = {};
};

/// Declares the shared options on a command line; the values already in `options` are the defaults.
void add_figure_options(CommandLine& line, FigureOptions& options);

/// Prints the exception that is handled as one line on stderr and returns the exit status for it.
[[nodiscard]] int report_exception(const std::string& program);

/// Parses the command line and runs `body`, turning every failure into one line on stderr and exit status 1.
/// `body` is called after --quick has replaced the values that were not given.
/// Several processes that a launcher (mpirun) started together are a failure, too, unless `together` is given: it then
/// calls `body`. Of them only the first prints such a line and has such a status.
int run_program(CommandLine& line, FigureOptions& options, int argc, const char* const* argv,
                const std::function<void()>& body,
                const std::function<void(const std::function<void()>& body)>& together = {});

/// The same for a program whose options are the shared ones.
int run_program(const std::string& description, const std::string& name, FigureOptions& options, int argc,
                const char* const* argv, const std::function<void()>& body);

}  // namespace figures
