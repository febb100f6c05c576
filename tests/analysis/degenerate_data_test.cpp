// Every estimator of analysis/ on data that people have and estimators do not expect: ties, duplicates, a large offset,
// constant data, one sample, one dimension, single precision. Each gives the right value or says why it does not.

#include <cmath>
#include <functional>
#include <limits>

#include "diffarch/analysis/bures.hpp"
#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/analysis/energy_distance.hpp"
#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/analysis/intrinsic_dimension.hpp"
#include "diffarch/analysis/kernel_two_sample_test.hpp"
#include "diffarch/analysis/memorisation.hpp"
#include "diffarch/analysis/moment_estimates.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/analysis/novelty.hpp"
#include "diffarch/analysis/sharpness.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::real;

using Samples2 = std::function<double(const Batch<double>&, const Batch<double>&)>;

/// A number that an estimator makes of samples x (training samples, prediction) and y.
struct Estimator {
  const char* name;
  Samples2 value;
  std::function<double(const Batch<float>&, const Batch<float>&)> value_in_float;
};

// One lambda for both scalar types.
#define DIFFARCH_TEST_ESTIMATOR(name, expression)                                              \
  Estimator {                                                                                  \
    name, [](const Batch<double>& x, const Batch<double>& y) -> double { return expression; }, \
        [](const Batch<float>& x, const Batch<float>& y) -> double { return expression; }      \
  }

template <class Scalar>
double distance_of_moments(const Batch<Scalar>& x, const Batch<Scalar>& y) {
  return bures_distance(factored_gaussian(x), factored_gaussian(y));
}
template <class Scalar>
double agreement_z(const Batch<Scalar>& x, const Batch<Scalar>& y) {
  const Matrix<double> covariance = sample_covariance(y);
  return gaussian_agreement(x, sample_mean(y), Matrix<Scalar>(Matrix<Scalar>::Identity(x.rows(), x.rows())),
                            covariance.diagonal())
      .variance_z;
}
template <class Scalar>
double matched_variance(const Batch<Scalar>& x, const Batch<Scalar>& y) {
  const Vector<double> variance = Vector<double>::Constant(x.rows(), 2.0);
  return sample_covariance(
             match_moments(x, sample_mean(y), Matrix<Scalar>(Matrix<Scalar>::Identity(x.rows(), x.rows())), variance))
      .diagonal()
      .mean();
}

/// As many samples of one set as of the other.
template <class Scalar>
Batch<Scalar> leading(const Batch<Scalar>& x) {
  return x.leftCols(std::min<Index>(20, x.cols()));
}

/// None of these sees an offset of both sets.
const std::vector<Estimator> estimators{
    DIFFARCH_TEST_ESTIMATOR("energy_distance", energy_distance(x, y)),
    DIFFARCH_TEST_ESTIMATOR("mmd", kernel_two_sample_test(x, y, {.permutations = 5}).mmd_squared),
    DIFFARCH_TEST_ESTIMATOR("mmd bandwidth", kernel_two_sample_test(x, y, {.permutations = 5}).bandwidth),
    DIFFARCH_TEST_ESTIMATOR("bures_distance", distance_of_moments(x, y)),
    DIFFARCH_TEST_ESTIMATOR("nearest_neighbours", nearest_neighbours(x, y, 2).distances.sum()),
    DIFFARCH_TEST_ESTIMATOR("memorisation", memorisation(x, y).gap_ratio.sum()),
    DIFFARCH_TEST_ESTIMATOR("novelty", novelty(x, y).median),
    DIFFARCH_TEST_ESTIMATOR("training_spacing", training_spacing(x) + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("two_nn_dimension", two_nn_dimension(x).dimension + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("levina_bickel_dimension", levina_bickel_dimension(x, 6).dimension + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("sample_mean", (sample_mean(x) - sample_mean(y)).norm()),
    DIFFARCH_TEST_ESTIMATOR("sample_covariance", sample_covariance(x).norm() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("covariance_estimate", covariance_estimate(x).value.sum() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("covariance error", covariance_estimate(x).error.sum() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("variance", moment_estimates(x).variance.value.sum() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("skewness", moment_estimates(x).skewness.value.sum() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("kurtosis", moment_estimates(x).excess_kurtosis.value.sum() + 0.0 * real(y.cols())),
    DIFFARCH_TEST_ESTIMATOR("gaussian_agreement", agreement_z(x, y)),
    DIFFARCH_TEST_ESTIMATOR("match_moments", matched_variance(x, y)),
    DIFFARCH_TEST_ESTIMATOR("pearson_correlation", pearson_correlation(leading(x), leading(y)).sum()),
    DIFFARCH_TEST_ESTIMATOR("r_squared", r_squared(leading(x), leading(y)).mean()),
    DIFFARCH_TEST_ESTIMATOR("explained_variance", explained_variance(leading(x), leading(y)).mean()),
    DIFFARCH_TEST_ESTIMATOR("sharpness", sharpness(x, {.height = 3, .width = 3}).mean() + 0.0 * real(y.cols())),
};

const Batch<double> first_set = random_matrix(9, 60, 1);
const Batch<double> second_set = 1.2 * random_matrix(9, 50, 2);

Batch<double> twice(const Batch<double>& x, bool exactly) {
  Batch<double> result(x.rows(), 2 * x.cols());
  result << x, x;
  if (!exactly) result.rightCols(x.cols()) = x.unaryExpr([](double value) { return std::nextafter(value, 1e3); });
  return result;
}

/// What an estimator says to x and y: a number, or the message of its error, which has to be the library's own.
std::string said(const Estimator& estimator, const Batch<double>& x, const Batch<double>& y) {
  try {
    const double value = estimator.value(x, y);
    return std::isfinite(value) ? "a number" : std::isnan(value) ? "undefined" : "infinite";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("Estimators do not see an offset of 1e8", "[analysis][degenerate]") {
  const Batch<double> x = first_set.array() + 1e8;
  const Batch<double> y = second_set.array() + 1e8;
  // The samples themselves are rounded to 1.5e-8.
  for (const Estimator& estimator : estimators) {
    CAPTURE(estimator.name);
    CHECK(estimator.value(x, y) == Approx(estimator.value(first_set, second_set)).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE("Estimators say the same in single precision", "[analysis][degenerate]") {
  for (const Estimator& estimator : estimators) {
    CAPTURE(estimator.name);
    CHECK(estimator.value_in_float(first_set.cast<float>(), second_set.cast<float>()) ==
          Approx(estimator.value(first_set, second_set)).epsilon(1e-4).margin(1e-5));
  }
}

TEST_CASE("Measures of distances between samples count duplicates once", "[analysis][degenerate]") {
  const bool exactly = GENERATE(true, false);
  const Batch<double> x = twice(first_set, exactly);
  for (const Estimator& estimator : estimators) {
    const std::string name = estimator.name;
    if (name == "memorisation" || name == "novelty" || name == "training_spacing" || name == "two_nn_dimension" ||
        name == "levina_bickel_dimension") {
      CAPTURE(name, exactly);
      CHECK(estimator.value(x, second_set) == Approx(estimator.value(first_set, second_set)).epsilon(1e-12));
    }
  }
  // 500 points of an 8-dimensional Gaussian and a twin for 50 of them, one unit in the last place away.
  Batch<double> twins(8, 550);
  twins.leftCols(500) = random_matrix(8, 500, 3);
  twins.rightCols(50) = twins.leftCols(50).unaryExpr([](double value) { return std::nextafter(value, 1e3); });
  const IntrinsicDimension found = two_nn_dimension(twins);
  CHECK(found.duplicates == 50);
  CHECK(found.points == 500);
  CHECK(found.dimension == two_nn_dimension(twins.leftCols(500)).dimension);
  CHECK(found.dimension == Approx(7.3).margin(1.5));
  CHECK(levina_bickel_dimension(twins).dimension == levina_bickel_dimension(twins.leftCols(500)).dimension);
}

TEST_CASE("Constant data: zero where that is the answer, undefined or an error where there is none",
          "[analysis][degenerate]") {
  const Batch<double> x = Batch<double>::Constant(9, 20, 0.1);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"energy_distance", "a number"},
      {"mmd", "more than half of the pairs of samples coincide"},
      {"mmd bandwidth", "more than half of the pairs of samples coincide"},
      {"bures_distance", "a number"},
      {"nearest_neighbours", "a number"},
      {"memorisation", "all 20 training samples are equal to rounding"},
      {"novelty", "20 training samples, 1 of them distinct"},
      {"training_spacing", "20 training samples, 1 of them distinct"},
      {"two_nn_dimension", "20 samples, 1 of them distinct"},
      {"levina_bickel_dimension", "20 samples, 1 of them distinct"},
      {"sample_mean", "a number"},
      {"sample_covariance", "a number"},
      {"covariance_estimate", "a number"},
      {"covariance error", "a number"},
      {"variance", "a number"},
      {"skewness", "undefined"},
      {"kurtosis", "undefined"},
      {"gaussian_agreement", "finite positive variances"},
      {"match_moments", "the samples do not vary in mode 0"},
      {"pearson_correlation", "undefined"},
      {"r_squared", "undefined"},
      {"explained_variance", "undefined"},
      {"sharpness", "a number"}};
  REQUIRE(expected.size() == estimators.size());
  for (std::size_t i = 0; i < estimators.size(); ++i) {
    CAPTURE(estimators[i].name);
    REQUIRE(expected[i].first == estimators[i].name);
    const std::string what = said(estimators[i], x, x);
    CHECK_THAT(what, ContainsSubstring(expected[i].second));
    if (what == "a number") CHECK(std::abs(estimators[i].value(x, x)) < 1e-14);
  }
}

TEST_CASE("One sample, and one dimension", "[analysis][degenerate]") {
  const Batch<double> line = random_matrix(1, 80, 4);
  const Batch<double> other = random_matrix(1, 70, 5);
  for (const Estimator& estimator : estimators) {
    CAPTURE(estimator.name);
    const std::string name = estimator.name;
    const std::string of_one = said(estimator, first_set.leftCols(1), first_set.leftCols(1));
    const std::string on_line = said(estimator, line, other);
    CHECK(of_one != "infinite");
    CHECK(on_line != "infinite");
    if (name == "sharpness") continue;  // images of 3 x 3
    // Of one value for each sample there is no correlation.
    const bool of_columns = name == "pearson_correlation" || name == "r_squared" || name == "explained_variance";
    CHECK(on_line == (of_columns ? "undefined" : "a number"));
  }
  CHECK(two_nn_dimension(line).dimension == Approx(1.0).margin(0.5));
}

TEST_CASE("Lattices, one-hot vectors and circles of equal steps have no dimension that neighbours tell",
          "[analysis][degenerate]") {
  Batch<double> lattice(2, 400);
  for (Index i = 0; i < 400; ++i) lattice.col(i) << real(i % 20), real(i / 20);
  const double angle = 0.7;
  const Matrix<double> rotation{{std::cos(angle), -std::sin(angle)}, {std::sin(angle), std::cos(angle)}};
  Batch<double> circle(2, 100);
  for (Index i = 0; i < 100; ++i)
    circle.col(i) << std::cos(0.0628318530717958 * real(i)), std::sin(0.0628318530717958 * real(i));
  Batch<double> rounded = (10.0 * random_matrix(2, 300, 6)).array().round() / 10.0;
  for (const Batch<double>& points :
       {lattice, Batch<double>(rotation * lattice), Batch<double>(Batch<double>::Identity(64, 64)), circle, rounded}) {
    CAPTURE(points.rows(), points.cols());
    for (const std::string& message :
         {test::message_of<InvalidArgument>([&] { return two_nn_dimension(points); }),
          test::message_of<InvalidArgument>([&] { return levina_bickel_dimension(points); }),
          test::message_of<InvalidArgument>([&] { return levina_bickel_dimension(points, 4); }),
          test::message_of<InvalidArgument>([&] { return two_nn_dimension(points.cast<float>()); })})
      CHECK_THAT(message, ContainsSubstring("the estimator needs samples of a density, which has no ties"));
  }
  // A few ties are told, and do no harm: 4 of 400 points have both neighbours at one distance.
  Batch<double> few = random_matrix(3, 400, 7);
  for (Index i = 0; i < 4; ++i) {
    few.col(3 * i) = Vector<double>{{100.0 * real(i + 1), 0.0, 0.0}};
    few.col(3 * i + 1) = few.col(3 * i) + Vector<double>{{1.0, 0.0, 0.0}};
    few.col(3 * i + 2) = few.col(3 * i) - Vector<double>{{1.0, 0.0, 0.0}};
  }
  CHECK(two_nn_dimension(few).tied_share == 0.01);
  CHECK(two_nn_dimension(few).dimension == Approx(3.0).margin(0.8));
}

TEST_CASE("Bures distances between Gaussians that are nearly equal keep their digits", "[analysis][degenerate]") {
  // Variances from 1e12 to 1e-12; the second Gaussian has 1e-5 more in every standard deviation below 1.
  const Matrix<double> basis = Eigen::HouseholderQR<Matrix<double>>(random_matrix(12, 12, 8)).householderQ();
  Vector<double> deviations(12);
  Vector<double> moved(12);
  for (Index i = 0; i < 12; ++i) deviations(i) = std::pow(10.0, 6.0 - real(i));
  for (Index i = 0; i < 12; ++i) moved(i) = deviations(i) + (deviations(i) < 1.0 ? 1e-5 : 0.0);
  const Vector<double> mean = Vector<double>::Constant(12, 1e8);
  const auto a = factored_gaussian(mean, basis, Vector<double>(deviations.cwiseAbs2()));
  const auto b = factored_gaussian(mean, basis, Vector<double>(moved.cwiseAbs2()));
  const double expected = bures_distance_of_spectra<double>(deviations.cwiseAbs2(), moved.cwiseAbs2());
  CHECK(expected == Approx(1e-5 * std::sqrt(5.0)));
  CHECK(bures_distance(a, b) == Approx(expected).epsilon(1e-2));  // 1e-7 of the root of the traces, 1e6
  CHECK(bures_distance(a, a) < 1e-8);
  // The samples' factor of min(d, n) columns has their covariance, for fewer samples than values and for more.
  for (const Index n : {5, 9, 30, 100}) {
    const Batch<double> x = random_matrix(9, n, 9).array() + 10.0;
    const auto gaussian = factored_gaussian(x);
    CAPTURE(n);
    CHECK(gaussian.factor.cols() == std::min<Index>(9, n));
    CHECK((gaussian.factor * gaussian.factor.transpose() - sample_covariance(x)).cwiseAbs().maxCoeff() < 1e-13);
    CHECK(bures_distance(gaussian, gaussian) < 1e-13);
  }
}

}  // namespace diffarch
