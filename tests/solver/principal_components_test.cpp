#include "diffarch/solver/principal_components.hpp"

#include "oracles.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::real;
using test::relative_difference;
using test::TestedBackend;

template <class Scalar>
PrincipalComponents<Scalar> downloaded(const PrincipalComponents<Scalar, TestedBackend>& modes) {
  return {modes.mean, modes.eigenvalues, test::download(modes.basis), modes.rank};
}

template <class Scalar>
PrincipalComponents<Scalar> components(const Batch<Scalar>& data, Centring centring = Centring::mean) {
  return downloaded(principal_components<TestedBackend>(data, centring));
}

template <class Scalar>
Matrix<double> covariance_of(const PrincipalComponents<Scalar>& modes) {
  const Matrix<double> basis = modes.basis.template cast<double>();
  return basis * modes.eigenvalues.asDiagonal() * basis.transpose();
}

template <class Scalar>
double orthonormality_error(const Matrix<Scalar>& basis) {
  const Matrix<double> wide = basis.template cast<double>();
  return (wide.transpose() * wide - Matrix<double>::Identity(basis.cols(), basis.cols())).cwiseAbs().maxCoeff();
}

TEST_CASE("Eigenmodes equal those of a singular value decomposition of the centred data", "[solver]") {
  // n < d takes the Gram route, the others the covariance route.
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{40, 25}, {25, 40}, {30, 30}, {2, 100}, {100, 2}}) {
    INFO(d << " x " << n);
    const Batch<double> data = correlated_samples(d, n, 1);
    const Vector<double> mean = data.rowwise().mean();
    const Matrix<double> centred = data.colwise() - mean;
    const test::SingularValueDecomposition svd = test::jacobi_svd(centred);
    const auto modes = components(data);
    const Index rank = std::min(d, n - 1);
    REQUIRE(modes.rank == rank);
    REQUIRE(modes.eigenvalues.size() == rank);
    REQUIRE(relative_difference(modes.mean, mean) < 1e-15 * 4);  // sums of up to 100 terms in two orders
    const Vector<double> expected = svd.values.head(rank).array().square() / real(n);
    // Forming the products squares the singular values, so small eigenvalues carry eps times the largest one.
    REQUIRE((modes.eigenvalues - expected).cwiseAbs().maxCoeff() < 1e-14 * real(d) * expected(0));
    for (Index k = 0; k < rank; ++k) {
      const double gap = std::min(k > 0 ? expected(k - 1) - expected(k) : expected(0),
                                  k + 1 < rank ? expected(k) - expected(k + 1) : expected(k));
      // Davis-Kahan: an eigenvector turns by the perturbation over the gap.
      REQUIRE(std::abs(std::abs(modes.basis.col(k).dot(svd.u.col(k))) - 1.0) < 1e-13 * real(d) * expected(0) / gap);
    }
    const Matrix<double> covariance = centred * centred.transpose() / real(n);
    REQUIRE(relative_difference(covariance_of(modes), covariance) < 1e-13);
    REQUIRE(orthonormality_error(modes.basis) < 1e-12);
  }
}

TEST_CASE("The Gram route and the covariance route give the same modes", "[solver]") {
  const Index d = 40;
  const Index n = 25;
  const Batch<double> data = correlated_samples(d, n, 2);
  Batch<double> twice(d, 2 * n);  // the same mean and covariance from more samples than dimensions
  twice << data, data;
  const auto gram_route = components(data);
  const auto covariance_route = components(twice);
  REQUIRE(gram_route.rank == n - 1);
  REQUIRE(covariance_route.rank == n - 1);
  REQUIRE(relative_difference(gram_route.eigenvalues, covariance_route.eigenvalues) < 1e-13);
  REQUIRE(relative_difference(covariance_of(gram_route), covariance_of(covariance_route)) < 1e-13);
}

TEST_CASE("Duplicated samples and constant dimensions do not add to the rank", "[solver]") {
  const Batch<double> distinct = correlated_samples(50, 6, 3);
  Batch<double> data(50, 18);
  data << distinct, distinct, distinct;
  REQUIRE(components(data).rank == 5);

  Batch<double> padded = correlated_samples(6, 40, 4);
  padded.row(2).setConstant(0.1);
  padded.row(4).setConstant(-1.0 / 3.0);
  REQUIRE(components(padded).rank == 4);
}

TEMPLATE_TEST_CASE("Constant data have rank 0 and their mean is the constant", "[solver]", float, double) {
  // 0.1 is not a binary fraction: a mean that carried the rounding of a plain sum would leave a spurious mode.
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{3, 10}, {10, 3}, {4, 1000}, {1, 7}}) {
    Batch<TestType> data = Batch<TestType>::Constant(d, n, TestType(0.1));
    data.row(d - 1).setConstant(TestType(-123.456));
    const auto modes = components(data);
    INFO(d << " x " << n);
    REQUIRE(modes.rank == 0);
    REQUIRE(modes.eigenvalues.size() == 0);
    REQUIRE(modes.basis.rows() == d);
    REQUIRE(modes.basis.cols() == 0);
    REQUIRE(bitwise_equal(Vector<double>(modes.mean), Vector<double>(data.col(0).template cast<double>())));
  }
}

TEST_CASE("One sample has rank 0 about its mean and rank 1 about zero", "[solver]") {
  for (const Index d : {1, 2, 9}) {
    const Batch<double> sample = correlated_samples(d, 1, 5);
    REQUIRE(components(sample).rank == 0);
    const auto modes = components(sample, Centring::none);
    REQUIRE(modes.rank == 1);
    REQUIRE(modes.eigenvalues(0) == Approx(sample.squaredNorm()).epsilon(1e-14));
    REQUIRE(std::abs(modes.basis.col(0).dot(sample.col(0))) == Approx(sample.norm()).epsilon(1e-14));
  }
}

TEMPLATE_TEST_CASE("Without centring the modes are those of the second moments about zero", "[solver]", float, double) {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{12, 30}, {30, 12}}) {
    const Batch<TestType> data = correlated_samples<TestType>(d, n, 6);
    const auto modes = components(data, Centring::none);
    const Matrix<double> wide = data.template cast<double>();
    REQUIRE(modes.mean == Vector<double>::Zero(d));
    REQUIRE(modes.rank == std::min(d, n));
    // The float basis itself is rounded to 6e-8; the smallest modes come out of the product with that error.
    REQUIRE(relative_difference(covariance_of(modes), wide * wide.transpose() / real(n)) <
            (std::is_same_v<TestType, float> ? 1e-6 : 1e-13));
  }
}

TEST_CASE("Float data have the eigenvalues of a double computation and an orthonormal basis", "[solver]") {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{60, 25}, {25, 60}}) {
    const Batch<float> data = correlated_samples<float>(d, n, 7);
    const auto narrow = components(data);
    const auto wide = components(Batch<double>(data.cast<double>()));
    REQUIRE(narrow.rank == wide.rank);
    // The matrices are formed and decomposed in double whatever the scalar.
    REQUIRE(bitwise_equal(narrow.eigenvalues, wide.eigenvalues));
    // Rounding of the weights and of the product to float, 25 terms, times sqrt(lambda_1 / lambda_K) < 40.
    REQUIRE(orthonormality_error(narrow.basis) < 1e-5);
    REQUIRE(relative_difference(covariance_of(narrow), covariance_of(wide)) < 1e-6);
  }
}

TEST_CASE("The number of modes is what the caller answers for the rank", "[solver]") {
  const Batch<double> data = correlated_samples(10, 5, 8);
  Index asked = -1;
  const auto modes = principal_components<TestedBackend>(data, Centring::mean, [&](Index rank) {
    asked = rank;
    return Index{2};
  });
  REQUIRE(asked == 4);
  REQUIRE(modes.rank == 4);
  REQUIRE(modes.basis.cols() == 2);
  const auto all = components(data);
  REQUIRE(bitwise_equal(modes.eigenvalues, Vector<double>(all.eigenvalues.head(2))));
}

TEST_CASE("Data sets and expressions of Eigen have the modes of their values", "[solver]") {
  const Batch<double> data = correlated_samples(6, 9, 8);
  const auto modes = principal_components<TestedBackend>(data);
  const auto of_expression = principal_components<TestedBackend>(1.0 * data);
  const auto of_images = principal_components<TestedBackend>(Dataset<double>(data, {2, 3, 1}, "six pixels"));
  REQUIRE(bitwise_equal(of_expression.eigenvalues, modes.eigenvalues));
  REQUIRE(bitwise_equal(of_images.eigenvalues, modes.eigenvalues));
}

TEST_CASE("Moments have the modes of the data they came from", "[solver]") {
  const Batch<double> data = correlated_samples(8, 40, 9);
  const Vector<double> mean = data.rowwise().mean();
  const Matrix<double> centred = data.colwise() - mean;
  const GaussianMoments<double> moments(mean, centred * centred.transpose() / 40.0);
  for (const Centring centring : {Centring::mean, Centring::none}) {
    const auto from_data = components(data, centring);
    const auto from_moments = downloaded(principal_components<TestedBackend>(moments, centring));
    REQUIRE(from_moments.rank == 8);
    REQUIRE(relative_difference(from_moments.eigenvalues, from_data.eigenvalues) < 1e-14);
    REQUIRE(relative_difference(covariance_of(from_moments), covariance_of(from_data)) < 1e-14);
  }
}

TEST_CASE("Singular moments are fine and indefinite ones are refused", "[solver]") {
  const GaussianMoments<double> point(Vector<double>::Ones(3), Matrix<double>::Zero(3, 3));
  REQUIRE(principal_components<TestedBackend>(point).rank == 0);
  const GaussianMoments<double> line(Vector<double>::Ones(3), Matrix<double>::Constant(3, 3, 0.1));
  REQUIRE(principal_components<TestedBackend>(line).rank == 1);
  const GaussianMoments<double> indefinite(Vector<double>::Ones(2), Matrix<double>{{1.0, 2.0}, {2.0, 1.0}});
  REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return principal_components<TestedBackend>(indefinite); }),
               ContainsSubstring("the covariance has the negative eigenvalue -1"));
}

TEMPLATE_TEST_CASE("Eigenmodes are bitwise the same for one and two threads", "[solver]", float, double) {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{700, 90}, {90, 700}}) {
    const Batch<TestType> data = correlated_samples<TestType>(d, n, 10);
    const auto fit = [&](int threads) {
      const test::ThreadCount guard(threads);
      return components(data);
    };
    const auto one = fit(1);
    const auto two = fit(2);
    REQUIRE(bitwise_equal(one.mean, two.mean));
    REQUIRE(bitwise_equal(one.eigenvalues, two.eigenvalues));
    REQUIRE(bitwise_equal(one.basis, two.basis));
  }
}

}  // namespace
}  // namespace diffarch
