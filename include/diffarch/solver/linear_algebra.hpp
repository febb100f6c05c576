#pragma once

#include <Eigen/Cholesky>
#include <algorithm>
#include <atomic>
#include <type_traits>
#include <utility>

#include "diffarch/core/backend.hpp"
#include "diffarch/solver/symmetric_eigen.hpp"

namespace diffarch {

/// Products and factorisations of a backend; the closed-form fits are written in these words only. Matrices are arrays
/// of the backend, vectors (means, eigenvalues, coordinates) arrays of the host.
///  - multiply(a, b) = a b and multiply_transposed(a, b) = a^T b. Column j of the result is bitwise a function of a and
///    column j of b: not of the other columns, their number, or the number of threads. multiply_lower(l, b) = l b of a
///    square l with zeros above its diagonal, in the same way.
///  - mean(x): the mean of the columns (d), in double. Summed twice, the second time about the first result, which
///    takes away its rounding: the mean of equal columns is that column itself.
///  - centred_gram(x, mean) = (x - mean 1^T)^T (x - mean 1^T), (n, n), and centred_scatter(x, mean) =
///    (x - mean 1^T)(x - mean 1^T)^T, (d, d): both in double whatever the scalar, because they square the condition.
///  - gram(x) = x^T x in double.
///  - centred_multiply(x, mean, w) = (x - mean 1^T) w.
///  - coordinates(u, v) = u^T v of one vector v, summed in the precision of u or in double.
///  - multiply_by_transpose(a) = a a^T, symmetric; add_multiply_by_transpose(lower, a) adds it to the lower
///    triangle of `lower`; what is above the diagonal may change.
///  - symmetric_eigen(m), m symmetric in double.
///  - cholesky(m): the lower L with m = L L^T of a positive-definite m, of which the lower triangle is read;
///    cholesky_solve(l, b) = m^-1 b, by columns like multiply. Give m up (std::move) to have no copy made.
template <class BackendType>
struct LinearAlgebra;

/// A backend with all of these functions, for arrays of float and of double.
template <class B, class Scalar = double>
concept AlgebraicBackend = Backend<B> &&
    requires(const typename B::template Storage<Scalar>& a, const typename B::template Storage<double>& symmetric,
             typename B::template Storage<double> changed, typename B::template Storage<Scalar> positive,
             const Vector<double>& v) {
  { LinearAlgebra<B>::multiply(a, a) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::multiply_transposed(a, a) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::multiply_lower(a, a) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::mean(a) } -> std::same_as<Vector<double>>;
  { LinearAlgebra<B>::centred_gram(a, v) } -> std::same_as<typename B::template Storage<double>>;
  { LinearAlgebra<B>::gram(a) } -> std::same_as<typename B::template Storage<double>>;
  { LinearAlgebra<B>::centred_scatter(a, v) } -> std::same_as<typename B::template Storage<double>>;
  { LinearAlgebra<B>::centred_multiply(a, v, a) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::coordinates(a, v) } -> std::same_as<Vector<double>>;
  { LinearAlgebra<B>::multiply_by_transpose(a) } -> std::same_as<typename B::template Storage<Scalar>>;
  LinearAlgebra<B>::add_multiply_by_transpose(positive, a);
  { LinearAlgebra<B>::cholesky(std::move(positive)) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::cholesky_solve(a, a) } -> std::same_as<typename B::template Storage<Scalar>>;
  { LinearAlgebra<B>::symmetric_eigen(std::move(changed)) } -> std::same_as<SymmetricEigen<B>>;
};

/// Eigen's kernels on tasks whose shapes depend on the operands only, shared by OpenMP threads.
template <>
struct LinearAlgebra<Cpu> {
  template <class A, class B>
  [[nodiscard]] static Matrix<typename B::Scalar> multiply(const Eigen::MatrixBase<A>& a,
                                                           const Eigen::MatrixBase<B>& b) {
    return product(View<typename A::Scalar>(a.derived()), View<typename B::Scalar>(b.derived()));
  }

  template <class A, class B>
  [[nodiscard]] static Matrix<typename B::Scalar> multiply_transposed(const Eigen::MatrixBase<A>& a,
                                                                      const Eigen::MatrixBase<B>& b) {
    const View<typename A::Scalar> view(a.derived());
    return product(view.transpose(), View<typename B::Scalar>(b.derived()));
  }

  template <class A, class B>
  [[nodiscard]] static Matrix<typename B::Scalar> multiply_lower(const Eigen::MatrixBase<A>& l,
                                                                 const Eigen::MatrixBase<B>& b) {
    detail::require<DimensionMismatch>(l.rows() == l.cols(), "multiply_lower: the matrix is ", detail::shape_text(l));
    return product(View<typename A::Scalar>(l.derived()), View<typename B::Scalar>(b.derived()), true);
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> mean(const Batch<Scalar>& x);

  template <class Scalar>
  [[nodiscard]] static Matrix<double> centred_gram(const Batch<Scalar>& x, const Vector<double>& mean);

  template <class Scalar>
  [[nodiscard]] static Matrix<double> gram(const Batch<Scalar>& x) {
    return centred_gram(x, Vector<double>::Zero(x.rows()));
  }

  template <class Scalar>
  [[nodiscard]] static Matrix<double> centred_scatter(const Batch<Scalar>& x, const Vector<double>& mean);

  template <class Scalar, class W>
  [[nodiscard]] static Matrix<Scalar> centred_multiply(const Batch<Scalar>& x, const Vector<double>& mean,
                                                       const Eigen::MatrixBase<W>& w);

  template <class Scalar>
  [[nodiscard]] static Vector<double> coordinates(const Matrix<Scalar>& u, const Vector<double>& v);

  template <class A>
  [[nodiscard]] static Matrix<typename A::Scalar> multiply_by_transpose(const Eigen::MatrixBase<A>& a) {
    Matrix<typename A::Scalar> product = Matrix<typename A::Scalar>::Zero(a.rows(), a.rows());
    add_multiply_by_transpose(product, a);
    mirror_lower_triangle(product);
    return product;
  }

  template <class A>
  static void add_multiply_by_transpose(Matrix<typename A::Scalar>& lower, const Eigen::MatrixBase<A>& a) {
    detail::require<DimensionMismatch>(lower.rows() == a.rows() && lower.cols() == a.rows(),
                                       "add_multiply_by_transpose: ", detail::shape_text(lower), " and ",
                                       detail::shape_text(a));
    const detail::SerialEigen serial;
    add_product_with_transpose(lower, a);
  }

  /// Throws NumericalError when a pivot is not positive.
  template <class Scalar>
  [[nodiscard]] static Matrix<Scalar> cholesky(Matrix<Scalar> m);

  template <class B>
  [[nodiscard]] static Matrix<typename B::Scalar> cholesky_solve(const Matrix<typename B::Scalar>& l,
                                                                 const Eigen::MatrixBase<B>& b);

  /// Throws NumericalError when the QR iteration does not converge (a matrix with NaN, say).
  template <class Scalar = double>
  [[nodiscard]] static SymmetricEigen<Cpu> symmetric_eigen(std::type_identity_t<Matrix<Scalar>> m) {
    SymmetricEigen<Cpu> eigen;
    eigen.values = detail::symmetric_eigenvalues(std::move(m), "symmetric_eigen", &eigen.vectors);
    detail::make_signs_definite(eigen.vectors);
    return eigen;
  }

 private:
  /// Columns in memory: expressions that are not are evaluated, so that few products are instantiated.
  template <class Scalar>
  using View = Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>;

  static constexpr Index panel_columns = 16;  // a multiple of every register panel width Eigen uses
  static constexpr Index wide_panel_columns = 32;
  static constexpr Index task_columns = 256;  // a multiple of panel_columns
  static constexpr Index task_rows = 256;
  static constexpr Index depth_chunk = 512;
  static constexpr Index tile = 128;

  [[nodiscard]] static constexpr Index blocks(Index size, Index block) noexcept { return (size + block - 1) / block; }

  /// a b; `is_lower` skips what is above the diagonal of a.
  template <class A, class Scalar>
  [[nodiscard]] static Matrix<Scalar> product(const A& a, const View<Scalar>& b, bool is_lower = false);

  /// How many columns a product of an a of this shape takes at a time. Eigen leaves its kernels for a loop of its own,
  /// whose sums fused multiply-add rounds otherwise, where rows + depth + columns < 20: it must never come to that.
  [[nodiscard]] static constexpr Index panel_of(Index rows, Index depth) noexcept {
    const Index rows_of_last_task = rows - (blocks(rows, task_rows) - 1) * task_rows;
    return rows_of_last_task + depth + panel_columns < 20 ? wide_panel_columns : panel_columns;
  }

  template <class Scalar>
  [[nodiscard]] static Matrix<double> centred_block(const Batch<Scalar>& x, const Vector<double>& mean, Index row,
                                                    Index rows, Index column, Index columns) {
    Matrix<double> block(rows, columns);
    parallel_for(columns, rows, [&](Index j) {
      block.col(j) = x.col(column + j).segment(row, rows).template cast<double>() - mean.segment(row, rows);
    });
    return block;
  }

  /// Lower triangle of symmetric += factor a a^T, by tiles.
  template <class A>
  static void add_product_with_transpose(Eigen::Ref<Matrix<typename A::Scalar>> symmetric,
                                         const Eigen::MatrixBase<A>& a, typename A::Scalar factor = 1);

  template <class Scalar>
  static void mirror_lower_triangle(Matrix<Scalar>& symmetric) {
    symmetric.template triangularView<Eigen::StrictlyUpper>() = symmetric.transpose();
  }
};

// Not in the class, so not inline: `extern template` can keep a program from compiling them in every file.

template <class Scalar>
Vector<double> LinearAlgebra<Cpu>::mean(const Batch<Scalar>& x) {
  Vector<double> result = Vector<double>::Zero(x.rows());
  // Column by column: Eigen does not vectorise a sum along rows of converted numbers.
  parallel_for_rows(x, [&](Index first, const auto& rows) {
    auto mean = result.segment(first, rows.rows());
    for (int pass = 0; pass < 2; ++pass) {
      Vector<double> sum = Vector<double>::Zero(rows.rows());
      for (Index column = 0; column < rows.cols(); ++column) sum += rows.col(column).template cast<double>() - mean;
      mean += sum / static_cast<double>(rows.cols());
    }
  });
  return result;
}

template <class Scalar>
Vector<double> LinearAlgebra<Cpu>::coordinates(const Matrix<Scalar>& u, const Vector<double>& v) {
  return (u.transpose() * v.template cast<Scalar>()).template cast<double>();
}

template <class A>
void LinearAlgebra<Cpu>::add_product_with_transpose(Eigen::Ref<Matrix<typename A::Scalar>> symmetric,
                                                    const Eigen::MatrixBase<A>& a, typename A::Scalar factor) {
  detail::parallel_for_lower_tiles(symmetric.rows(), a.cols(), [&](Index row, Index rows, Index column, Index columns) {
    symmetric.block(row, column, rows, columns).noalias() +=
        factor * a.middleRows(row, rows) * a.middleRows(column, columns).transpose();
  });
}

template <class Scalar>
Matrix<double> LinearAlgebra<Cpu>::centred_gram(const Batch<Scalar>& x, const Vector<double>& mean) {
  const detail::SerialEigen serial;
  Matrix<double> gram = Matrix<double>::Zero(x.cols(), x.cols());
  for (Index row = 0; row < x.rows(); row += depth_chunk) {
    const Index rows = std::min(depth_chunk, x.rows() - row);
    add_product_with_transpose(gram, centred_block(x, mean, row, rows, 0, x.cols()).transpose());
  }
  mirror_lower_triangle(gram);
  return gram;
}

template <class Scalar>
Matrix<double> LinearAlgebra<Cpu>::centred_scatter(const Batch<Scalar>& x, const Vector<double>& mean) {
  const detail::SerialEigen serial;
  Matrix<double> scatter = Matrix<double>::Zero(x.rows(), x.rows());
  for (Index column = 0; column < x.cols(); column += depth_chunk) {
    const Index columns = std::min(depth_chunk, x.cols() - column);
    add_product_with_transpose(scatter, centred_block(x, mean, 0, x.rows(), column, columns));
  }
  mirror_lower_triangle(scatter);
  return scatter;
}

template <class Scalar, class W>
Matrix<Scalar> LinearAlgebra<Cpu>::centred_multiply(const Batch<Scalar>& x, const Vector<double>& mean,
                                                    const Eigen::MatrixBase<W>& w) {
  const detail::SerialEigen serial;
  Matrix<Scalar> result(x.rows(), w.cols());
  parallel_for(blocks(x.rows(), task_rows), task_rows * w.size(), [&](Index task) {
    const Index row = task * task_rows;
    const Index rows = std::min(task_rows, x.rows() - row);
    const Matrix<Scalar> centred =
        (x.middleRows(row, rows).template cast<double>().colwise() - mean.segment(row, rows)).template cast<Scalar>();
    result.middleRows(row, rows).noalias() = centred * w;
  });
  return result;
}

template <class Scalar>
Matrix<Scalar> LinearAlgebra<Cpu>::cholesky(Matrix<Scalar> m) {
  detail::require<DimensionMismatch>(m.rows() == m.cols(), "cholesky: the matrix is ", detail::shape_text(m));
  const detail::SerialEigen serial;
  // Eigen's factorisation is not threaded: of tiles on the diagonal only, what is below and right of them is shared.
  for (Index begin = 0; begin < m.rows(); begin += tile) {
    const Index width = std::min(tile, m.rows() - begin);
    const Index below = m.rows() - begin - width;
    auto diagonal = m.block(begin, begin, width, width);
    Eigen::Ref<Matrix<Scalar>> in_place(diagonal);
    const Eigen::LLT<Eigen::Ref<Matrix<Scalar>>> factor(in_place);
    detail::require<NumericalError>(factor.info() == Eigen::Success && diagonal.diagonal().allFinite(), "cholesky: a ",
                                    detail::shape_text(m), " matrix is not positive definite");
    if (below == 0) break;
    auto panel = m.block(begin + width, begin, below, width);
    parallel_for(blocks(below, tile), tile * width * width, [&](Index task) {
      const Index row = task * tile;
      auto rows = panel.middleRows(row, std::min(tile, below - row));
      diagonal.template triangularView<Eigen::Lower>().transpose().template solveInPlace<Eigen::OnTheRight>(rows);
    });
    add_product_with_transpose(m.bottomRightCorner(below, below), panel, Scalar(-1));
  }
  m.template triangularView<Eigen::StrictlyUpper>().setZero();
  return m;
}

template <class B>
Matrix<typename B::Scalar> LinearAlgebra<Cpu>::cholesky_solve(const Matrix<typename B::Scalar>& l,
                                                              const Eigen::MatrixBase<B>& b) {
  using Scalar = typename B::Scalar;
  detail::require<DimensionMismatch>(l.rows() == b.rows(), "cholesky_solve: ", detail::shape_text(l), " and ",
                                     detail::shape_text(b));
  const detail::SerialEigen serial;
  Matrix<Scalar> x(b.rows(), b.cols());
  parallel_for(blocks(b.cols(), panel_columns), l.size() * panel_columns, [&](Index task) {
    const Index column = task * panel_columns;
    const Index width = std::min(panel_columns, b.cols() - column);
    Matrix<Scalar> panel = Matrix<Scalar>::Zero(b.rows(), panel_columns);
    panel.leftCols(width) = b.middleCols(column, width);
    l.template triangularView<Eigen::Lower>().solveInPlace(panel);
    l.template triangularView<Eigen::Lower>().transpose().solveInPlace(panel);
    x.middleCols(column, width) = panel.leftCols(width);
  });
  return x;
}

template <class A, class Scalar>
Matrix<Scalar> LinearAlgebra<Cpu>::product(const A& a, const View<Scalar>& b, bool is_lower) {
  detail::require<DimensionMismatch>(a.cols() == b.rows(), "multiply: ", detail::shape_text(a), " times ",
                                     detail::shape_text(b));
  const detail::SerialEigen serial;
  const Index columns = b.cols();
  // Eigen's kernels treat the last columns of an odd width, a single column and tiny products by other routes than
  // the rest. Whole panels only, the last one padded with zeros, sends every column through the same instructions.
  const Index panel = panel_of(a.rows(), a.cols());
  const Index whole = columns / panel * panel;
  Matrix<Scalar> padded_b;
  Matrix<Scalar> padded_result;
  if (whole < columns) {
    padded_b = Matrix<Scalar>::Zero(b.rows(), panel);
    padded_b.leftCols(columns - whole) = b.rightCols(columns - whole);
    padded_result.resize(a.rows(), panel);
  }
  const View<Scalar> padded(padded_b);
  Matrix<Scalar> result(a.rows(), columns);
  const Index row_tasks = blocks(a.rows(), task_rows);
  const Index column_tasks = blocks(whole, task_columns);
  const Index tail_tasks = whole < columns ? row_tasks : 0;
  const Index work = std::min(task_rows, a.rows()) * a.cols() * std::min(task_columns, columns);
  parallel_for(row_tasks * column_tasks + tail_tasks, work, [&](Index task) {
    const Index row = (task % row_tasks) * task_rows;
    const Index rows = std::min(task_rows, a.rows() - row);
    const Index depth = is_lower ? row + rows : a.cols();
    const Index column = (task / row_tasks) * task_columns;
    const bool is_tail = task >= row_tasks * column_tasks;
    const Index width = is_tail ? panel : std::min(task_columns, whole - column);
    (is_tail ? padded_result.block(row, 0, rows, width) : result.block(row, column, rows, width)).noalias() =
        a.block(row, 0, rows, depth) * (is_tail ? padded.block(0, 0, depth, width) : b.block(0, column, depth, width));
  });
  if (whole < columns) result.rightCols(columns - whole) = padded_result.leftCols(columns - whole);
  return result;
}

static_assert(AlgebraicBackend<Cpu, float> && AlgebraicBackend<Cpu, double>);

}  // namespace diffarch

#ifdef DIFFARCH_COMPILED
#define DIFFARCH_COMPILED_ALGEBRA(prefix, Scalar)                                                                  \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::product(                                                      \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&,                                            \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&, bool);                                     \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::product(                                                      \
      const Eigen::Transpose<const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>>&,                    \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&, bool);                                     \
  prefix template Vector<double> LinearAlgebra<Cpu>::mean(const Batch<Scalar>&);                                   \
  prefix template Vector<double> LinearAlgebra<Cpu>::coordinates(const Matrix<Scalar>&, const Vector<double>&);    \
  prefix template void LinearAlgebra<Cpu>::add_product_with_transpose(                                             \
      Eigen::Ref<Matrix<Scalar>>, const Eigen::MatrixBase<Matrix<Scalar>>&, Scalar);                               \
  prefix template void LinearAlgebra<Cpu>::add_product_with_transpose(                                             \
      Eigen::Ref<Matrix<Scalar>>, const Eigen::MatrixBase<Eigen::Transpose<const Matrix<Scalar>>>&, Scalar);       \
  prefix template void LinearAlgebra<Cpu>::add_product_with_transpose(                                             \
      Eigen::Ref<Matrix<Scalar>>, const Eigen::MatrixBase<Eigen::Transpose<Matrix<Scalar>>>&, Scalar);             \
  prefix template Matrix<double> LinearAlgebra<Cpu>::centred_gram(const Batch<Scalar>&, const Vector<double>&);    \
  prefix template Matrix<double> LinearAlgebra<Cpu>::centred_scatter(const Batch<Scalar>&, const Vector<double>&); \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::centred_multiply(const Batch<Scalar>&, const Vector<double>&, \
                                                                      const Eigen::MatrixBase<Matrix<Scalar>>&);   \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::cholesky(Matrix<Scalar>);                                     \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::cholesky_solve(const Matrix<Scalar>&,                         \
                                                                    const Eigen::MatrixBase<Matrix<Scalar>>&)

namespace diffarch {
DIFFARCH_COMPILED_ALGEBRA(extern, float);
DIFFARCH_COMPILED_ALGEBRA(extern, double);
}  // namespace diffarch
#endif
