#include "diffarch/denoiser/polynomial/spectral_functors.hpp"

#include "diffarch/core/backend.hpp"
#include "diffarch/solver/hermite.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Features are the normalised Hermite polynomials less their means", "[denoiser][polynomial]") {
  constexpr int degree = 5;
  const Matrix<double> z = 2.0 * random_matrix(3, 7, 1);
  const Matrix<double> mean = random_matrix((degree - 1) * 3, 1, 2);
  const auto z_there = upload(z);
  const auto mean_there = upload(mean);
  Storage<double> h((degree - 1) * 3, 7);
  TestedBackend::for_each(3, 7, detail::CentredHermite<degree>{h.data(), z_there.data(), mean_there.data(), 3});
  Matrix<double> expected(h.rows(), h.cols());
  std::array<double, degree + 1> values{};
  for (Index column = 0; column < 7; ++column)
    for (Index j = 0; j < 3; ++j) {
      normalised_hermite(z(j, column), degree, values.data());
      for (int k = 2; k <= degree; ++k)
        expected((k - 2) * 3 + j, column) = values[static_cast<std::size_t>(k)] - mean((k - 2) * 3 + j, 0);
    }
  CHECK(relative_difference(download(h), expected) < 1e-14);
}

TEST_CASE("Features of all degrees are weighted and summed", "[denoiser][polynomial]") {
  const Matrix<double> h = random_matrix(2 * 4, 6, 3);
  const Matrix<double> weights = random_matrix(2 * 4, 1, 4);
  const auto h_there = upload(h);
  const auto weights_there = upload(weights);
  Storage<double> strength(4, 6);
  TestedBackend::for_each(4, 6, detail::WeightFeatures<3>{strength.data(), h_there.data(), weights_there.data(), 4});
  const Matrix<double> weighted = weights.col(0).asDiagonal() * h;
  CHECK(relative_difference(download(strength), Matrix<double>(weighted.topRows(4) + weighted.bottomRows(4))) < 1e-15);
}

TEST_CASE("Leading modes are whitened and moved", "[denoiser][polynomial]") {
  const Matrix<double> projected = random_matrix(5, 6, 5);
  const Vector<double> shift = random_matrix(5, 1, 6);
  const Vector<double> inverse = random_matrix(5, 1, 7).array().exp();
  const auto projected_there = upload(projected);
  const auto shift_there = upload(shift);
  const auto inverse_there = upload(inverse);
  Storage<double> u(3, 6);
  TestedBackend::for_each(
      3, 6, detail::Whiten{u.data(), projected_there.data(), shift_there.data(), inverse_there.data(), 0.7, 3, 5});
  const Matrix<double> expected =
      (inverse.asDiagonal() * Matrix<double>((0.7 * projected).colwise() - shift)).topRows(3);
  CHECK(relative_difference(download(u), expected) < 1e-15);

  auto y = upload(projected);
  TestedBackend::for_each(3, 6, detail::AddScaledRows{y.data(), u.data(), inverse_there.data(), 5, 3});
  Matrix<double> moved = projected;
  moved.topRows(3) += inverse.head(3).asDiagonal() * expected;
  CHECK(relative_difference(download(y), moved) < 1e-15);
}
