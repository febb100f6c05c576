// Peak memory of the fit, data included, as a multiple of the data's own size. Linux: resets and reads VmHWM.

#include <cstdio>
#include <fstream>

#include "benchmark_data.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "process_memory.hpp"

int main() try {
  using namespace diffarch;
  const double before = status_kilobytes("VmRSS");
  const Batch<float> data = benchmark_data();
  std::ofstream("/proc/self/clear_refs") << 5;  // forget the peak of making the data
  const auto modes = principal_components<Cpu>(data);
  const double peak = status_kilobytes("VmHWM") - before;
  const double own = static_cast<double>(data.size()) * sizeof(float) / 1024.0;
  std::printf("{\"modes\": %ld, \"data_kilobytes\": %.0f, \"peak_kilobytes\": %.0f, \"ratio\": %.3f}\n",
              static_cast<long>(modes.basis.cols()), own, peak, peak / own);
} catch (const std::exception& error) {
  std::fprintf(stderr, "linear_fit_memory: error: %s\n", error.what());
  return 1;
}
