#include "spectrum_schedules/rules.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>

#include "diffarch/analysis/bures.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/adams_bashforth.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/euler_maruyama.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/sampler/gradient_estimation.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"

namespace spectrum_schedules {

namespace {

/// A rule of the table.
struct Entry {
  std::string name;
  std::string colour;
  int order;                 ///< of convergence in the length of the steps
  Index calls_per_step = 1;  ///< of the denoiser; the last step has one
  bool is_searched = true;   ///< whether optimal levels are searched for any number of steps
  bool is_deterministic = true;

  [[nodiscard]] Index steps(Index calls) const { return (calls + calls_per_step - 1) / calls_per_step; }
};

/// The W2 that a rule leaves on one schedule with one number of calls.
struct Outcome {
  Index calls;
  double w2;
  std::optional<double> measured;  ///< from moment-matched noise, for deterministic rules
  double discretisation;           ///< W2 to what the exact flow generates from the same start
  NoiseLevels levels;
};

/// The curves of a rule: one for each schedule.
struct RuleOutcomes {
  Entry rule;
  std::vector<std::pair<std::string, std::vector<Outcome>>> schedules;
};

class Comparison {
 public:
  Comparison(const Vector<double>& eigenvalues, double sigma_T)
      : eigenvalues_(eigenvalues), sigma_T_(sigma_T), noise_(matched_noise(eigenvalues.size())) {}

  template <class Rule>
  [[nodiscard]] RuleOutcomes run(const Entry& entry, const Rule& rule, const std::vector<Index>& calls,
                                 ProgressReporter& progress) const {
    RuleOutcomes outcomes{entry, {{"cosine", {}}, {"Karras", {}}, {"optimal", {}}}};
    for (const Index number : calls) {
      const Index steps = entry.steps(number);
      const auto add = [&](std::size_t schedule, const NoiseLevels& levels) {
        outcomes.schedules[schedule].second.push_back(outcome(entry, rule, number, levels));
      };
      add(0, CosineSchedule{.steps = steps}.levels());
      add(1, KarrasSchedule{.steps = steps, .sigma_max = sigma_T_}.levels());
      if (entry.is_searched || steps <= largest_slow_search)
        add(2, SpectrumOptimalSchedule(eigenvalues_, steps, rule, sigma_T_).levels());
      progress.advance();
    }
    return outcomes;
  }

 private:
  // The search for a rule with a memory and fresh noise costs N times as much.
  static constexpr Index largest_slow_search = 25;

  /// Samples whose mean is 0 and whose variance is 1 in every mode.
  [[nodiscard]] static Batch<double> matched_noise(Index modes) {
    constexpr Index samples = 8;
    Batch<double> noise = normal_batch<double>(modes, samples, Seed{1});
    noise.colwise() -= Vector<double>(noise.rowwise().mean());
    const Vector<double> variance = noise.cwiseAbs2().rowwise().mean();
    return variance.cwiseSqrt().cwiseInverse().asDiagonal() * noise;
  }

  template <class Rule>
  [[nodiscard]] Outcome outcome(const Entry& entry, const Rule& rule, Index calls, const NoiseLevels& levels) const {
    const detail::ModeOutcome predicted = detail::mode_outcome(rule, eigenvalues_, levels);
    Vector<double> of_flow(eigenvalues_.size());
    for (Index mode = 0; mode < eigenvalues_.size(); ++mode)
      of_flow(mode) = std::pow(exact_flow_gain(eigenvalues_(mode), levels[0], NoiseLevel{}) * levels[0].scale(), 2);
    Outcome result{calls,
                   bures_distance_of_spectra(predicted.variance, eigenvalues_),
                   {},
                   bures_distance_of_spectra(predicted.variance, of_flow),
                   levels};
    if (entry.is_deterministic) {
      const Batch<double> samples = sample_from(model(), CustomSchedule({levels.begin(), levels.end()}), noise_, rule);
      const Vector<double> variance = samples.cwiseAbs2().rowwise().mean();
      result.measured = bures_distance_of_spectra(variance, eigenvalues_);
    }
    return result;
  }

  /// The exact denoiser of N(0, diag(eigenvalues)): one Wiener gain for each mode.
  [[nodiscard]] auto model() const {
    return make_denoiser<double>(eigenvalues_.size(), [this](const Batch<double>& y, NoiseLevel level) {
      Batch<double> x0_hat = y;
      for (Index mode = 0; mode < y.rows(); ++mode) x0_hat.row(mode) *= wiener_gain(eigenvalues_(mode), level);
      return x0_hat;
    });
  }

  const Vector<double>& eigenvalues_;
  double sigma_T_;
  Batch<double> noise_;
};

std::vector<RuleOutcomes> all_outcomes(const Comparison& comparison, const std::vector<Index>& calls) {
  constexpr Index rules = 9;
  const ProgressCallback bar = ConsoleProgress{};
  ProgressReporter progress(bar, "rules and schedules", rules * static_cast<Index>(calls.size()));
  std::vector<RuleOutcomes> result;
  const auto add = [&](const Entry& entry, const auto& rule) {
    result.push_back(comparison.run(entry, rule, calls, progress));
  };
  add({.name = "DDPM", .colour = "#999933", .order = 1, .is_deterministic = false}, Ancestral{});
  add({.name = "Euler-Maruyama", .colour = "#88ccee", .order = 1, .is_deterministic = false}, EulerMaruyama{});
  add({.name = "SDE-DPM-Solver++(2M)",
       .colour = "#44aa99",
       .order = 1,
       .is_searched = false,
       .is_deterministic = false},
      DpmSolver2M{.eta = 1.0});
  add({.name = "DDIM", .colour = "#0072b2", .order = 1}, Ddim{});
  add({.name = "Heun", .colour = "#e69f00", .order = 2, .calls_per_step = 2}, Heun{});
  add({.name = "Adams-Bashforth 2", .colour = "#cc79a7", .order = 2}, AdamsBashforth{.order = 2});
  add({.name = "Adams-Bashforth 4", .colour = "#882255", .order = 4}, AdamsBashforth{.order = 4});
  add({.name = "gradient estimation", .colour = "#000000", .order = 1}, GradientEstimation{});
  add({.name = "DPM-Solver++(2M)", .colour = "#d55e00", .order = 2}, DpmSolver2M{});
  return result;
}

/// log(W2 / W2') / log(calls' / calls) of the two largest numbers of calls.
std::optional<double> measured_order(const std::vector<Outcome>& outcomes) {
  if (outcomes.size() < 2) return {};
  const Outcome& before = outcomes[outcomes.size() - 2];
  const Outcome& last = outcomes.back();
  return std::log(before.discretisation / last.discretisation) /
         std::log(static_cast<double>(last.calls) / static_cast<double>(before.calls));
}

void print_outcomes(const RuleOutcomes& outcomes) {
  for (const auto& [schedule, row] : outcomes.schedules) {
    std::printf("%-21s %-8s", outcomes.rule.name.c_str(), schedule.c_str());
    for (const Outcome& outcome : row) std::printf(" %9.3g", outcome.w2);
    if (schedule == "Karras")
      if (const auto order = measured_order(row)) std::printf("   order %.2f (%d)", *order, outcomes.rule.order);
    std::printf("\n");
  }
}

void report_outcomes(const RuleOutcomes& outcomes, figures::FigureReport& report) {
  for (const auto& [schedule, row] : outcomes.schedules)
    for (const Outcome& outcome : row) {
      figures::Json entry = {{"rule", outcomes.rule.name},
                             {"order", outcomes.rule.order},
                             {"schedule", schedule},
                             {"calls", outcome.calls},
                             {"steps", outcome.levels.steps()},
                             {"w2", outcome.w2},
                             {"w2_to_exact_flow", outcome.discretisation}};
      if (outcome.measured) entry["w2_from_moment_matched_noise"] = *outcome.measured;
      if (schedule == "optimal") entry["sigmas"] = outcome.levels.sigmas();
      report["rules"].push_back(entry);
    }
}

Series empty_series(const Entry& rule) {
  return {.label = rule.name,
          .x = {},
          .y = {},
          .style = SeriesStyle::lines_points,
          .colour = rule.colour,
          .point_size = 0.6};
}

/// W2 against calls on one of the schedules, and dashed lines of slope 1, 2 and 4.
Panel panel_of(std::size_t schedule, const std::string& title, const std::vector<RuleOutcomes>& all) {
  Panel panel{.title = title,
              .x_label = "calls of the denoiser",
              .y_label = "W2 to the data",
              .log_x = true,
              .log_y = true,
              .legend_beside = true};
  double largest = 0.0;
  for (const RuleOutcomes& outcomes : all) {
    Series series = empty_series(outcomes.rule);
    for (const Outcome& outcome : outcomes.schedules[schedule].second) {
      series.x.push_back(static_cast<double>(outcome.calls));
      series.y.push_back(outcome.w2);
      largest = std::max(largest, outcome.w2);
    }
    if (!series.x.empty()) panel.series.push_back(std::move(series));
  }
  const std::vector<Outcome>& any = all.front().schedules.front().second;
  const auto first = static_cast<double>(any.front().calls);
  const auto last = static_cast<double>(any.back().calls);
  for (const int order : {1, 2, 4})
    if (any.size() > 1)
      panel.series.push_back({.label = detail::concat("slope ", order),
                              .x = {first, last},
                              .y = {largest, largest * std::pow(first / last, order)},
                              .style = SeriesStyle::dashed_lines,
                              .colour = "#999999",
                              .line_width = 1.0});
  return panel;
}

/// The optimal sigmas of every rule for one number of calls, against the share of the steps that are done.
Panel courses_of_sigma(std::size_t number, const std::vector<RuleOutcomes>& all) {
  Panel panel{.title = {}, .x_label = "step / N", .y_label = "sigma", .log_y = true, .legend_beside = true};
  for (const RuleOutcomes& outcomes : all) {
    const std::vector<Outcome>& row = outcomes.schedules[2].second;
    if (number >= row.size() || !outcomes.rule.is_deterministic) continue;
    const NoiseLevels& levels = row[number].levels;
    panel.title = detail::concat("Optimal sigmas for ", row[number].calls, " calls");
    Series series = empty_series(outcomes.rule);
    for (Index step = 0; step < levels.steps(); ++step) {
      series.x.push_back(static_cast<double>(step) / static_cast<double>(levels.steps()));
      series.y.push_back(levels[step].sigma());
    }
    panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

void compare_rules(const Vector<double>& eigenvalues, const std::vector<Index>& calls, double sigma_T,
                   figures::FigureReport& report) {
  const std::vector<RuleOutcomes> all = all_outcomes(Comparison(eigenvalues, sigma_T), calls);
  const double deviation = std::sqrt(eigenvalues.sum());
  std::printf("\nW2 to the data for so many calls of the denoiser (cosine: sigma_T = %.3g, others: %.3g)\n%-30s",
              CosineSchedule{}.levels().sigma_T(), sigma_T, "");
  for (const Index number : calls) std::printf(" %9ld", static_cast<long>(number));
  std::printf("\n");
  double largest_difference = 0.0;
  for (const RuleOutcomes& outcomes : all) {
    print_outcomes(outcomes);
    report_outcomes(outcomes, report);
    for (const auto& schedule : outcomes.schedules)
      for (const Outcome& outcome : schedule.second)
        if (outcome.measured)
          largest_difference =
              std::max(largest_difference, std::abs(*outcome.measured - outcome.w2) / std::max(outcome.w2, deviation));
  }
  std::printf(
      "deterministic rules from moment-matched noise: W2 within %.1e of the larger of itself and %.4g, the root of "
      "the total variance\n\n",
      largest_difference, deviation);
  report["rules_largest_difference"] = largest_difference;
  report.add_plot("spectrum_schedules_rules.png",
                  {panel_of(1, "Karras's levels", all), panel_of(2, "The optimal levels of each rule", all),
                   courses_of_sigma(std::min<std::size_t>(1, calls.size() - 1), all)},
                  {.columns = 2,
                   .panel_width = 760,
                   .panel_height = 480,
                   .title = "What each rule leaves of a Gaussian with the spectrum of the data"});
}

}  // namespace spectrum_schedules
