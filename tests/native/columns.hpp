#pragma once

// The promise that a column of a prediction is bitwise a function of the same column of y, tried on batches of many
// widths. Programs that include this are compiled with the instructions of the machine: fused multiply-add, which
// rounds sums of products once instead of twice, shows where two batches take different ways through a product.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/concepts.hpp"
#include "support.hpp"

namespace diffarch::test {

template <class Model>
void check_columns(const Model& model, const std::string& what) {
  using Scalar = typename Model::Scalar;
  constexpr Index columns = 70;
  for (const double sigma : {20.0, 1.0, 0.1}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma).variance_preserving();
    const Batch<Scalar> y = random_matrix<Scalar>(model.dimension(), columns, 3);
    const Batch<Scalar> all = model.denoise(y, level);
    REQUIRE(all.allFinite());
    for (const Index width : {1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 64}) {
      Index differ = 0;
      for (Index first = 0; first < columns; first += width) {
        const Index count = std::min(width, columns - first);
        const Batch<Scalar> some = model.denoise(Batch<Scalar>(y.middleCols(first, count)), level);
        for (Index j = 0; j < count; ++j)
          differ += bitwise_equal(Vector<Scalar>(some.col(j)), Vector<Scalar>(all.col(first + j))) ? 0 : 1;
      }
      INFO(what << ", d = " << model.dimension() << ", sigma = " << sigma << ", batches of " << width);
      CHECK(differ == 0);
    }
  }
}

/// For dimensions from 1 up and n training samples from 1 up: make(data) is the model fitted to data (d, n).
template <class Scalar, class Make>
void check_columns_of(const std::string& what, const std::vector<std::pair<Index, Index>>& shapes, const Make& make) {
  for (const auto& [d, n] : shapes)
    check_columns(make(random_matrix<Scalar>(d, n, 2)), what + " of " + std::to_string(n) + " samples");
}

}  // namespace diffarch::test
