#include "diffarch/denoiser/posterior/conditioned_ideal.hpp"

#include <cmath>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

TEST_CASE("A conditioned Ideal multiplies weights by likelihoods", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(6, 1500, 1);  // more than one block
  const Matrix<double> a = random_matrix(2, 6, 2);
  const Vector<double> m = random_matrix(2, 1, 3);
  const Batch<double> y = random_matrix(6, 5, 4);
  for (const double s : {1e-3, 0.4, 10.0}) {
    const IdealDenoiser<double> model = conditioned(IdealDenoiser<double>(data), LinearMeasurement{a, m, s});
    for (const NoiseLevel level :
         {NoiseLevel::from_sigma(0.3), NoiseLevel::from_alpha_bar(0.4), NoiseLevel::from_alpha_bar(0.0)}) {
      Batch<double> expected(6, 5);
      for (Index j = 0; j < 5; ++j) {
        std::vector<long double> exponents;
        long double largest = -1e300L;
        for (Index i = 0; i < data.cols(); ++i) {
          long double exponent = 0.0L;
          for (Index row = 0; row < 6; ++row) {
            const long double difference =
                static_cast<long double>(y(row, j)) -
                static_cast<long double>(level.signal) * static_cast<long double>(data(row, i));
            exponent -= difference * difference / (2.0L * static_cast<long double>(level.noise * level.noise));
          }
          for (Index row = 0; row < 2; ++row) {
            long double measured = static_cast<long double>(m(row));
            for (Index column = 0; column < 6; ++column)
              measured -= static_cast<long double>(a(row, column)) * static_cast<long double>(data(column, i));
            exponent -= measured * measured / (2.0L * static_cast<long double>(s * s));
          }
          exponents.push_back(exponent);
          largest = std::max(largest, exponent);
        }
        long double sum = 0.0L;
        Vector<long double> mean = Vector<long double>::Zero(6);
        for (Index i = 0; i < data.cols(); ++i) {
          const long double weight = std::exp(exponents[static_cast<std::size_t>(i)] - largest);
          sum += weight;
          mean += weight * data.col(i).cast<long double>();
        }
        expected.col(j) = (mean / sum).cast<double>();
      }
      REQUIRE(relative_difference(model.denoise(y, level), expected) < 1e-9);
    }
  }
}

TEST_CASE("Two measurements are one of both", "[denoiser][ideal]") {
  const Batch<double> data = random_matrix(4, 50, 5);
  const NoiseLevel level = NoiseLevel::from_sigma(2.0);
  const Batch<double> y = random_matrix(4, 3, 6);
  const IdealDenoiser<double> model(data);
  const auto one = [](Index element, double value) {
    return ElementMeasurement{{element}, Vector<double>::Constant(1, value), 0.5};
  };
  const ElementMeasurement both{{1, 3}, Vector<double>{{0.2, -0.7}}, 0.5};
  REQUIRE(relative_difference(conditioned(conditioned(model, one(1, 0.2)), one(3, -0.7)).denoise(y, level),
                              conditioned(model, both).denoise(y, level)) < 1e-13);
}

TEST_CASE("A finite training set is not conditioned on exact numbers", "[denoiser][ideal]") {
  const IdealDenoiser<float> model(random_matrix<float>(4, 50, 7));
  REQUIRE(message_of<InvalidArgument>([&] {
            (void)conditioned(model, ElementMeasurement{{0}, Vector<double>::Zero(1)});
          }) == "measurement: deviation = 0, expected more of a finite training set");
  REQUIRE(message_of<DimensionMismatch>([&] {
            (void)conditioned(model, ElementMeasurement{{4}, Vector<double>::Zero(1), 1.0});
          }) == "measurement: element 4 of samples of dimension 4");
}

}  // namespace
}  // namespace diffarch
