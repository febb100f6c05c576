#pragma once

#include <algorithm>

#include "diffarch/core/storage.hpp"
#include "diffarch/cuda/algebra/factorisation.hpp"
#include "diffarch/cuda/algebra/panels.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

namespace cuda::detail {

/// x - mean 1^T in double.
template <class Scalar>
struct CentredValue {
  const Scalar* x;
  const double* mean;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    return static_cast<double>(x[column * rows + row]) - mean[row];
  }
};

/// Stores the centred value in the precision To.
template <class To, class Scalar>
struct Centre {
  To* centred;
  CentredValue<Scalar> value;
  constexpr void operator()(Index row, Index column) const {
    centred[column * value.rows + row] = static_cast<To>(value(row, column));
  }
};

/// diag(v) u in double.
template <class Scalar>
struct ScaledRowValue {
  const Scalar* u;
  const double* v;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    return static_cast<double>(u[column * rows + row]) * v[row];
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

/// cuBLAS and cuSOLVER. Products take a fixed number of columns at a time, the last of them filled up with zeros: the
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
  [[nodiscard]] static Array<Scalar> multiply_lower(const Array<Scalar>& l, const Array<Scalar>& b) {
    diffarch::detail::require<DimensionMismatch>(l.rows() == l.cols(), "multiply_lower: the matrix is ",
                                                 diffarch::detail::shape_text(l));
    return product(false, l, b);
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> mean(const Array<Scalar>& x) {
    Array<double> result(x.rows(), 1);
    result.set_zero();
    for (int pass = 0; pass < 2; ++pass)
      cuda::reduce_rows<double>(x.rows(), x.cols(),
                                cuda::detail::CentredValue<Scalar>{x.data(), result.data(), x.rows()},
                                cuda::detail::MoveMean{result.data(), static_cast<double>(x.cols())});
    return result.download().col(0);
  }

  template <class Scalar>
  [[nodiscard]] static Array<double> centred_gram(const Array<Scalar>& x, const Vector<double>& mean) {
    return squared(true, centred<double>(x, mean));
  }

  template <class Scalar>
  [[nodiscard]] static Array<double> centred_scatter(const Array<Scalar>& x, const Vector<double>& mean) {
    return squared(false, centred<double>(x, mean));
  }

  template <class Scalar>
  [[nodiscard]] static Array<Scalar> centred_multiply(const Array<Scalar>& x, const Vector<double>& mean,
                                                      const Array<Scalar>& w) {
    return multiply(centred<Scalar>(x, mean), w);
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> coordinates(const Array<Scalar>& u, const Vector<double>& v) {
    const auto uploaded = Array<double>::upload(v);
    Array<double> result(u.cols(), 1);
    cuda::reduce_columns<double>(u.rows(), u.cols(),
                                 cuda::detail::ScaledRowValue<Scalar>{u.data(), uploaded.data(), u.rows()},
                                 cuda::StoreAt<double>{result.data()});
    return result.download().col(0);
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

  [[nodiscard]] static SymmetricEigen<Cuda> symmetric_eigen(Array<double> matrix) {
    const Matrix<double> values = cuda::symmetric_eigen_in_place(matrix).download();
    return {values.col(0).reverse(), reversed_and_signed(matrix)};
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
    cuda::reduce_columns<Index>(
        rows, columns, cuda::detail::LargeRow{magnitude, largest.data(), 1.0 - SymmetricEigen<Cuda>::equal_entries},
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

  template <class To, class Scalar>
  [[nodiscard]] static Array<To> centred(const Array<Scalar>& x, const Vector<double>& mean) {
    const auto uploaded_mean = Array<double>::upload(mean);
    Array<To> result(x.rows(), x.cols());
    Cuda::for_each(x.rows(), x.cols(),
                   cuda::detail::Centre<To, Scalar>{result.data(), {x.data(), uploaded_mean.data(), x.rows()}});
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

static_assert(AlgebraicBackend<Cuda, float> && AlgebraicBackend<Cuda, double>);

}  // namespace diffarch
