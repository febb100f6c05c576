#pragma once

#include <algorithm>

#include "diffarch/core/storage.hpp"
#include "diffarch/cuda/backend.hpp"
#include "diffarch/cuda/factorisation.hpp"
#include "diffarch/cuda/panels.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

namespace cuda::detail {

/// centred = x - mean 1^T in double.
template <class Scalar>
struct Centre {
  double* centred;
  const Scalar* x;
  const double* mean;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    centred[column * rows + row] = static_cast<double>(x[column * rows + row]) - mean[row];
  }
};

/// x - mean 1^T in double, for reductions over rows.
template <class Scalar>
struct CentredValue {
  const Scalar* x;
  const double* mean;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    return static_cast<double>(x[column * rows + row]) - mean[row];
  }
};

/// mean[row] += sum / count.
struct MoveMean {
  double* mean;
  double count;
  constexpr void operator()(Index row, double sum) const { mean[row] += sum / count; }
};

/// The upper triangle becomes the lower one.
template <class Scalar>
struct MirrorLower {
  Scalar* m;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    if (row < column) m[column * rows + row] = m[row * rows + column];
  }
};

template <class Scalar>
struct ClearUpper {
  Scalar* m;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    if (row < column) m[column * rows + row] = Scalar(0);
  }
};

struct MagnitudeAt {
  const double* values;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    const double value = values[column * rows + row];
    return value < 0.0 ? -value : value;
  }
};

/// The row, where the magnitude there is at least `share` of the column's largest; else the number of rows.
struct LargeRow {
  MagnitudeAt magnitude;
  const double* largest;
  double share;
  constexpr Index operator()(Index row, Index column) const {
    return magnitude(row, column) < share * largest[column] ? magnitude.rows : row;
  }
};

/// Columns in the opposite order, their signs such that the entry in row positive[column] is positive.
struct ReverseAndSign {
  double* to;
  const double* from;
  const Index* positive;
  Index rows;
  Index columns;
  constexpr void operator()(Index row, Index column) const {
    const double* vector = from + (columns - 1 - column) * rows;
    to[column * rows + row] = vector[positive[columns - 1 - column]] < 0.0 ? -vector[row] : vector[row];
  }
};

}  // namespace cuda::detail

/// cuBLAS and cuSOLVER. Fits take and give arrays of the host, as `LinearAlgebra<Cpu>` does; what sampling needs works
/// on device arrays. Products take a fixed number of columns at a time, the last of them filled up with zeros: the
/// library then runs the same kernel for every column, whatever the batch.
template <>
struct LinearAlgebra<Cuda> {
  template <class Scalar>
  using Array = cuda::DeviceArray<Scalar>;

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> multiply(const Array<Scalar>& a, const Array<Scalar>& b) {
    return product(false, a, b);
  }

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> multiply_transposed(const Array<Scalar>& a, const Array<Scalar>& b) {
    return product(true, a, b);
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> mean(const Batch<Scalar>& x) {
    const auto uploaded = Array<Scalar>::upload(x);
    Array<double> result(x.rows(), 1);
    result.set_zero();
    for (int pass = 0; pass < 2; ++pass)
      cuda::reduce_rows<double>(x.rows(), x.cols(),
                                cuda::detail::CentredValue<Scalar>{uploaded.data(), result.data(), x.rows()},
                                cuda::detail::MoveMean{result.data(), static_cast<double>(x.cols())});
    return result.download().col(0);
  }

  template <class Scalar>
  [[nodiscard]] static Matrix<double> centred_gram(const Batch<Scalar>& x, const Vector<double>& mean) {
    return squared(true, centred(x, mean)).download();
  }

  template <class Scalar>
  [[nodiscard]] static Matrix<double> centred_scatter(const Batch<Scalar>& x, const Vector<double>& mean) {
    return squared(false, centred(x, mean)).download();
  }

  template <class Scalar, class W>
  [[nodiscard]] static Matrix<Scalar> centred_multiply(const Batch<Scalar>& x, const Vector<double>& mean,
                                                       const Eigen::MatrixBase<W>& w) {
    const Array<double> exact = centred(x, mean);
    return multiply(converted<Scalar, Cuda>(exact), Array<Scalar>::upload(Matrix<Scalar>(w))).download();
  }

  template <class Scalar>
  [[nodiscard]] static Array<double> gram(const Array<Scalar>& x) {
    return squared(true, converted<double, Cuda>(x));
  }

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> multiply_by_transpose(const Array<Scalar>& a) {
    Array<Scalar> product(a.rows(), a.rows());
    product.set_zero();
    add_multiply_by_transpose(product, a);
    Cuda::for_each(a.rows(), a.rows(), cuda::detail::MirrorLower<Scalar>{product.data(), a.rows()});
    return product;
  }

  template <class Scalar>
  static void add_multiply_by_transpose(Array<Scalar>& lower, const Array<Scalar>& a) {
    detail::require<DimensionMismatch>(lower.rows() == a.rows() && lower.cols() == a.rows(),
                                       "add_multiply_by_transpose: ", detail::shape_text(lower), " and ",
                                       detail::shape_text(a));
    cuda::syrk(false, a.rows(), a.cols(), Scalar(1), a.data(), std::max<Index>(1, a.rows()), Scalar(1), lower.data(),
               std::max<Index>(1, a.rows()));
  }

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> cholesky(Array<Scalar> m) {
    cuda::cholesky_in_place(m);
    Cuda::for_each(m.rows(), m.rows(), cuda::detail::ClearUpper<Scalar>{m.data(), m.rows()});
    return m;
  }

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> cholesky_solve(const Array<Scalar>& l, const Array<Scalar>& b) {
    detail::require<DimensionMismatch>(l.rows() == b.rows(), "cholesky_solve: ", detail::shape_text(l), " and ",
                                       detail::shape_text(b));
    Array<Scalar> x(b.rows(), b.cols());
    cuda::for_each_panel(b, x, [&](const Scalar* from, Scalar* to) { x_from_b(l, from, to); });
    return x;
  }

  [[nodiscard]] static SymmetricEigen symmetric_eigen(const Matrix<double>& matrix) {
    Array<double> vectors = Array<double>::upload(matrix);
    const Matrix<double> values = cuda::symmetric_eigen_in_place(vectors).download();
    return {values.col(0).reverse(), reversed_and_signed(vectors).download()};
  }

 private:
  template <class Scalar>
  [[nodiscard]] static Array<Scalar> product(bool transpose, const Array<Scalar>& a, const Array<Scalar>& b) {
    const Index rows = transpose ? a.cols() : a.rows();
    const Index depth = transpose ? a.rows() : a.cols();
    detail::require<DimensionMismatch>(depth == b.rows(), "multiply: ", detail::shape_text(a),
                                       transpose ? "^T times " : " times ", detail::shape_text(b));
    Array<Scalar> result(rows, b.cols());
    if (depth == 0) {
      result.set_zero();
      return result;
    }
    cuda::for_each_panel(b, result, [&](const Scalar* from, Scalar* to) {
      cuda::gemm(transpose, false, rows, cuda::panel_columns, depth, Scalar(1), a.data(), std::max<Index>(1, a.rows()),
                 from, depth, Scalar(0), to, std::max<Index>(1, rows));
    });
    return result;
  }

  /// Eigenvectors in the opposite order, with the signs of SymmetricEigen.
  [[nodiscard]] static Array<double> reversed_and_signed(const Array<double>& vectors) {
    const Index rows = vectors.rows();
    const Index columns = vectors.cols();
    const cuda::detail::MagnitudeAt magnitude{vectors.data(), rows};
    Array<double> largest(columns, 1);
    cuda::reduce_columns<double>(rows, columns, magnitude, cuda::StoreAt<double>{largest.data()},
                                 cuda::Maximum<double>{});
    cuda::DeviceArray<Index> positive(columns, 1);
    cuda::reduce_columns<Index>(rows, columns,
                                cuda::detail::LargeRow{magnitude, largest.data(), 1.0 - SymmetricEigen::equal_entries},
                                cuda::StoreAt<Index>{positive.data()}, cuda::Minimum<Index>{}, rows);
    Array<double> result(rows, columns);
    Cuda::for_each(rows, columns,
                   cuda::detail::ReverseAndSign{result.data(), vectors.data(), positive.data(), rows, columns});
    return result;
  }

  template <class Scalar>
  static void x_from_b(const Array<Scalar>& l, const Scalar* b, Scalar* x) {
    Array<Scalar>::copy_values(x, b, l.rows() * cuda::panel_columns);
    for (const bool transpose : {false, true})
      cuda::solve_lower(transpose, l.rows(), cuda::panel_columns, l.data(), l.rows(), x, l.rows());
  }

  template <class Scalar>
  [[nodiscard]] static Array<double> centred(const Batch<Scalar>& x, const Vector<double>& mean) {
    const auto uploaded = Array<Scalar>::upload(x);
    const auto uploaded_mean = Array<double>::upload(mean);
    Array<double> result(x.rows(), x.cols());
    Cuda::for_each(x.rows(), x.cols(),
                   cuda::detail::Centre<Scalar>{result.data(), uploaded.data(), uploaded_mean.data(), x.rows()});
    return result;
  }

  /// x^T x when transposed, else x x^T.
  [[nodiscard]] static Array<double> squared(bool transpose, const Array<double>& x) {
    const Index size = transpose ? x.cols() : x.rows();
    Array<double> result(size, size);
    cuda::syrk(transpose, size, transpose ? x.rows() : x.cols(), 1.0, x.data(), x.rows(), 0.0, result.data(), size);
    Cuda::for_each(size, size, cuda::detail::MirrorLower<double>{result.data(), size});
    return result;
  }
};

}  // namespace diffarch
