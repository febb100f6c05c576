#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch {

/// Sweeps of rotations down the columns of a basis with n columns: rotation k of a sweep turns columns k and k + 1,
/// and is the identity where a sweep has none. Rotations `first` to `last` - 1 are others in some sweep.
template <class Scalar>
struct RotationSweeps {
  static constexpr Index count = 32;
  static constexpr Index margin = 2;  ///< identities before and behind: rotations are done in fours

  explicit RotationSweeps(Index n) : cosines(n + 2 * margin, count), sines(n + 2 * margin, count) { clear(); }

  void clear() {
    cosines.setOnes();
    sines.setZero();
    first = cosines.rows();
    last = 0;
  }

  [[nodiscard]] bool empty() const noexcept { return last <= first; }

  Matrix<Scalar> cosines;  ///< of rotation k of sweep i in row margin + k, column i
  Matrix<Scalar> sines;    ///< likewise
  Index first;
  Index last;
};

/// The eigenvalues of a symmetric tridiagonal matrix by implicit QR steps (Golub and Van Loan, Matrix Computations,
/// 8.3.3), and the rotations that make it diagonal. The steps are O(n^2) and in order; turning a basis by the rotations
/// is O(n^3), and can be done for many steps at once by many threads.
template <class Scalar>
class TridiagonalQr {
 public:
  /// `diagonal` (n), `subdiagonal` (n - 1); of magnitudes up to about one: below `negligible` they count as zero.
  TridiagonalQr(Vector<Scalar> diagonal, Vector<Scalar> subdiagonal)
      : diagonal_(std::move(diagonal)),
        subdiagonal_(std::move(subdiagonal)),
        end_(diagonal_.size() - 1),
        steps_left_(most_steps * diagonal_.size()) {}

  /// Takes as many steps as `sweeps` has room for, and records their rotations there. Takes fewer steps when the matrix
  /// becomes diagonal earlier, or when the allowed number of steps is used up.
  void step(RotationSweeps<Scalar>& sweeps) {
    sweeps.clear();
    for (Index sweep = 0; sweep < sweeps.count; ++sweep) {
      while (end_ > 0 && splits(end_ - 1)) --end_;
      if (end_ <= 0 || steps_left_ == 0) return;
      --steps_left_;
      Index first = end_ - 1;
      while (first > 0 && !splits(first - 1)) --first;
      step(first, sweep, sweeps);
    }
  }

  /// All steps, for the eigenvalues alone.
  void run() {
    RotationSweeps<Scalar> unused(diagonal_.size());
    do step(unused);
    while (!unused.empty());
  }

  [[nodiscard]] bool converged() const noexcept { return end_ <= 0; }

  /// The eigenvalues (n) once converged, in the order of the columns of the basis.
  [[nodiscard]] const Vector<Scalar>& values() const noexcept { return diagonal_; }

 private:
  static constexpr Index most_steps = 30;  // for each eigenvalue, LAPACK's bound; two are usual
  static inline const Scalar negligible = std::sqrt(std::numeric_limits<Scalar>::min());  // its square is not zero

  /// Whether the matrix falls apart between rows i and i + 1, to rounding.
  [[nodiscard]] bool splits(Index i) const {
    const Scalar neighbours = std::abs(diagonal_(i)) + std::abs(diagonal_(i + 1));
    return std::abs(subdiagonal_(i)) <= std::max(std::numeric_limits<Scalar>::epsilon() * neighbours, negligible);
  }

  /// One step on rows first..end, with Wilkinson's shift: the eigenvalue of the last 2x2 block that is nearer to its
  /// last entry.
  void step(Index first, Index sweep, RotationSweeps<Scalar>& sweeps) {
    const Scalar last = subdiagonal_(end_ - 1);
    const Scalar half = (diagonal_(end_ - 1) - diagonal_(end_)) / Scalar(2);
    const Scalar shift = diagonal_(end_) - last * (last / (half + std::copysign(std::hypot(half, last), half)));
    // A rotation turns (kept, bulge) to (length, 0); the bulge runs down the matrix and out of it.
    Scalar kept = diagonal_(first) - shift;
    Scalar bulge = subdiagonal_(first);
    for (Index k = first; k < end_; ++k) {
      const Scalar length = std::sqrt(kept * kept + bulge * bulge);
      const Scalar c = length > Scalar(0) ? kept / length : Scalar(1);
      const Scalar s = length > Scalar(0) ? bulge / length : Scalar(0);
      if (k > first) subdiagonal_(k - 1) = length;
      const Scalar upper = diagonal_(k);
      const Scalar lower = diagonal_(k + 1);
      const Scalar beside = subdiagonal_(k);
      const Scalar moved = s * (s * (lower - upper) + Scalar(2) * c * beside);
      diagonal_(k) = upper + moved;
      diagonal_(k + 1) = lower - moved;
      kept = c * s * (lower - upper) + (c - s) * (c + s) * beside;
      if (k + 1 < end_) {
        bulge = s * subdiagonal_(k + 1);
        subdiagonal_(k + 1) *= c;
      }
      sweeps.cosines(sweeps.margin + k, sweep) = c;
      sweeps.sines(sweeps.margin + k, sweep) = s;
    }
    subdiagonal_(end_ - 1) = kept;
    sweeps.first = std::min(sweeps.first, first);
    sweeps.last = std::max(sweeps.last, end_);
  }

  Vector<Scalar> diagonal_;
  Vector<Scalar> subdiagonal_;
  Index end_;  // rows behind it are diagonal
  Index steps_left_;
};

namespace detail {

/// Rows of a basis that are turned together: few enough for the columns in use to stay in the nearest cache.
constexpr Index turned_rows = 32;

/// Turns `rows` (turned_rows, n with a margin on both sides) by the sweeps in their order. Each follows the one before
/// it a column behind, so that a column is turned by all of them while it is in the cache; of two sweeps, two rotations
/// each are done at once, on four columns that are read and written once (Van Zee, van de Geijn and Quintana-Orti 2014,
/// Restructuring the tridiagonal and bidiagonal QR algorithms for performance).
template <class Scalar>
void turn(Matrix<Scalar>& rows, const RotationSweeps<Scalar>& sweeps) {
  constexpr Index count = RotationSweeps<Scalar>::count;
  constexpr Index margin = RotationSweeps<Scalar>::margin;
  for (Index front = sweeps.first; front <= sweeps.last + count; front += 2) {
    for (Index sweep = 0; sweep < count; sweep += 2) {
      const Index k = front - sweep;
      if (k < sweeps.first - 1 || k > sweeps.last) continue;
      const Scalar* c = &sweeps.cosines(margin + k, sweep);
      const Scalar* s = &sweeps.sines(margin + k, sweep);
      const Scalar* c_next = &sweeps.cosines(margin + k, sweep + 1);
      const Scalar* s_next = &sweeps.sines(margin + k, sweep + 1);
      Scalar* column = &rows(0, margin + k);
#ifdef _OPENMP
#pragma omp simd
#endif
      for (Index row = 0; row < turned_rows; ++row) {
        const Scalar x0 = column[row - turned_rows];
        const Scalar x1 = column[row];
        const Scalar x2 = column[row + turned_rows];
        const Scalar x3 = column[row + 2 * turned_rows];
        const Scalar y1 = c[0] * x1 + s[0] * x2;
        const Scalar y2 = c[0] * x2 - s[0] * x1;
        const Scalar z2 = c[1] * y2 + s[1] * x3;
        const Scalar z1 = c_next[-1] * y1 - s_next[-1] * x0;
        column[row - turned_rows] = c_next[-1] * x0 + s_next[-1] * y1;
        column[row] = c_next[0] * z1 + s_next[0] * z2;
        column[row + turned_rows] = c_next[0] * z2 - s_next[0] * z1;
        column[row + 2 * turned_rows] = c[1] * x3 - s[1] * y2;
      }
    }
  }
}

/// Makes the matrix of `qr` diagonal, and turns the columns of `basis` (rows, n) with it: of Q it makes the
/// eigenvectors of Q T Q^T, in the order of qr.values(). Threads share groups of rows, and the next steps, which do not
/// wait for the basis. When qr.converged() is false behind it, there are no eigenvectors.
template <class Scalar>
void diagonalise(TridiagonalQr<Scalar>& qr, Matrix<Scalar>& basis) {
  using Sweeps = RotationSweeps<Scalar>;
  const Index rows = basis.rows();
  const Index n = basis.cols();
  const Index groups = (rows + turned_rows - 1) / turned_rows;
  std::vector<Matrix<Scalar>> turned(static_cast<std::size_t>(groups));
  for (Index group = 0; group < groups; ++group) {
    const Index first = group * turned_rows;
    auto& copy = turned[static_cast<std::size_t>(group)];
    copy.setZero(turned_rows, n + 2 * Sweeps::margin);
    const Index height = std::min(turned_rows, rows - first);
    copy.block(0, Sweeps::margin, height, n) = basis.middleRows(first, height);
  }
  basis.resize(0, 0);
  Sweeps sweeps(n);
  Sweeps next(n);
  qr.step(sweeps);
  while (!sweeps.empty()) {
    parallel_for(groups + 1, turned_rows * n * Sweeps::count, [&](Index task) {
      if (task == 0) {
        qr.step(next);
      } else {
        turn(turned[static_cast<std::size_t>(task - 1)], sweeps);
      }
    });
    std::swap(sweeps, next);
  }
  basis.resize(rows, n);
  for (Index group = 0; group < groups; ++group) {
    const Index first = group * turned_rows;
    const Index height = std::min(turned_rows, rows - first);
    auto& copy = turned[static_cast<std::size_t>(group)];
    basis.middleRows(first, height) = copy.block(0, Sweeps::margin, height, n);
    copy.resize(0, 0);
  }
}

}  // namespace detail
}  // namespace diffarch
