#include "diffarch/analysis/curl_asymmetry.hpp"

#include <numbers>

#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// J = y_0 a + y_1 b: known Jacobians that move with y.
struct Bilinear {
  using Scalar = double;
  Matrix<double> a;
  Matrix<double> b;
  [[nodiscard]] Matrix<double> jacobian_product(const Batch<double>& y, const Matrix<double>& v,
                                                NoiseLevel /*level*/) const {
    return (y(0, 0) * a + y(1, 0) * b) * v;
  }
};

const NoiseLevel curl_level = NoiseLevel::from_sigma(0.8);

/// J = j everywhere.
double asymmetry(const Matrix<double>& j, const Matrix<double>& directions) {
  Batch<double> y = Batch<double>::Zero(j.rows(), 3);
  y.row(0).setOnes();
  return curl_asymmetry(Bilinear{j, Matrix<double>::Zero(j.rows(), j.cols())}, y, directions, curl_level);
}
double asymmetry(const Matrix<double>& j) { return asymmetry(j, Matrix<double>::Identity(j.rows(), j.cols())); }

template <class A>
double asymmetry_in_plane(const A& architecture) {
  Batch<double> x = 0.25 * random_matrix(2, 60, 1);
  for (Index i = 0; i < x.cols(); ++i) {
    const double angle = 2.0 * std::numbers::pi * real(i % 3) / 3.0 + 0.4;
    x.col(i) += 1.3 * Vector<double>{{std::cos(angle), std::sin(angle)}};
  }
  const auto model = fit(architecture, x, CustomSchedule::from_sigmas({0.8, 0.0}));
  const Batch<double> y = x.leftCols(20) + 0.8 * random_matrix(2, 20, 2);
  return curl_asymmetry(model, y, Matrix<double>::Identity(2, 2), curl_level);
}

}  // namespace

TEST_CASE("The asymmetry of a known Jacobian", "[analysis]") {
  const Matrix<double> j = random_matrix(5, 5, 3);
  CHECK(asymmetry(j + j.transpose()) == 0.0);
  CHECK(asymmetry(j - j.transpose()) == Approx(2.0).epsilon(1e-14));
  double difference = 0.0;
  double total = 0.0;
  for (Index r = 0; r < 5; ++r)
    for (Index c = 0; c < 5; ++c) {
      difference += std::pow(j(r, c) - j(c, r), 2);
      total += j(r, c) * j(r, c);
    }
  CHECK(asymmetry(j) == Approx(std::sqrt(difference / total)).epsilon(1e-13));
  CHECK(asymmetry(1e-8 * j) == Approx(asymmetry(j)).epsilon(1e-12));  // no scale
  CHECK(asymmetry(Matrix<double>{{0.0, 1.0}, {0.0, 0.0}}) == Approx(std::sqrt(2.0)).epsilon(1e-14));
  CHECK(asymmetry(Matrix<double>::Zero(4, 4)) == 0.0);
}

TEST_CASE("Directions restrict the asymmetry to their span", "[analysis]") {
  // Symmetric among the first three, antisymmetric among the last two.
  Matrix<double> j = Matrix<double>::Zero(5, 5);
  const Matrix<double> block = random_matrix(3, 3, 4);
  j.topLeftCorner(3, 3) = block + block.transpose();
  j(3, 4) = 2.0;
  j(4, 3) = -2.0;
  const Matrix<double> identity = Matrix<double>::Identity(5, 5);
  CHECK(asymmetry(j, identity.leftCols(3)) == 0.0);
  CHECK(asymmetry(j, identity.rightCols(2)) == Approx(2.0).epsilon(1e-14));
  CHECK(asymmetry(j, identity.middleCols(3, 1)) == 0.0);  // v . J v = 0: no Jacobian at all
  CHECK(asymmetry(j, identity) == Approx(std::sqrt(32.0 / (j.topLeftCorner(3, 3).squaredNorm() + 8.0))).epsilon(1e-13));
  // Another basis of the same span changes nothing.
  const double c = std::cos(0.7);
  const double s = std::sin(0.7);
  const Matrix<double> general = random_matrix(5, 5, 5);
  const Matrix<double> plane = identity.leftCols(2);
  const Matrix<double> turned = plane * Matrix<double>{{c, -s}, {s, c}};
  CHECK(asymmetry(general, turned) == Approx(asymmetry(general, plane)).epsilon(1e-13));
  CHECK(asymmetry(general, plane) ==
        Approx(std::sqrt(2.0) * std::abs(general(0, 1) - general(1, 0)) / general.topLeftCorner(2, 2).norm())
            .epsilon(1e-13));
}

TEST_CASE("Columns are averaged as mean squares, large Jacobians counting more", "[analysis]") {
  const Matrix<double> r = random_matrix(3, 3, 6);
  const Bilinear model{r + r.transpose(), r - r.transpose()};
  Batch<double> y = Batch<double>::Zero(3, 3);
  y(0, 0) = 2.0;  // symmetric
  y(1, 1) = 0.5;  // antisymmetric
  y(0, 2) = 1.0;  // symmetric
  const double expected =
      std::sqrt(0.25 * 4.0 * model.b.squaredNorm() / (5.0 * model.a.squaredNorm() + 0.25 * model.b.squaredNorm()));
  CHECK(curl_asymmetry(model, y, Matrix<double>::Identity(3, 3), curl_level) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("Directions of another dimension are refused", "[analysis]") {
  const Matrix<double> j = Matrix<double>::Ones(3, 3);
  CHECK(message_of<DimensionMismatch>([&] {
          (void)asymmetry(j, Matrix<double>::Identity(2, 2));
        }).find("curl_asymmetry: y is ") == 0);
}

TEST_CASE("The best polynomial has curl, its conservative form and the linear denoiser have none", "[analysis]") {
  CHECK(asymmetry_in_plane(Polynomial<3>{}) > 1e-4);
  CHECK(asymmetry_in_plane(Polynomial<3, Conservative>{}) < 1e-12);
  CHECK(asymmetry_in_plane(Polynomial<1>{}) < 1e-12);
}
