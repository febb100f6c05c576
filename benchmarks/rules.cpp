// What the steps of each rule cost beside the calls of the denoiser: seconds for each call, relative to DDIM, for
// samples of the linear denoiser of 1000 images of 12288 values. All steps are taken: an observer sees them, so that
// nothing is collapsed. The rules take turns, and the medians of the rounds are compared.
//   rules [SAMPLES] [STEPS] [ROUNDS]                4096 samples, 50 steps, 5 rounds

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "benchmark_data.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/adams_bashforth.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/gradient_estimation.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/karras.hpp"

namespace {

using namespace diffarch;

/// A rule, and the seconds that each of its rounds took for one call of the denoiser.
struct Timed {
  std::string name;
  std::function<void()> run;
  double calls;
  std::vector<double> seconds = {};

  [[nodiscard]] double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, Index usual) { return argc > i ? std::max(1L, std::atol(argv[i])) : usual; };
  const Index samples = argument(1, 4096);
  const Index steps = argument(2, 50);
  const Index rounds = argument(3, 5);
  keep_freed_memory();
  const KarrasSchedule schedule{.steps = steps};
  const auto model = fit(Linear{}, benchmark_data(), schedule);
  const Batch<float> noise = normal_batch<float>(model.dimension(), samples, Seed{1});
  std::vector<Timed> rules;
  const auto add = [&](const auto& rule, double calls) {
    rules.push_back({rule.name(),
                     [&, rule] { (void)sample_from(model, schedule, noise, rule, Seed{1}, [](const auto&) {}); },
                     calls});
  };
  const auto n = static_cast<double>(steps);
  add(Ddim{}, n);
  add(Ancestral{}, n);
  add(Heun{}, 2.0 * n - 1.0);
  add(AdamsBashforth{.order = 4}, n);
  add(GradientEstimation{}, n);
  add(DpmSolver2M{}, n);
  add(DpmSolver2M{.eta = 1.0}, n);
  for (Index round = 0; round < rounds; ++round)
    for (Timed& rule : rules) {
      const auto start = std::chrono::steady_clock::now();
      rule.run();
      rule.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
                             rule.calls);
    }
  std::printf("%ld samples, %ld steps, median of %ld rounds\n", static_cast<long>(samples), static_cast<long>(steps),
              static_cast<long>(rounds));
  for (const Timed& rule : rules)
    std::printf("%-36s %8.2f ms a call  %6.3f of DDIM\n", rule.name.c_str(), 1e3 * rule.median(),
                rule.median() / rules.front().median());
}
