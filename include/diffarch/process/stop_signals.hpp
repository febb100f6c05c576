#pragma once

#include <array>
#include <csignal>
#include <cstddef>

namespace diffarch {

/// While it lives, the first SIGINT (Ctrl-C), SIGTERM or SIGHUP (the terminal was closed) does not end the program but
/// makes `requested()` true, so that long work can save what it has; a second one ends the program as usual. A signal
/// that the program was started to ignore (nohup) stays ignored. At most one object should live at a time.
class StopSignals {
 public:
  StopSignals() {
    received_ = 0;
    for (std::size_t i = 0; i < signals.size(); ++i) {
      previous_[i] = std::signal(signals[i], remember);
      if (previous_[i] == SIG_IGN) std::signal(signals[i], SIG_IGN);
    }
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (std::size_t i = 0; i < signals.size(); ++i) std::signal(signals[i], previous_[i]);
  }

  [[nodiscard]] static bool requested() noexcept { return received_ != 0; }
  /// The number of the signal that came, 0 when none did. A program that ends because of it returns 128 + this.
  [[nodiscard]] static int received() noexcept { return received_; }

 private:
#ifdef SIGHUP
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
#else
  static constexpr std::array signals{SIGINT, SIGTERM};
#endif

  static void remember(int signal) {
    received_ = signal;
    std::signal(signal, SIG_DFL);
  }

  static inline volatile std::sig_atomic_t received_ = 0;
  std::array<void (*)(int), signals.size()> previous_{};
};

}  // namespace diffarch
