// Certificates: every theorem of the paper, every sharper statement, and every counterexample, as a prediction and a
// measurement.
//
// Each statement is a sentence about what a denoiser's architecture makes the sampler generate. The program fits the
// library's denoisers to data that it makes itself, samples, and compares with numbers from closed forms and quadrature
// that are written out beside the statement. It prints one line for each comparison, writes all numbers to
// certificates.json and one picture for each statement, and exits with status 1 when a statement does not hold.
// Statements T1 to T6 are the theorems of Levine and Weiss, "Diffusion models, denoiser architecture and creativity";
// C1 to C10 say more precisely where they hold, and with "false as stated" where they do not.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <set>
#include <string>

#include "certificates/statements.hpp"
#include "common/options/command_line.hpp"
#include "common/options/figure_options.hpp"
#include "common/report/figure_report.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/file_status.hpp"
#include "diffarch/version.hpp"

namespace certificates {

namespace {

constexpr std::array statements{
    Statement{"T1",
              "A denoiser that is the exact posterior mean at every noise level generates the target distribution.",
              "paper, Theorem 1", exact_denoiser_generates_target},
    Statement{"T2",
              "A denoiser that sees a window of the image only, in its place, generates the same from all data sets "
              "with the same windows at every place.",
              "paper, Theorem 2", local_denoiser_sees_windows},
    Statement{"T3",
              "The best linear denoiser generates a Gaussian with the mean and covariance of the data, whatever else "
              "the data are; finitely many steps change its variances as predicted.",
              "paper, Theorem 3", linear_denoiser_generates_gaussian},
    Statement{"T4",
              "The best linear denoiser of rank K generates a Gaussian on K dimensions: the rank-K part of the "
              "covariance.",
              "paper, Theorem 4", rank_k_generates_rank_k_gaussian},
    Statement{"T5",
              "The best polynomial denoiser of degree d, and what it generates, is a function of the data's moments up "
              "to 2 d alone.",
              "paper, Theorem 5, first part", polynomial_sees_moments},
    Statement{"T6",
              "Samples of a network with a bottleneck of one number lie on a curve: for the paper's network in the "
              "plane a polyline with at most 64 bends, known from its weights.",
              "paper, Theorem 6", bottleneck_samples_on_a_curve},
    Statement{"C1a",
              "N DDIM steps with the linear denoiser multiply each mode by prod (lambda + sigma sigma') / (lambda + "
              "sigma^2): three schedules, N = 5, 10, 50.",
              "sharpens Theorem 3", gain_oracle},
    Statement{"C1b",
              "DDIM always generates too little variance, at most cos^2N(Theta / N) of it with Theta = "
              "arctan(sigma_T / sqrt(lambda)); equal angles reach the bound.",
              "sharpens Theorem 3", ddim_loses_variance},
    Statement{"C1c", "Heun's method on the EDM schedule generates too much variance.", "sharpens Theorem 3",
              heun_adds_variance},
    Statement{"C2",
              "Fitting the linear denoiser to its own samples again and again shrinks each variance by the share that "
              "a run of the sampler keeps.",
              "explains figure 6", refitting_contracts},
    Statement{"C3a",
              "Without a bias the linear denoiser generates N(0, E[x x^T]), not the mean and covariance of the data.",
              "corrects the proof of Theorem 4", without_bias_second_moments},
    Statement{"C3b",
              "Samples of a rank-K denoiser have rank K only because the last step goes to sigma = 0: stopped before, "
              "noise proportional to sigma fills all directions.",
              "completes Theorem 4", rank_needs_a_clean_end},
    Statement{"C4a",
              "A regular heptagon and its rotation have the same denoiser up to degree 5 and not at 6; in general an "
              "m-gon up to degree m - 2.",
              "sharpens Theorem 5", polygon_twins},
    Statement{"C4b",
              "m Gauss-Hermite atoms look exactly Gaussian to a denoiser up to degree 2 m - 2 and not at 2 m - 1: when "
              "the best denoiser has degree e, moments up to d + e decide.",
              "sharpens Theorem 5", atoms_look_gaussian},
    Statement{"C4c", "On the line d + 1 weighted points have the degree-d denoiser of any data set; d points do not.",
              "sharpens Theorem 5", few_nodes_on_a_line},
    Statement{"C4d",
              "In the plane 28 reweighted training points out of 1000 have the same cubic denoiser and give the same "
              "samples: a coreset without loss.",
              "sharpens Theorem 5", coreset_of_28_points},
    Statement{"C5a",
              "False as stated: the score of a polynomial denoiser is not the gradient of a log density in two "
              "dimensions, from degree 2 on its Jacobian is not symmetric.",
              "against Theorem 5, second part", polynomial_has_curl},
    Statement{"C5b",
              "False as stated: a cubic denoiser of two bumps on the line does not generate exp(quartic), since "
              "log-polynomials do not stay log-polynomials under noise.",
              "against Theorem 5, second part", not_a_log_polynomial},
    Statement{"C5c",
              "False as stated: an odd degree is not enough for a density. The leading coefficient of the cubic "
              "denoiser has the sign of the excess kurtosis, and heavy tails make samples run away.",
              "against Theorem 5, second part", heavy_tails_escape},
    Statement{"C5d",
              "The remedy: the best denoiser of the form y + sigma^2 grad Q, Q a polynomial, has no curl: the field of "
              "each level has a polynomial potential. What is generated is not the density of the last level's.",
              "mends Theorem 5", conservative_has_no_curl},
    Statement{"C6",
              "Random-feature polynomials fitted with the exact average over the noise are the best polynomial once "
              "they span it; their moments are a closed form.",
              "what infinitely many noise draws tend to", random_features_are_polynomials},
    Statement{"C7a",
              "The Jacobian of a bottleneck of width h has rank at most h everywhere, and atanh of the samples lies in "
              "a cone of h dimensions.",
              "sharpens Theorem 6", bottleneck_rank},
    Statement{"C7b",
              "False as stated: a U-Net with skip connections is no bottleneck, however few numbers pass its middle.",
              "against section 2.3", skips_are_no_bottleneck},
    Statement{"C8a",
              "A U-Net sees windows of 18 pixels with one pool, 44 with two, 92 to 100 with three, as its architecture "
              "predicts.",
              "sharpens Theorem 2", unet_receptive_field},
    Statement{"C8b",
              "A circular U-Net with P pools commutes with shifts by multiples of 2^P only, one with zero padding with "
              "none.",
              "sharpens Theorem 2", unet_shifts},
    Statement{"C8c",
              "A local denoiser that does not know where it is pools the windows of all places: data shifted image by "
              "image are the same to it, to one that knows they are not.",
              "sharpens Theorem 2", equivariant_pools_all_places},
    Statement{"C8d", "Batch norm in training mode is not local: every pixel depends on every other.",
              "limits Theorem 2", batch_statistics_are_not_local},
    Statement{"C8e",
              "A denoiser that knows its place modulo a period, as P pools of a circular U-Net do with the period 2^P, "
              "generates the same from all data with the same windows at each phase, and not from data with the same "
              "windows at all places together.",
              "sharpens Theorem 2", phases_are_known},
    Statement{"C8f",
              "With zeros around the images a local denoiser knows the borders: data with the same windows at each "
              "border pattern and phase are the same to it, whichever images the windows are of.",
              "sharpens Theorem 2", borders_are_known},
    Statement{"C9",
              "The unrestricted optimal denoiser of a training set creates nothing where the last noise level is far "
              "below the distances between training points: every sample is one of them. Elsewhere the posterior "
              "weights of the last level predict the share of copies.",
              "paper, section 2", ideal_denoiser_copies},
    Statement{"C10a",
              "At every last noise level the density that the linear denoiser generates has a Kullback-Leibler "
              "divergence to the data's that is predicted; the exact denoiser's is that of the two starts at sigma_T.",
              "sharpens Theorems 1 and 3", divergence_is_predicted},
    Statement{
        "C10b",
        "The divergences between the data and what polynomials and bottlenecks in the plane generate are those of "
        "the map of x_T. That of the data to a cubic is infinite: some of the data it does not generate at all.",
        "sharpens Theorems 5 and 6", divergence_in_the_plane},
};

/// Letters, digits and nothing else: names of files.
constexpr bool ids_are_unique() {
  for (std::size_t i = 0; i < statements.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (statements[i].id == statements[j].id) return false;
  return true;
}
static_assert(ids_are_unique());

/// A group "C4" stands for C4a, C4b, ...
bool is_selected(std::string_view id, std::string_view wanted) {
  if (id == wanted) return true;
  return id.size() == wanted.size() + 1 && id.starts_with(wanted) && id.back() >= 'a' && id.back() <= 'z';
}

std::vector<Statement> select(const std::vector<std::string>& wanted) {
  std::vector<Statement> selected;
  std::set<std::string> unknown(wanted.begin(), wanted.end());
  for (const Statement& statement : statements) {
    bool is_wanted = wanted.empty();
    for (const std::string& one : wanted)
      if (is_selected(statement.id, one)) {
        is_wanted = true;
        unknown.erase(one);
      }
    if (is_wanted) selected.push_back(statement);
  }
  diffarch::detail::require(unknown.empty(), "--only ", unknown.empty() ? "" : *unknown.begin(),
                            ": no such statement; --list names them");
  return selected;
}

const char* relation(Check::Kind kind) {
  return kind == Check::Kind::equal ? "equal" : kind == Check::Kind::at_most ? "at most" : "at least";
}

void print_check(const Check& check) {
  const char* sign = check.kind == Check::Kind::equal ? "" : check.kind == Check::Kind::at_most ? "<=" : ">=";
  char predicted[32];
  std::snprintf(predicted, sizeof predicted, "%s%.6g", sign, check.predicted);
  std::printf("  %-86s %12s %12.6g %9.2g  %s\n", check.what.c_str(), predicted, check.measured, check.tolerance,
              check.passed() ? "pass" : "FAIL");
}

Json to_json(const Statement& statement, const Certificate& certificate, double seconds) {
  Json entry = {{"id", statement.id},
                {"statement", statement.sentence},
                {"source", statement.source},
                {"pass", certificate.passed()},
                {"seconds", seconds}};
  for (const Check& check : certificate.checks)
    entry["checks"].push_back({{"what", check.what},
                               {"relation", relation(check.kind)},
                               {"predicted", check.predicted},
                               {"measured", check.measured},
                               {"tolerance", check.tolerance},
                               {"pass", check.passed()}});
  if (!certificate.details.empty()) entry["details"] = certificate.details;
  return entry;
}

/// Draws the picture of a statement; returns the file that holds it, or its data where it could not be drawn: why not
/// is then in `problem`.
std::string draw(const Statement& statement, Certificate& certificate, const std::filesystem::path& folder,
                 std::string& problem) {
  const std::filesystem::path file = folder / (std::string(statement.id) + ".png");
  std::string title = std::string(statement.id) + (certificate.passed() ? "" : " FAILED") + ": ";
  // A sentence breaks before a word that the line has no room for.
  std::size_t line = title.size();
  const std::size_t width = 84 * certificate.panels.size();
  const std::string_view sentence = statement.sentence;
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    const std::size_t word_end = std::min(sentence.find(' ', i + 1), sentence.size());
    const bool breaks = sentence[i] == ' ' && line + word_end - i > width;
    title += breaks ? '\n' : sentence[i];
    line = breaks ? 0 : line + 1;
  }
  for (Panel& panel : certificate.panels) panel.legend_beside = !panel.equal_aspect;  // curves fill their frame
  const PlotResult result = plot(file, certificate.panels,
                                 {.columns = static_cast<Index>(certificate.panels.size()),
                                  .panel_width = 720,
                                  .panel_height = 460,
                                  .title = title});
  if (!result.written()) problem = result.message;
  const auto kept = result.written() ? file : std::filesystem::path(file).replace_extension(".dat");
  return kept.filename().string();
}

void run(const std::filesystem::path& folder, const std::vector<std::string>& only, double tolerance_factor) {
  const std::vector<Statement> selected = select(only);
  diffarch::detail::create_folders(folder);
  Json report = {{"program", "certificates"},
                 {"library", diffarch::detail::concat("diffarch ", DIFFARCH_VERSION_MAJOR, ".", DIFFARCH_VERSION_MINOR,
                                                      ".", DIFFARCH_VERSION_PATCH)},
                 {"statements", Json::array()}};
  std::vector<Statement> failed;
  std::string failures;
  double total = 0.0;
  std::string not_drawn;  // why
  for (const Statement& statement : selected) {
    const auto start = std::chrono::steady_clock::now();
    std::printf("%.*s  %.*s\n", static_cast<int>(statement.id.size()), statement.id.data(),
                static_cast<int>(statement.sentence.size()), statement.sentence.data());
    std::printf("  %-86s %12s %12s %9s\n", ("(" + std::string(statement.source) + ")").c_str(), "predicted", "measured",
                "tolerance");
    std::fflush(stdout);
    Certificate certificate = statement.certify();
    for (Check& check : certificate.checks) check.tolerance *= tolerance_factor;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    total += seconds;
    for (const Check& check : certificate.checks) print_check(check);
    std::printf("  %s in %.2f s\n\n", certificate.passed() ? "holds" : "DOES NOT HOLD", seconds);
    Json entry = to_json(statement, certificate, seconds);
    entry["picture"] = draw(statement, certificate, folder, not_drawn);
    report["statements"].push_back(std::move(entry));
    write_file_atomically(folder / "certificates.partial.json", figures::json_text(report));
    if (certificate.passed()) continue;
    failed.push_back(statement);
    failures += (failures.empty() ? "" : ", ") + std::string(statement.id);
  }
  report["passed"] = selected.size() - failed.size();
  report["failed"] = failed.size();
  const std::filesystem::path json = folder / "certificates.json";
  write_file_atomically(json, figures::json_text(report));
  diffarch::detail::remove_file(folder / "certificates.partial.json");
  std::printf("%zu of %zu statements hold, in %.1f s\nwrote %s and one %s for each statement\n",
              selected.size() - failed.size(), selected.size(), total, json.string().c_str(),
              not_drawn.empty() ? "picture" : "picture, or its data and script where gnuplot could not draw it,");
  for (const Statement& statement : failed)
    std::printf("FAILED %.*s  %.*s\n", static_cast<int>(statement.id.size()), statement.id.data(),
                static_cast<int>(statement.sentence.size()), statement.sentence.data());
  diffarch::detail::require<Error>(failed.empty(), failed.size(), " of ", selected.size(),
                                   " statements do not hold: ", failures);
  diffarch::detail::require<Error>(not_drawn.empty(), not_drawn);
}

}  // namespace
}  // namespace certificates

int main(int argc, char** argv) {
  using namespace figures;
  CommandLine line("Every theorem and counterexample about what denoisers generate, predicted and measured",
                   "certificates");
  FigureOptions options{.program = "certificates", .out = "results/certificates"};
  std::vector<std::string> only;
  bool list = false;
  double tolerance_factor = 1.0;
  line.add({"--output,--out", &options.out, "Folder for pictures and numbers"});
  line.add(without_default({"--only", &only, "Some statements, comma separated: C5a,T3; C5 stands for C5a, C5b, ..."}));
  line.add({"--tolerance-factor", &tolerance_factor,
            "Multiplies every tolerance; with 0 rounding errors fail, which shows that failures are reported",
            number(0.0)});
  line.add({"--list", &list, "Print the statements and stop"});
  return run_program(line, options, argc, argv, [&] {
    if (!list) return certificates::run(options.out, only, tolerance_factor);
    for (const auto& statement : certificates::select(only))
      std::printf("%-4.*s %.*s (%.*s)\n", static_cast<int>(statement.id.size()), statement.id.data(),
                  static_cast<int>(statement.sentence.size()), statement.sentence.data(),
                  static_cast<int>(statement.source.size()), statement.source.data());
  });
}
