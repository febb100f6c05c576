#include "diffarch/analysis/distance_bounds.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

/// Samples near a subspace of 20 dimensions.
template <class Scalar>
Batch<Scalar> samples_near_a_plane(Index d, Index n, std::uint64_t seed) {
  const Batch<double> inside = normal_batch<double>(20, n, Seed{seed}, streams::data);
  const Batch<double> basis = normal_batch<double>(d, 20, Seed{99}, streams::data);
  const Batch<double> noise = normal_batch<double>(d, n, Seed{seed + 1}, streams::data);
  return (basis * inside + 0.05 * noise).template cast<Scalar>();
}

/// Checks |w_q - w_x| <= |q - x| + errors for all pairs of samples, and how near the bounds come.
template <class Scalar>
void check_bounds(const Batch<Scalar>& samples, const detail::SearchSubspace<Scalar>& subspace, double least_share) {
  const Vector<Scalar> centre = samples.rowwise().mean();
  detail::DistanceBounds<Scalar> bounds;
  detail::find_distance_bounds<Scalar>(samples, centre, subspace, 64, bounds);
  const Matrix<double> w = bounds.vectors.template cast<double>();
  for (Index i = 0; i < samples.cols(); ++i) {
    REQUIRE(static_cast<double>(bounds.squared_norms(i)) == Approx(w.col(i).squaredNorm()).epsilon(1e-6));
    REQUIRE(static_cast<double>(bounds.squared_norms(i)) <= bounds.largest_squared_norm * (1.0 + 1e-6));
    for (Index j = 0; j < i; ++j) {
      const double exact = (samples.col(i).template cast<double>() - samples.col(j).template cast<double>()).norm();
      const double bound = (w.col(i) - w.col(j)).norm();
      REQUIRE(bound <= exact + 2.0 * bounds.largest_error);
      REQUIRE(bound >= least_share * exact);
    }
  }
}

TEMPLATE_TEST_CASE("Vectors of samples bound their distances from below, whole or in a subspace", "[analysis]", float,
                   double) {
  const auto samples = samples_near_a_plane<TestType>(100, 90, 1);
  const Vector<TestType> centre = samples.rowwise().mean();
  const auto subspace = detail::leading_subspace(samples, centre);
  REQUIRE(subspace.basis.rows() == 100);
  REQUIRE(subspace.basis.cols() == 64);
  REQUIRE(subspace.error < 100.0 * static_cast<double>(std::numeric_limits<TestType>::epsilon()));
  check_bounds<TestType>(samples, {}, 0.999);
  check_bounds<TestType>(samples, subspace, 0.98);
}

TEST_CASE("Samples that do not differ have no leading subspace", "[analysis]") {
  const Batch<float> equal = Batch<float>::Constant(80, 70, 0.5F);
  REQUIRE(detail::leading_subspace(equal, Vector<float>(Vector<float>::Constant(80, 0.5F))).empty());
}

}  // namespace
}  // namespace diffarch
