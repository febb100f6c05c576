#include "diffarch/nn/kernels/thin_block.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

/// The tensors of a block, random, or their gradients.
template <class Scalar>
struct RandomBlock {
  Matrix<Scalar> w;  // (I, wide): the input fastest
  Vector<Scalar> b;
  Matrix<Scalar> v;  // (wide, O)
  Vector<Scalar> c;

  RandomBlock(Index inputs, Index wide, Index outputs)
      : w(test::random_matrix<Scalar>(inputs, wide, 1)),
        b(test::random_matrix<Scalar>(wide, 1, 2)),
        v(test::random_matrix<Scalar>(wide, outputs, 3)),
        c(test::random_matrix<Scalar>(outputs, 1, 4)) {}
  [[nodiscard]] nn::detail::ThinBlockTensors<const Scalar> weights() const {
    return {w.data(), b.data(), v.data(), c.data()};
  }
  [[nodiscard]] nn::detail::ThinBlockTensors<Scalar> gradients() { return {w.data(), b.data(), v.data(), c.data()}; }
  void make_unwritten() {
    const Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();
    w.setConstant(nan);
    b.setConstant(nan);
    v.setConstant(nan);
    c.setConstant(nan);
  }
};

TEMPLATE_TEST_CASE("A thin block is two matrix products around an activation, and so are its gradients", "[nn]", float,
                   double) {
  using Result = Matrix<TestType>;
  const double tolerance = 30.0 * std::numeric_limits<TestType>::epsilon();
  for (const Index inputs : {1, 2, 3, 4})
    for (Index outputs = 1; inputs * outputs <= nn::detail::ThinBlock<TestType>::most; ++outputs)
      for (const Index wide : {1, 7, 64, 131})
        for (const Index samples : {1, 5, 67, 1100})
          for (const double slope : {0.0, 0.25, 1.0}) {
            CAPTURE(inputs, outputs, wide, samples, slope);
            const RandomBlock<TestType> block(inputs, wide, outputs);
            // Sums over units or samples may cancel: what is lost is a part of what was added.
            const double allowed = tolerance * std::sqrt(static_cast<double>(wide * samples));
            const auto agrees = [&](const Result& a, const Result& b) {
              return (a - b).norm() <= allowed * (1 + b.norm());
            };
            const nn::detail::ThinBlock<TestType> passes(inputs, wide, outputs, static_cast<TestType>(slope));
            const Result x = test::random_matrix<TestType>(inputs, samples, 5);
            const Result dy = test::random_matrix<TestType>(outputs, samples, 6);
            const Result h = (block.w.transpose() * x).colwise() + block.b;
            const Result derivative = (h.array() > 0).select(Result::Ones(wide, samples), static_cast<TestType>(slope));
            const Result f = h.cwiseProduct(derivative);
            const Result dh = (block.v * dy).cwiseProduct(derivative);

            Result y = Result::Constant(outputs, samples, std::numeric_limits<TestType>::quiet_NaN());
            passes.forward(block.weights(), x.data(), y.data(), samples);
            CHECK(agrees(y, (block.v.transpose() * f).colwise() + block.c));
            for (const bool with_input : {false, true}) {
              RandomBlock<TestType> gradient(inputs, wide, outputs);
              gradient.make_unwritten();
              Result dx = Result::Constant(inputs, samples, std::numeric_limits<TestType>::quiet_NaN());
              passes.backward(block.weights(), x.data(), dy.data(), with_input ? dx.data() : nullptr,
                              gradient.gradients(), samples);
              CHECK(agrees(gradient.w, x * dh.transpose()));
              CHECK(agrees(gradient.b, dh.rowwise().sum()));
              CHECK(agrees(gradient.v, f * dy.transpose()));
              CHECK(agrees(gradient.c, dy.rowwise().sum()));
              if (with_input) CHECK(agrees(dx, block.w * dh));
            }
          }
}

TEST_CASE("What a thin block gives a sample does not depend on the others", "[nn]") {
  const RandomBlock<float> block(2, 103, 1);
  const nn::detail::ThinBlock<float> passes(2, 103, 1, 0.2F);
  const Matrix<float> x = test::random_matrix<float>(2, 150, 5);
  const Matrix<float> dy = test::random_matrix<float>(1, 150, 6);
  Matrix<float> y(1, 150);
  Matrix<float> dx(2, 150);
  RandomBlock<float> gradient(2, 103, 1);
  passes.forward(block.weights(), x.data(), y.data(), 150);
  passes.backward(block.weights(), x.data(), dy.data(), dx.data(), gradient.gradients(), 150);
  for (Index j = 0; j < 150; ++j) {
    Batch<float> y_alone(1, 1);
    Batch<float> dx_alone(2, 1);
    passes.forward(block.weights(), x.col(j).data(), y_alone.data(), 1);
    passes.backward(block.weights(), x.col(j).data(), dy.col(j).data(), dx_alone.data(), gradient.gradients(), 1);
    CHECK(test::bitwise_equal(y_alone, Batch<float>(y.col(j))));
    CHECK(test::bitwise_equal(dx_alone, Batch<float>(dx.col(j))));
  }
}

TEST_CASE("A number that is none in a thin block does not go unnoticed", "[nn]") {
  RandomBlock<double> block(2, 9, 1);
  const nn::detail::ThinBlock<double> passes(2, 9, 1, 0.0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Matrix<double> x = test::random_matrix(2, 3, 5);
  x(1, 1) = nan;
  Matrix<double> y(1, 3);
  passes.forward(block.weights(), x.data(), y.data(), 3);
  CHECK(std::isfinite(y(0, 0)));
  CHECK(std::isnan(y(0, 1)));
  CHECK(std::isfinite(y(0, 2)));
  x(1, 1) = 0.0;
  block.b(4) = nan;
  passes.forward(block.weights(), x.data(), y.data(), 3);
  CHECK(y.array().isNaN().all());
}

TEST_CASE("A hidden value of a thin block that overflows to NaN does not go unnoticed, backwards neither", "[nn]") {
  // Hidden unit 4 of sample 1 is inf - inf; no weight or input is NaN, and with slope 0 the linear part is 0.
  RandomBlock<double> block(2, 9, 1);
  block.w(0, 4) = 1e300;
  block.w(1, 4) = -1e300;
  Matrix<double> x = test::random_matrix(2, 3, 5);
  x.col(1).setConstant(1e300);
  const Matrix<double> dy = test::random_matrix(1, 3, 6);
  const nn::detail::ThinBlock<double> passes(2, 9, 1, 0.0);
  Matrix<double> y(1, 3);
  passes.forward(block.weights(), x.data(), y.data(), 3);
  CHECK(std::isnan(y(0, 1)));
  CHECK(std::isfinite(y(0, 2)));
  RandomBlock<double> gradient(2, 9, 1);
  Matrix<double> dx(2, 3);
  passes.backward(block.weights(), x.data(), dy.data(), dx.data(), gradient.gradients(), 3);
  CHECK(dx.col(1).array().isNaN().all());
  CHECK(dx.col(2).allFinite());
  CHECK(gradient.w.col(4).array().isNaN().all());
  CHECK(std::isnan(gradient.b(4)));
}

}  // namespace
}  // namespace diffarch
