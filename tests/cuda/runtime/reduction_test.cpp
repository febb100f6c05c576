#include "diffarch/cuda/runtime/reduction.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using test::bitwise_equal;
using test::random_matrix;

struct Numbered {
  constexpr Index operator()(Index i, Index j) const { return (7 * i + 3 * j) % 1001; }
  constexpr Index operator()(Index i) const { return (*this)(i, 0); }
};

template <class Scalar>
struct ElementOf {
  const Scalar* values;
  Index rows;
  constexpr Scalar operator()(Index row, Index column) const { return values[column * rows + row]; }
  constexpr Scalar operator()(Index i) const { return values[i]; }
};

template <class Value, class Combine>
Value combined(Index count, Index j, const Combine& combine, Value identity) {
  for (Index i = 0; i < count; ++i) identity = combine(identity, Numbered{}(i, j));
  return identity;
}

TEST_CASE("Columns are reduced whatever their length", "[cuda]") {
  constexpr Index largest = std::numeric_limits<Index>::max();
  for (const Index count : {0, 1, 2, 255, 256, 257, 511, 1000, 5000})
    for (const Index columns : {0, 1, 3, 70}) {
      DeviceArray<Index> sums(columns, 1), minima(columns, 1), maxima(columns, 1);
      cuda::reduce_columns<Index>(count, columns, Numbered{}, cuda::StoreAt<Index>{sums.data()});
      cuda::reduce_columns<Index>(count, columns, Numbered{}, cuda::StoreAt<Index>{minima.data()},
                                  cuda::Minimum<Index>{}, largest);
      cuda::reduce_columns<Index>(count, columns, Numbered{}, cuda::StoreAt<Index>{maxima.data()},
                                  cuda::Maximum<Index>{}, -1);
      const auto sum = sums.download(), minimum = minima.download(), maximum = maxima.download();
      for (Index j = 0; j < columns; ++j) {
        REQUIRE(sum(j, 0) == combined<Index>(count, j, cuda::Add<Index>{}, 0));
        REQUIRE(minimum(j, 0) == combined<Index>(count, j, cuda::Minimum<Index>{}, largest));
        REQUIRE(maximum(j, 0) == combined<Index>(count, j, cuda::Maximum<Index>{}, -1));
      }
    }
}

TEST_CASE("Rows are reduced whatever their number and length", "[cuda]") {
  for (const Index rows : {0, 1, 5, 300})
    for (const Index columns : {0, 1, 7, 63, 64, 129, 1025, 70000}) {
      DeviceArray<Index> sums(rows, 1);
      cuda::reduce_rows<Index>(rows, columns, Numbered{}, cuda::StoreAt<Index>{sums.data()});
      const auto sum = sums.download();
      for (Index i = 0; i < rows; ++i) {
        Index expected = 0;
        for (Index j = 0; j < columns; ++j) expected += Numbered{}(i, j);
        REQUIRE(sum(i, 0) == expected);
      }
    }
}

TEST_CASE("Long columns are reduced in pieces", "[cuda]") {
  for (const Index count : {0, 1, 257, 2048, 2049, 100000, 3000001})
    for (const Index columns : {1, 3}) {
      DeviceArray<Index> sums(columns, 1);
      cuda::reduce_long_columns<Index>(count, columns, Numbered{}, cuda::StoreAt<Index>{sums.data()});
      const auto sum = sums.download();
      for (Index j = 0; j < columns; ++j) REQUIRE(sum(j, 0) == combined<Index>(count, j, cuda::Add<Index>{}, 0));
    }
}

TEST_CASE("A whole array is reduced on one value on the host", "[cuda]") {
  for (const Index count : {0, 1, 257, 16384, 16385, 100000})
    REQUIRE(cuda::reduce<Index>(count, Numbered{}) == combined<Index>(count, 0, cuda::Add<Index>{}, 0));
  REQUIRE(cuda::reduce<Index>(0, Numbered{}, cuda::Maximum<Index>{}, -5) == -5);
}

TEMPLATE_TEST_CASE("A sum depends, to the last bit, on its own column alone", "[cuda]", float, double) {
  const Index rows = 1003;
  const Matrix<TestType> host = random_matrix<TestType>(rows, 20, 1);
  const auto sums_of = [&](Index first, Index count) {
    const auto values = DeviceArray<TestType>::upload(Matrix<TestType>(host.middleCols(first, count)));
    DeviceArray<TestType> sums(count, 1);
    cuda::reduce_columns<TestType>(rows, count, ElementOf<TestType>{values.data(), rows},
                                   cuda::StoreAt<TestType>{sums.data()});
    return sums.download();
  };
  const Matrix<TestType> all = sums_of(0, 20);
  REQUIRE(bitwise_equal(sums_of(7, 1), Matrix<TestType>(all.middleRows(7, 1))));
  REQUIRE(bitwise_equal(sums_of(3, 11), Matrix<TestType>(all.middleRows(3, 11))));
  // Higham 2002, section 4.2: (n - 1) epsilon sum |x| bounds any order; trees do far better.
  const Vector<double> exact = host.template cast<double>().colwise().sum();
  REQUIRE((all.template cast<double>() - exact).cwiseAbs().maxCoeff() <
          40.0 * static_cast<double>(std::numeric_limits<TestType>::epsilon()) * 1003.0);
}

}  // namespace
}  // namespace diffarch
