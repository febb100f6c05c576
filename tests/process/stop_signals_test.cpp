#include "diffarch/process/stop_signals.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Signals are remembered while somebody waits for them, and the old handlers come back", "[process]") {
  static volatile std::sig_atomic_t before_called = 0;
  const auto old = std::signal(SIGTERM, [](int) { before_called = 1; });
  {
    const StopSignals stop;
    CHECK_FALSE(stop.requested());
    std::raise(SIGTERM);
    CHECK(stop.requested());
    CHECK(stop.received() == SIGTERM);
  }
  CHECK(before_called == 0);
  std::raise(SIGTERM);
  CHECK(before_called == 1);
  {
    const StopSignals stop;
    CHECK_FALSE(stop.requested());
  }
  std::signal(SIGTERM, old);
}

TEST_CASE("A closed terminal is a reason to stop, but not for a program that ignores it", "[process]") {
  {
    const StopSignals stop;
    std::raise(SIGHUP);
    CHECK(stop.received() == SIGHUP);
  }
  const auto old = std::signal(SIGHUP, SIG_IGN);  // nohup
  {
    const StopSignals stop;
    std::raise(SIGHUP);
    CHECK_FALSE(stop.requested());
  }
  CHECK(std::signal(SIGHUP, old) == SIG_IGN);
}
