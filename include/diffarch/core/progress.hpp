#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// One report of a long computation: `done` of `total` units of `task`, after `seconds`.
struct Progress {
  std::string task;
  Index done = 0;
  Index total = 0;
  double seconds = 0.0;
  std::string unit = {};    ///< what is counted, "images" say; empty: nothing whose speed is of interest
  std::string status = {};  ///< how it stands: the loss, say
  Index done_before = 0;    ///< units that were done when the time began: by a run that this one continues
  std::string note = {};    ///< what is worth saying once of the whole task

  /// Units a second; 0 before the first.
  [[nodiscard]] double rate() const noexcept {
    return seconds > 0.0 ? static_cast<double>(done - done_before) / seconds : 0.0;
  }
  /// At this rate; infinity before the first unit.
  [[nodiscard]] double seconds_left() const noexcept { return static_cast<double>(total - done) / rate(); }
};

/// Receives progress reports on the thread that called the library; an exception it throws stops the work.
using ProgressCallback = std::function<void(const Progress&)>;

/// Counts the units of one task and reports each to a callback; does nothing when the callback is empty.
class ProgressReporter {
 public:
  ProgressReporter(const ProgressCallback& callback, std::string task, Index total, std::string unit = {},
                   std::string note = {})
      : callback_(callback),
        progress_{.task = std::move(task), .total = total, .unit = std::move(unit), .note = std::move(note)},
        start_(std::chrono::steady_clock::now()) {}

  void advance(Index units = 1) {
    progress_.done += units;
    if (!callback_) return;
    progress_.seconds = seconds_since_start();
    callback_(progress_);
  }

  /// For steps too short to report each: reports when the last report is 0.1 s old, with `make_status()` as status.
  template <class MakeStatus>
  void advance_quietly(Index units, const MakeStatus& make_status) {
    progress_.done += units;
    if (!callback_) return;
    const double now = seconds_since_start();
    if (now - progress_.seconds < 0.1 && progress_.done < progress_.total) return;
    progress_.status = make_status();
    progress_.seconds = now;
    callback_(progress_);
  }

  /// Counts units that an earlier run has done.
  void skip(Index units) {
    progress_.done += units;
    progress_.done_before += units;
  }

 private:
  [[nodiscard]] double seconds_since_start() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  const ProgressCallback& callback_;
  Progress progress_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace diffarch
