#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "diffarch/core/batch.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace diffarch {

/// One report of a long computation: `done` of `total` units of `task`, after `seconds`.
struct Progress {
  std::string task;
  Index done = 0;
  Index total = 0;
  double seconds = 0.0;
};

/// Receives progress reports on the thread that called the library; an exception it throws stops the work.
using ProgressCallback = std::function<void(const Progress&)>;

/// Counts the units of one task and reports each to a callback; does nothing when the callback is empty.
class ProgressReporter {
 public:
  ProgressReporter(const ProgressCallback& callback, std::string task, Index total)
      : callback_(callback), progress_{std::move(task), 0, total, 0.0}, start_(std::chrono::steady_clock::now()) {}

  void advance(Index units = 1) {
    progress_.done += units;
    if (!callback_) return;
    progress_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    callback_(progress_);
  }

 private:
  const ProgressCallback& callback_;
  Progress progress_;
  std::chrono::steady_clock::time_point start_;
};

/// Prints progress to stderr: one bar redrawn in place on a terminal, elsewhere a plain line every few seconds and one
/// at the end of a task that took so long. Colour only on a terminal and only when NO_COLOR is unset or empty
/// (no-color.org).
class ConsoleProgress {
 public:
  void operator()(const Progress& progress) {
    if (progress.total <= 0) return;
    if (progress.task != task_ || progress.done < done_) printed_at_ = 0.0;
    task_ = progress.task;
    done_ = progress.done;
    if (is_terminal())
      draw_bar(progress);
    else
      print_line(progress);
  }

  [[nodiscard]] static bool is_terminal() noexcept {
#if __has_include(<unistd.h>)
    return isatty(STDERR_FILENO) == 1;
#else
    return false;
#endif
  }

  [[nodiscard]] static bool use_color() noexcept {
    const char* no_color = std::getenv("NO_COLOR");
    return is_terminal() && (no_color == nullptr || *no_color == '\0');
  }

 private:
  static void draw_bar(const Progress& progress) {
    constexpr Index width = 30;
    const Index filled = width * progress.done / progress.total;
    std::string bar(static_cast<std::size_t>(filled), '#');
    bar.resize(width, '.');
    std::fprintf(stderr, "\r%s%-28s%s [%s] %ld/%ld %.1f s\033[K%s", use_color() ? "\033[36m" : "",
                 progress.task.c_str(), use_color() ? "\033[0m" : "", bar.c_str(), static_cast<long>(progress.done),
                 static_cast<long>(progress.total), progress.seconds, progress.done >= progress.total ? "\n" : "");
    std::fflush(stderr);
  }

  void print_line(const Progress& progress) {
    constexpr double seconds_between_lines = 5.0;
    const bool long_task_ends = progress.done >= progress.total && progress.seconds >= seconds_between_lines;
    if (progress.seconds - printed_at_ < seconds_between_lines && !long_task_ends) return;
    printed_at_ = progress.seconds;
    std::fprintf(stderr, "%s: %ld/%ld (%.1f s)\n", progress.task.c_str(), static_cast<long>(progress.done),
                 static_cast<long>(progress.total), progress.seconds);
  }

  std::string task_;
  Index done_ = 0;
  double printed_at_ = 0.0;
};

}  // namespace diffarch
