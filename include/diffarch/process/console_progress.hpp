#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "diffarch/core/progress.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace diffarch {

/// Prints progress to stderr: one bar redrawn in place on a terminal, elsewhere a plain line every few seconds and one
/// at the end of a task that took so long. A task's note, if it has one, comes first, on a line of its own. Colour only
/// on a terminal and only when NO_COLOR is unset or empty (no-color.org).
class ConsoleProgress {
 public:
  void operator()(const Progress& progress) {
    if (progress.total <= 0) return;
    if (progress.task != task_ || progress.done < done_) printed_at_ = 0.0;
    if (progress.task != task_ && !progress.note.empty())
      std::fprintf(stderr, "%s: %s\n", progress.task.c_str(), progress.note.c_str());
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
    std::fprintf(stderr, "\r%s%-28s%s [%s] %s\033[K%s", use_color() ? "\033[36m" : "", progress.task.c_str(),
                 use_color() ? "\033[0m" : "", bar.c_str(), text_of(progress).c_str(),
                 progress.done >= progress.total ? "\n" : "");
    std::fflush(stderr);
  }

  void print_line(const Progress& progress) {
    constexpr double seconds_between_lines = 5.0;
    const bool long_task_ends = progress.done >= progress.total && progress.seconds >= seconds_between_lines;
    if (progress.seconds - printed_at_ < seconds_between_lines && !long_task_ends) return;
    printed_at_ = progress.seconds;
    std::fprintf(stderr, "%s: %s\n", progress.task.c_str(), text_of(progress).c_str());
  }

  /// 40/100 images (8.0 s, 5.0 images/s, 12 s left), loss 0.1
  [[nodiscard]] static std::string text_of(const Progress& progress) {
    char text[160];
    if (progress.unit.empty()) {
      std::snprintf(text, sizeof text, "%ld/%ld (%.1f s)", static_cast<long>(progress.done),
                    static_cast<long>(progress.total), progress.seconds);
    } else if (progress.done >= progress.total || progress.rate() <= 0.0) {
      std::snprintf(text, sizeof text, "%ld/%ld %s (%.1f s, %.3g %s/s)", static_cast<long>(progress.done),
                    static_cast<long>(progress.total), progress.unit.c_str(), progress.seconds, progress.rate(),
                    progress.unit.c_str());
    } else {
      std::snprintf(text, sizeof text, "%ld/%ld %s (%.1f s, %.3g %s/s, %.0f s left)", static_cast<long>(progress.done),
                    static_cast<long>(progress.total), progress.unit.c_str(), progress.seconds, progress.rate(),
                    progress.unit.c_str(), progress.seconds_left());
    }
    return progress.status.empty() ? text : text + (", " + progress.status);
  }

  std::string task_;
  Index done_ = 0;
  double printed_at_ = 0.0;
};

}  // namespace diffarch
