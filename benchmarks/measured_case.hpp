#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/io/npy.hpp"
#include "process_memory.hpp"

/// One case of a program that peers/ runs in turns with other libraries:
///   PROGRAM CASE FOLDER RUNS         does the work RUNS times; prints one JSON object: seconds of each run, megabytes
///                                    before the inputs were read and at most up to the end of the first run, threads
///   PROGRAM CASE FOLDER check        does the work once and writes FOLDER/CASE.npy, for a peer to compare
/// The inputs are .npy files in FOLDER, the same for all libraries.
class MeasuredCase {
 public:
  /// Throws InvalidArgument when the arguments are not as above.
  MeasuredCase(int argc, char** argv) : megabytes_before_(status_kilobytes("VmRSS") / 1024.0) {
    diffarch::detail::require(argc == 4, "expected three arguments: CASE FOLDER RUNS|check");
    name_ = argv[1];
    folder_ = argv[2];
    is_check_ = std::string(argv[3]) == "check";
    runs_ = is_check_ ? 1 : std::atoi(argv[3]);
    diffarch::detail::require(runs_ >= 1, "runs: ", argv[3], "; expected a number from 1, or check");
    diffarch::keep_freed_memory();
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_check() const noexcept { return is_check_; }

  /// FOLDER/file.npy of shape (n, d) as a batch (d, n).
  [[nodiscard]] diffarch::Batch<float> read(const std::string& file) const {
    return diffarch::read_npy_batch<float>(folder_ / (file + ".npy"));
  }

  /// Writes a batch (d, n) as FOLDER/CASE[.part].npy.
  template <class Scalar>
  void write(const diffarch::Batch<Scalar>& batch, const std::string& part = "") const {
    diffarch::write_npy_batch(folder_ / (name_ + (part.empty() ? "" : "." + part) + ".npy"), batch);
  }

  /// Times work(), whose result write_result(result) writes in a check.
  template <class Work, class WriteResult>
  void measure(const Work& work, const WriteResult& write_result) const {
    if (is_check_) {
      write_result(work());
      return;
    }
    std::ofstream("/proc/self/clear_refs") << 5;  // Linux: forget the peak of reading the inputs
    std::vector<double> seconds;
    double peak = 0.0;
    for (int run = 0; run < runs_; ++run) {
      const auto start = std::chrono::steady_clock::now();
      [[maybe_unused]] const auto result = work();
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      if (run == 0) peak = status_kilobytes("VmHWM") / 1024.0;
    }
    std::printf("{\"seconds\": [");
    for (std::size_t i = 0; i < seconds.size(); ++i) std::printf("%s%.6f", i == 0 ? "" : ", ", seconds[i]);
    std::printf("], \"peak_mb\": %.1f, \"before_mb\": %.1f, \"threads\": %d}\n", peak, megabytes_before_,
                diffarch::thread_count());
  }

 private:
  std::string name_;
  std::filesystem::path folder_;
  bool is_check_ = false;
  int runs_ = 1;
  double megabytes_before_;
};

/// The main function of such a program: run(case) returns false for a name it does not know.
template <class Run>
int run_measured_case(const char* program, int argc, char** argv, const Run& run) try {
  const MeasuredCase measured(argc, argv);
  if (run(measured)) return 0;
  std::fprintf(stderr, "%s: no case '%s'\n", program, measured.name().c_str());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: error: %s\n", program, error.what());
  return 1;
}
