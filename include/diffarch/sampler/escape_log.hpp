#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <unordered_map>
#include <vector>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/noise_level.hpp"

namespace diffarch {

/// A sample that ran away, and where it first did.
struct Escape {
  Index sample;  ///< its number
  Index step;    ///< 0 ... steps - 1
  double sigma;  ///< of that step
};

/// Counts the samples that run away. Pass one to `DiffusionSampler::sample`: sampling then goes on when predictions are
/// not finite, instead of throwing NumericalError, and the samples that escaped keep whatever values they reached.
/// A sample escapes at the first step where the root mean square of x0_hat, over its elements, exceeds `limit` or is
/// not finite. Polynomial denoisers need this: see `Polynomial`. A log is for one call of the sampler, whose samples it
/// numbers from 0; another call needs a log of its own, or `clear`. Memory: some bytes a sample.
class EscapeLog {
 public:
  /// `limit` > 0, in units of the data; ten times the root mean square of the data is far outside. Throws
  /// InvalidArgument.
  explicit EscapeLog(double limit) : limit_(limit) {
    detail::require(limit > 0.0, "EscapeLog: limit = ", limit, ", expected a limit > 0");
  }

  /// Looks at the predictions x0_hat (d, n) of one step, an array of backend B. Column j is sample `first_sample + j`.
  /// Throws InvalidArgument when a sample was at this step or a later one before: another call of the sampler.
  template <Backend B = Cpu, class Storage>
  void record(const Storage& x0_hat, Index step, NoiseLevel level, Index first_sample) {
    const double root_dimension = std::sqrt(static_cast<double>(x0_hat.rows()));
    const Vector<double> norms = B::column_norms(x0_hat);
    for (Index column = 0; column < norms.size(); ++column) require_new_step(first_sample + column, step);
    for (Index column = 0; column < norms.size(); ++column) {
      Seen& seen = seen_[first_sample + column];
      seen.next_step = step + 1;
      if (norms(column) / root_dimension <= limit_ || seen.has_escaped) continue;
      seen.has_escaped = true;
      escapes_.push_back({first_sample + column, step, level.sigma()});
    }
  }

  /// Whether `record` could find that a sample escapes at this step, of predictions of d elements whose Euclidean norms
  /// are at most `largest_norms`: when not, they need not be made. Throws like `record`.
  [[nodiscard]] bool may_escape(const Vector<double>& largest_norms, Index d, Index step, Index first_sample) const {
    constexpr double rounding = 1e-3;  // of predictions in float, which overflow besides
    const double safe = (1.0 - rounding) * std::min(limit_ * std::sqrt(static_cast<double>(d)),
                                                    static_cast<double>(std::numeric_limits<float>::max()));
    for (Index column = 0; column < largest_norms.size(); ++column) require_new_step(first_sample + column, step);
    for (Index column = 0; column < largest_norms.size(); ++column)
      if (!(largest_norms(column) <= safe) && !has_escaped(first_sample + column)) return true;
    return false;
  }

  [[nodiscard]] bool has_escaped(Index sample) const {
    const auto found = seen_.find(sample);
    return found != seen_.end() && found->second.has_escaped;
  }

  /// In the order in which they happened.
  [[nodiscard]] const std::vector<Escape>& escapes() const noexcept { return escapes_; }
  [[nodiscard]] double limit() const noexcept { return limit_; }

  /// Forgets all samples and escapes, for another call of the sampler.
  void clear() noexcept {
    seen_.clear();
    escapes_.clear();
  }

 private:
  struct Seen {
    Index next_step = 0;
    bool has_escaped = false;
  };

  void require_new_step(Index sample, Index step) const {
    const auto found = seen_.find(sample);
    if (found == seen_.end() || step >= found->second.next_step) return;
    throw InvalidArgument(detail::concat("EscapeLog: step ", step, " of sample ", sample, " after its step ",
                                         found->second.next_step - 1,
                                         "; give every call of a sampler a log of its own, or clear() the log"));
  }

  double limit_;
  std::unordered_map<Index, Seen> seen_;  // by number of the sample
  std::vector<Escape> escapes_;
};

}  // namespace diffarch
