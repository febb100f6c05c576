#pragma once

#include <csignal>

namespace diffarch {

/// While it lives, the first Ctrl-C (SIGINT) or SIGTERM does not end the program but makes `requested()` true, so that
/// long work can save what it has; a second one ends the program as usual. At most one should live at a time.
class StopSignals {
 public:
  StopSignals()
      : previous_interrupt_(std::signal(SIGINT, remember)), previous_terminate_(std::signal(SIGTERM, remember)) {
    received_ = 0;
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    std::signal(SIGINT, previous_interrupt_);
    std::signal(SIGTERM, previous_terminate_);
  }

  [[nodiscard]] static bool requested() noexcept { return received_ != 0; }
  /// The number of the signal that came, 0 when none did. A program that ends because of it returns 128 + this.
  [[nodiscard]] static int received() noexcept { return received_; }

 private:
  static void remember(int signal) {
    received_ = signal;
    std::signal(signal, SIG_DFL);
  }

  static inline volatile std::sig_atomic_t received_ = 0;
  void (*previous_interrupt_)(int);
  void (*previous_terminate_)(int);
};

}  // namespace diffarch
