#include "diffarch/solver/hermite_features.hpp"

#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Moments of Hermite features of noisy projections equal quadrature", "[solver]") {
  constexpr int degree = 4;
  const Index p = 3;
  const Index n = 6;
  const Matrix<double> mixing = 0.5 * random_matrix(p, p, 1);
  const Matrix<double> c = mixing * mixing.transpose();
  const Matrix<double> a = random_matrix(p, n, 2);
  const auto moments = hermite_feature_moments(a, c, degree);

  // Joint noise of all projections: mixing times three normal variables.
  const Quadrature rule = gauss_hermite(degree + 1);
  const Index q = rule.nodes.size();
  const Index size = (degree - 1) * p;
  const auto features = [&](const Vector<double>& z) {
    Vector<double> h(size);
    for (Index j = 0; j < p; ++j) {
      const double x = z(j);
      h(j) = (x * x - 1.0) / std::sqrt(2.0);
      h(p + j) = (x * x * x - 3.0 * x) / std::sqrt(6.0);
      h(2 * p + j) = (x * x * x * x - 6.0 * x * x + 3.0) / std::sqrt(24.0);
    }
    return h;
  };
  Vector<double> mean = Vector<double>::Zero(size);
  Matrix<double> second = Matrix<double>::Zero(size, size);
  Matrix<double> conditional = Matrix<double>::Zero(size, n);
  for (Index i = 0; i < n; ++i)
    for (Index node = 0; node < q * q * q; ++node) {
      const Vector<Index> at{{node % q, node / q % q, node / q / q}};
      const auto weight = static_cast<double>(rule.weights(at(0)) * rule.weights(at(1)) * rule.weights(at(2)));
      const Vector<double> normal = rule.nodes(at).cast<double>();
      const Vector<double> h = features(a.col(i) + mixing * normal);
      conditional.col(i) += weight * h;
      mean += weight * h / real(n);
      second += weight * h * h.transpose() / real(n);
    }
  CHECK(relative_difference(moments.mean, mean) < 1e-12);
  CHECK(relative_difference(moments.covariance, Matrix<double>(second - mean * mean.transpose())) < 1e-12);
  CHECK(relative_difference(Matrix<double>(moments.orders[3] / std::sqrt(6.0)), conditional.middleRows(p, p)) < 1e-12);
}
