#include "diffarch/solver/shifted_solve.hpp"

#include <Eigen/Cholesky>
#include <cmath>

#include "diffarch/core/random.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A shifted system is solved as Eigen's Cholesky factors solve it, and an indefinite one is refused",
          "[solver]") {
  constexpr Index n = 5;
  const Batch<double> a = normal_batch<double>(n, n, Seed{3}, streams::data);
  const Batch<double> matrix = a * a.transpose();
  const Batch<double> b = normal_batch<double>(n, 1, Seed{4}, streams::data);
  std::vector<double> lower(n * n, std::nan(""));  // the upper triangle must not be read
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) lower[static_cast<std::size_t>(i * n + j)] = matrix(i, j);
  std::vector<double> x(b.data(), b.data() + n);
  REQUIRE(detail::solve_shifted(lower, 0.25, x));
  const Batch<double> expected = (matrix + 0.25 * Batch<double>::Identity(n, n)).llt().solve(b);
  for (Index i = 0; i < n; ++i) REQUIRE(x[static_cast<std::size_t>(i)] == Approx(expected(i)).epsilon(1e-10));
  REQUIRE_FALSE(detail::solve_shifted(lower, -2.0 * matrix.trace(), x));
}

}  // namespace
}  // namespace diffarch
