#include "diffarch/nn/kernels/host_batch_norm.hpp"

#include "support.hpp"

using namespace diffarch;

namespace {

struct NormOutcome {
  Matrix<double> y, dx;
  Vector<double> weight_gradient, bias_gradient, running_mean, running_spread;
};

template <class Normalisation, bool rectified>
NormOutcome norm_outcome(const Matrix<double>& x, const Matrix<double>& dy, nn::Mode mode) {
  const Index channels = x.rows();
  const Vector<double> weight = Vector<double>::LinSpaced(channels, 0.5, 2.0);
  const Vector<double> bias = Vector<double>::LinSpaced(channels, -0.3, 0.4);
  NormOutcome result{x, dy, weight, bias, Vector<double>::Zero(channels), Vector<double>::Ones(channels)};
  nn::detail::HostBatchNorm<double, Normalisation, rectified> norm;
  norm.plan(channels, x.cols());
  const nn::detail::NormalisationTensors<double> tensors{weight.data(),
                                                         bias.data(),
                                                         result.running_mean.data(),
                                                         result.running_spread.data(),
                                                         result.weight_gradient.data(),
                                                         result.bias_gradient.data()};
  norm.forward(x.data(), result.y.data(), mode, tensors);
  norm.backward(x.data(), result.dx.data(), result.dx.data(), tensors);
  return result;
}

}  // namespace

TEST_CASE("Batch norm on the host is its formula, over several blocks of pixels", "[nn]") {
  const Index channels = 19;
  const Matrix<double> x = 2.0 * test::random_matrix(channels, 3000, 1);
  const Matrix<double> dy = test::random_matrix(channels, 3000, 2);
  const auto outcome = norm_outcome<nn::StandardNormalisation, false>(x, dy, nn::Mode::train);
  const Vector<double> mean = x.rowwise().mean();
  const Vector<double> variance = (x.colwise() - mean).rowwise().squaredNorm() / 3000.0;
  const Vector<double> inverse = (variance.array() + 1e-5).rsqrt();
  const Matrix<double> unit = inverse.asDiagonal() * (x.colwise() - mean);
  const Vector<double> weight = Vector<double>::LinSpaced(channels, 0.5, 2.0);
  const Vector<double> bias = Vector<double>::LinSpaced(channels, -0.3, 0.4);
  CHECK(test::relative_difference(outcome.y, Matrix<double>((weight.asDiagonal() * unit).colwise() + bias)) < 1e-12);
  CHECK(test::relative_difference(outcome.bias_gradient, Vector<double>(dy.rowwise().sum())) < 1e-12);
  const Vector<double> product = dy.cwiseProduct(unit).rowwise().sum();
  CHECK(test::relative_difference(outcome.weight_gradient, product) < 1e-12);
  CHECK(test::relative_difference(outcome.running_mean, Vector<double>(0.1 * mean)) < 1e-12);
  CHECK(test::relative_difference(outcome.running_spread,
                                  Vector<double>(0.9 + 0.1 * variance.array() * 3000.0 / 2999.0)) < 1e-12);
}

TEST_CASE("The rectifier of batch norm on the host cuts what is not positive, forward and backward", "[nn]") {
  const Matrix<double> x = test::random_matrix(5, 40, 3);
  const Matrix<double> dy = test::random_matrix(5, 40, 4);
  for (const nn::Mode mode : {nn::Mode::train, nn::Mode::evaluate}) {
    const auto plain = norm_outcome<nn::BiasFreeNormalisation, false>(x, dy, mode);
    const auto rectified = norm_outcome<nn::BiasFreeNormalisation, true>(x, dy, mode);
    CHECK(test::bitwise_equal(rectified.y, Matrix<double>(plain.y.cwiseMax(0.0))));
    const Matrix<double> passed = (plain.y.array() > 0.0).select(dy, 0.0);
    CHECK(test::bitwise_equal(rectified.dx, norm_outcome<nn::BiasFreeNormalisation, false>(x, passed, mode).dx));
  }
}
