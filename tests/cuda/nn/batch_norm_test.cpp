#include "diffarch/cuda/nn/batch_norm.hpp"

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

template <class Scalar>
using NormParts = std::vector<Matrix<Scalar>>;

/// y, dx, the gradients of weight and bias, and the running statistics, after a pass forward and one back.
template <class Kernels, class Scalar, class Normalisation, bool Rectified>
NormParts<Scalar> norm_parts(Index channels, Index pixels, nn::Mode mode, double mean, bool wants_dx = true) {
  using Array = test::KernelsArray<Kernels, Scalar>;
  Array x(Matrix<Scalar>(test::random_matrix<Scalar>(channels, pixels, 1).array() + static_cast<Scalar>(mean)));
  Array dy(test::random_matrix<Scalar>(channels, pixels, 2));
  Array weight(test::random_matrix<Scalar>(channels, 1, 3)), bias(test::random_matrix<Scalar>(channels, 1, 4));
  Array running_mean(Matrix<Scalar>::Zero(channels, 1)), running_spread(Matrix<Scalar>::Ones(channels, 1));
  Array weight_gradient(Matrix<Scalar>::Zero(channels, 1)), bias_gradient(Matrix<Scalar>::Zero(channels, 1));
  Array y(channels, pixels);
  typename Kernels::template BatchNorm<Scalar, Normalisation, Rectified> norm;
  norm.plan(channels, pixels);
  const nn::detail::NormalisationTensors<Scalar> tensors{weight.data(),          bias.data(),
                                                         running_mean.data(),    running_spread.data(),
                                                         weight_gradient.data(), bias_gradient.data()};
  norm.forward(x.data(), y.data(), mode, tensors);
  norm.backward(x.data(), dy.data(), wants_dx ? dy.data() : nullptr, tensors);  // in place
  return {
      y.host(), dy.host(), weight_gradient.host(), bias_gradient.host(), running_mean.host(), running_spread.host()};
}

template <class Scalar, class Normalisation, bool Rectified>
void check_norm(Index channels, Index pixels, nn::Mode mode) {
  CAPTURE(channels, pixels, mode == nn::Mode::train, Rectified);
  const double mean = 0.7;
  const auto ours = norm_parts<CudaKernels, Scalar, Normalisation, Rectified>(channels, pixels, mode, mean);
  const auto host = norm_parts<nn::EigenKernels, Scalar, Normalisation, Rectified>(channels, pixels, mode, mean);
  for (std::size_t part = 0; part < ours.size(); ++part) {
    CAPTURE(part);
    CHECK((ours[part] - host[part]).cwiseAbs().maxCoeff() <=
          test::kernel_tolerance<Scalar> * std::max<Scalar>(host[part].cwiseAbs().maxCoeff(), Scalar(1e-3)));
  }
}

TEMPLATE_TEST_CASE("Batch norm on the device is the host's, fused with ReLU or not, in both modes", "[cuda]", float,
                   double) {
  // One channel, more than a block of threads, few pixels, more than the parts of a sum, and multiples of four
  // channels, which are moved together.
  for (const nn::Mode mode : {nn::Mode::train, nn::Mode::evaluate})
    for (const auto& [channels, pixels] :
         {std::pair<Index, Index>{1, 5}, {5, 33}, {19, 4099}, {300, 7}, {3, 40000}, {8, 4101}, {64, 130}}) {
      check_norm<TestType, nn::StandardNormalisation, false>(channels, pixels, mode);
      check_norm<TestType, nn::StandardNormalisation, true>(channels, pixels, mode);
      check_norm<TestType, nn::BiasFreeNormalisation, false>(channels, pixels, mode);
      check_norm<TestType, nn::BiasFreeNormalisation, true>(channels, pixels, mode);
    }
}

TEST_CASE("A channel far from zero keeps its digits on the device too", "[cuda]") {
  const auto f32 = norm_parts<CudaKernels, float, nn::StandardNormalisation, false>(2, 500, nn::Mode::train, 10000.0);
  const auto host = norm_parts<nn::EigenKernels, float, nn::StandardNormalisation, false>(2, 500, nn::Mode::train, 1e4);
  CHECK(test::relative_difference(f32[0], host[0]) < 1e-5);
}

TEST_CASE("Batch norm without dx leaves dy as it is", "[cuda]") {
  const auto parts =
      norm_parts<CudaKernels, double, nn::StandardNormalisation, true>(4, 30, nn::Mode::train, 0.0, false);
  const auto both = norm_parts<CudaKernels, double, nn::StandardNormalisation, true>(4, 30, nn::Mode::train, 0.0);
  CHECK(test::bitwise_equal(parts[1], test::random_matrix(4, 30, 2)));
  CHECK(test::bitwise_equal(parts[2], both[2]));
  CHECK(test::bitwise_equal(parts[3], both[3]));
}

}  // namespace
}  // namespace diffarch
