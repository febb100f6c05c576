#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// The least-squares problem of one fold of the samples: minimise trace(x^T normal x) - 2 trace(x^T right), which is
/// the error of the fit x on that fold, less what no fit can change. Averages, so that problems of several folds add.
struct FoldProblem {
  double weight;          ///< share of the samples
  Matrix<double> normal;  ///< (p, p), symmetric
  Matrix<double> right;   ///< (p, k)
};

/// The problem of all folds but `left_out` (-1: of all). `folds` is not empty; weights sum to 1.
template <class Folds>
[[nodiscard]] FoldProblem join_folds(const Folds& folds, std::ptrdiff_t left_out = -1) {
  FoldProblem sum{0.0, Matrix<double>::Zero(folds[0].normal.rows(), folds[0].normal.cols()),
                  Matrix<double>::Zero(folds[0].right.rows(), folds[0].right.cols())};
  for (std::size_t f = 0; f < folds.size(); ++f) {
    if (static_cast<std::ptrdiff_t>(f) == left_out) continue;
    sum.weight += folds[f].weight;
    sum.normal += folds[f].weight * folds[f].normal;
    sum.right += folds[f].weight * folds[f].right;
  }
  sum.normal /= sum.weight;
  sum.right /= sum.weight;
  return sum;
}

/// A ridge and the error of its fits on samples that were left out, less what no fit can change; infinity where none
/// were left out.
struct ChosenRidge {
  double ridge;
  double left_out_error = std::numeric_limits<double>::infinity();
};

/// The ridge whose fits to all folds but one have the least error on the one left out, summed over folds: K-fold cross-
/// validation in closed form. `folds_without(f)`: the problems of all `fold_count` folds, as they are when fold f is
/// left out; `solve(normal, right, ridge)` makes a fit x. Leaving out single samples has no shorter form here: with the
/// noise averaged exactly, one sample is not a change of rank one.
template <class FoldsWithout, class Solve>
[[nodiscard]] ChosenRidge cross_validated_ridge(const std::vector<double>& ridges, std::size_t fold_count,
                                                const FoldsWithout& folds_without, const Solve& solve) {
  if (ridges.size() == 1 || fold_count < 2) return {ridges.back()};
  std::vector<double> errors(ridges.size(), 0.0);
  for (std::size_t f = 0; f < fold_count; ++f) {
    const auto& folds = folds_without(static_cast<std::ptrdiff_t>(f));
    const FoldProblem others = join_folds(folds, static_cast<std::ptrdiff_t>(f));
    for (std::size_t r = 0; r < ridges.size(); ++r) {
      const Matrix<double> x = solve(others.normal, others.right, ridges[r]);
      const Matrix<double> image = folds[f].normal * x - 2.0 * folds[f].right;
      errors[r] += folds[f].weight * x.cwiseProduct(image).sum();
    }
  }
  std::size_t best = ridges.size() - 1;
  for (std::size_t r = ridges.size(); r-- > 0;)  // of equal ones, or where none is finite, the larger
    if (errors[r] < errors[best]) best = r;
  return {ridges[best], errors[best]};
}

}  // namespace diffarch
