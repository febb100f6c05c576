#include "diffarch/cuda/algebra/panels.hpp"

#include "diffarch/core/elementwise.hpp"
#include "diffarch/cuda/runtime/launch.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Columns are taken a whole panel at a time, the last one filled up", "[cuda]") {
  for (const Index columns : {Index{0}, Index{1}, cuda::panel_columns - 1, cuda::panel_columns, cuda::panel_columns + 1,
                              3 * cuda::panel_columns + 5}) {
    const Matrix<double> host = test::random_matrix(3, columns, 1);
    const auto from = cuda::DeviceArray<double>::upload(host);
    cuda::DeviceArray<double> to(3, columns);
    Index panels = 0;
    cuda::for_each_panel(from, to, [&](const double* x, double* y) {
      ++panels;
      // All columns of the panel, none of them outside the arrays and all of them finite.
      cuda::for_each(3, cuda::panel_columns, elementwise::Scale<double>{y, x, 2.0, 3});
    });
    REQUIRE(panels == (columns + cuda::panel_columns - 1) / cuda::panel_columns);
    REQUIRE(test::bitwise_equal(to.download(), Matrix<double>(2.0 * host)));
  }
}

}  // namespace
}  // namespace diffarch
