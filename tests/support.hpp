#pragma once

// What many tests need: data from a generator that is not the library's own, comparisons, error messages, threads.

#include <algorithm>
#include <cstring>
#include <exception>
#include <random>
#include <string>
#include <typeinfo>

#include "catch.hpp"
#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch::test {

[[nodiscard]] constexpr double real(Index value) noexcept { return static_cast<double>(value); }

/// Independent N(0, 1) numbers from std::mt19937_64.
template <class Scalar = double>
[[nodiscard]] Matrix<Scalar> random_matrix(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Matrix<Scalar> matrix(rows, columns);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < rows; ++i) matrix(i, j) = static_cast<Scalar>(normal(engine));
  return matrix;
}

/// Samples (d, n) of a correlated Gaussian with standard deviations from 2 down to 0.2 and a mean that is not zero.
template <class Scalar = double>
[[nodiscard]] Matrix<Scalar> correlated_samples(Index d, Index n, unsigned seed) {
  Matrix<double> x = random_matrix(d, n, seed);
  for (Index i = 0; i < d; ++i) x.row(i) *= 2.0 * std::pow(0.1, real(i) / real(std::max<Index>(d - 1, 1)));
  for (Index i = 1; i < d; ++i) x.row(i) += 0.5 * x.row(i - 1);
  for (Index i = 0; i < d; ++i) x.row(i).array() += 0.3 + 0.1 * real(i % 7);
  return x.template cast<Scalar>();
}

/// Same shape and same bits: NaN equals itself, 0 differs from -0.
template <class A, class B>
[[nodiscard]] bool bitwise_equal(const Eigen::PlainObjectBase<A>& a, const Eigen::PlainObjectBase<B>& b) {
  static_assert(std::is_same_v<typename A::Scalar, typename B::Scalar>);
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(typename A::Scalar)) == 0);
}

/// Largest |a - b| over the largest |b|.
template <class A, class B>
[[nodiscard]] double relative_difference(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  const Matrix<double> x = a.template cast<double>();
  const Matrix<double> y = b.template cast<double>();
  return (x - y).cwiseAbs().maxCoeff() / y.cwiseAbs().maxCoeff();
}

/// Message of the exception that `call` throws when its type is exactly E, else what happened instead.
template <class E, class F>
[[nodiscard]] std::string message_of(const F& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return (typeid(error) == typeid(E) ? "" : "another type of exception: ") + std::string(error.what());
  }
  return "no exception";
}

/// While alive, OpenMP uses this many threads. Without OpenMP there is one, and nothing changes.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(thread_count()) { set(threads); }
  ~ThreadCount() { set(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  static void set([[maybe_unused]] int threads) {
#ifdef _OPENMP
    omp_set_num_threads(threads);
#endif
  }
  int before_;
};

}  // namespace diffarch::test
