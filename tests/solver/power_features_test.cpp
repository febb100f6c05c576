#include "diffarch/solver/power_features.hpp"

#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// The matrix whose lower triangle is given.
Matrix<double> symmetric(const Matrix<double>& lower) { return lower.selfadjointView<Eigen::Lower>(); }

/// E[h_i h_j] and E[h_i] of the scaled features by quadrature over the joint noise of each pair, in long double.
struct Oracle {
  Matrix<double> covariance;
  Vector<double> mean;
};

Oracle by_quadrature(const Matrix<double>& a, const Matrix<double>& c, int degree,
                     const PowerFeatureMoments<double>& moments) {
  const Quadrature rule = gauss_hermite(degree + 1);  // exact: each variable appears up to degree 2 degree
  const Index p = a.rows();
  const auto power = [degree](Wide x) {
    Wide result = 1.0L;
    for (int i = 0; i < degree; ++i) result *= x;
    return result;
  };
  const auto factor = [&](Index i) {
    return static_cast<Wide>(moments.feature_scale(i)) / power(static_cast<Wide>(moments.preactivation_scale(i)));
  };
  Oracle oracle{Matrix<double>(p, p), Vector<double>(p)};
  Matrix<Wide> second = Matrix<Wide>::Zero(p, p);
  Vector<Wide> first = Vector<Wide>::Zero(p);
  const Wide n = static_cast<Wide>(a.cols());
  for (Index i = 0; i < p; ++i)
    for (Index j = 0; j < p; ++j) {
      // noise_i = l11 z1, noise_j = l21 z1 + l22 z2
      const Wide l11 = std::sqrt(static_cast<Wide>(c(i, i)));
      const Wide l21 = l11 > 0.0L ? static_cast<Wide>(c(j, i)) / l11 : 0.0L;
      const Wide l22 = std::sqrt(std::max(static_cast<Wide>(c(j, j)) - l21 * l21, 0.0L));
      for (Index sample = 0; sample < a.cols(); ++sample)
        for (Index q1 = 0; q1 <= degree; ++q1) {
          const Wide hi = power(static_cast<Wide>(a(i, sample)) + l11 * rule.nodes(q1));
          if (i == j) first(i) += rule.weights(q1) * hi / n;
          if (i == j) second(i, i) += rule.weights(q1) * hi * hi / n;
          if (i == j) continue;
          for (Index q2 = 0; q2 <= degree; ++q2)
            second(i, j) += rule.weights(q1) * rule.weights(q2) * hi *
                            power(static_cast<Wide>(a(j, sample)) + l21 * rule.nodes(q1) + l22 * rule.nodes(q2)) / n;
        }
    }
  for (Index i = 0; i < p; ++i) {
    oracle.mean(i) = static_cast<double>(first(i) * factor(i));
    for (Index j = 0; j < p; ++j)
      oracle.covariance(i, j) = static_cast<double>((second(i, j) - first(i) * first(j)) * factor(i) * factor(j));
  }
  return oracle;
}

}  // namespace

TEST_CASE("Moments of noisy powers equal Gauss-Hermite quadrature", "[solver]") {
  // Correlated noise of very different strength, means that are not small: the general case of theory.md C6.
  const Matrix<double> mixing = random_matrix(5, 5, 1);
  const Matrix<double> c = 0.3 * mixing * mixing.transpose();
  const Matrix<double> a = (random_matrix(5, 7, 2).colwise() + Vector<double>{{0.0, 0.5, -1.0, 3.0, 0.1}});
  for (const int degree : {1, 2, 3, 5, 9, 27}) {
    const auto moments = power_feature_moments(a, c, degree);
    const Oracle oracle = by_quadrature(a, c, degree, moments);
    INFO("degree " << degree);
    CHECK((symmetric(moments.covariance) - oracle.covariance).cwiseAbs().maxCoeff() < 1e-11);
    CHECK((moments.mean - oracle.mean).cwiseAbs().maxCoeff() < 1e-11 * oracle.mean.cwiseAbs().maxCoeff());
    CHECK((moments.covariance.diagonal().array() - 1.0).abs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("Weakly correlated noise, whose high orders are left out, loses nothing", "[solver]") {
  Matrix<double> c = Matrix<double>::Identity(4, 4);
  c(0, 1) = c(1, 0) = 0.02;
  c(2, 3) = c(3, 2) = -0.03;
  const Matrix<double> a = 0.5 * random_matrix(4, 6, 3);
  const auto moments = power_feature_moments(a, c, 27);
  const Oracle oracle = by_quadrature(a, c, 27, moments);
  INFO("difference times 1e12: " << 1e12 * (symmetric(moments.covariance) - oracle.covariance).cwiseAbs().maxCoeff());
  CHECK((symmetric(moments.covariance) - oracle.covariance).cwiseAbs().maxCoeff() <
        1e-11);  // as above: rounding of powers of degree 27
}

TEST_CASE("Without noise they are the moments of the powers themselves", "[solver]") {
  const Matrix<double> a = random_matrix(3, 50, 4);
  const auto moments = power_feature_moments(a, Matrix<double>::Zero(3, 3), 3);
  const Matrix<double> powers = a.array().cube();
  const Matrix<double> h = powers.colwise() - powers.rowwise().mean();
  const Vector<double> deviation = (h.rowwise().squaredNorm() / 50.0).cwiseSqrt();
  CHECK(relative_difference(moments.sample_means, deviation.cwiseInverse().asDiagonal() * h) < 1e-13);
}

TEST_CASE("Powers beyond double precision are refused, naming the degree", "[solver]") {
  const Matrix<double> a = 2.0 * random_matrix(2, 5, 5);
  const auto only_noise = [](int degree) {
    return power_feature_moments(Matrix<double>(Matrix<double>::Zero(2, 2)), Matrix<double>::Identity(2, 2), degree);
  };
  CHECK(only_noise(150).covariance.diagonal().isOnes(1e-12));  // E[z^300] = 299!! = 6e306
  CHECK_THROWS_AS(only_noise(151), NumericalError);
  CHECK(message_of<NumericalError>([&] {
          (void)power_feature_moments(a, Matrix<double>::Identity(2, 2), 201);
        }).find("degree 201") != std::string::npos);
}

TEST_CASE("Double is right to rounding as far as it reaches", "[solver]") {
  using Extended = Matrix<long double>;
  const Matrix<double> a = random_matrix(6, 40, 3);
  const Matrix<double> g = random_matrix(6, 9, 4) / 3.0;
  const Matrix<double> c = 0.3 * g * g.transpose();
  for (const int degree : {3, 27, 81, 150}) {
    CAPTURE(degree);
    const auto moments = power_feature_moments(a, c, degree);
    const auto exact = power_feature_moments(Extended(a.cast<long double>()), Extended(c.cast<long double>()), degree);
    const Extended difference = moments.covariance.cast<long double>() - exact.covariance;
    CHECK(Extended(difference.triangularView<Eigen::Lower>()).cwiseAbs().maxCoeff() < 1e-14L);
    CHECK(relative_difference(moments.sample_means, exact.sample_means) < 1e-13);
  }
}

TEST_CASE("Integer powers", "[solver]") {
  CHECK(integer_power(2.0, 0) == 1.0);
  CHECK(integer_power(-3.0, 3) == -27.0);
  CHECK(integer_power(2.0, 27) == 134217728.0);
}
