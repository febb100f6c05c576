#include "diffarch/nn/kernels/thin_product.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

TEMPLATE_TEST_CASE("Thin products are matrix products, for any width and number of samples", "[nn]", float, double) {
  const double tolerance = 20.0 * std::numeric_limits<TestType>::epsilon();
  for (const Index thin_size : {1, 2, 3, 4})
    for (const Index wide_size : {1, 3, 16, 64, 103, 200})
      for (const Index samples : {1, 7}) {
        CAPTURE(thin_size, wide_size, samples);
        const nn::detail::ThinProduct<TestType> product(thin_size, wide_size);
        const Matrix<TestType> v = test::random_matrix<TestType>(wide_size, thin_size, 1);
        const Matrix<TestType> thin = test::random_matrix<TestType>(thin_size, samples, 2);
        const Matrix<TestType> wide = test::random_matrix<TestType>(wide_size, samples, 3);
        const Vector<TestType> wide_bias = test::random_matrix<TestType>(wide_size, 1, 4);
        const Vector<TestType> thin_bias = test::random_matrix<TestType>(thin_size, 1, 5);
        // Every element has to be written: NaN would stay.
        const auto unwritten = [](Index rows, Index columns) {
          return Matrix<TestType>(
              Matrix<TestType>::Constant(rows, columns, std::numeric_limits<TestType>::quiet_NaN()));
        };
        const auto agrees = [&](const Matrix<TestType>& a, const Matrix<TestType>& b) {
          return (a - b).norm() <= tolerance * std::sqrt(static_cast<double>(wide_size)) * (1 + b.norm());
        };

        Matrix<TestType> wide_result = unwritten(wide_size, samples);
        product.widen(v.data(), wide_bias.data(), thin.data(), wide_result.data(), samples);
        CHECK(agrees(wide_result, (v * thin).colwise() + wide_bias));
        Matrix<TestType> leaky_result = unwritten(wide_size, samples);
        product.widen(v.data(), wide_bias.data(), thin.data(), leaky_result.data(), samples, TestType(0.25));
        CHECK(agrees(leaky_result, (wide_result.array() > 0).select(wide_result, TestType(0.25) * wide_result)));
        Matrix<TestType> thin_result = unwritten(thin_size, samples);
        product.narrow(v.data(), thin_bias.data(), wide.data(), thin_result.data(), samples);
        CHECK(agrees(thin_result, (v.transpose() * wide).colwise() + thin_bias));

        for (const bool with_input : {false, true}) {
          Matrix<TestType> dv = unwritten(wide_size, thin_size);
          Matrix<TestType> dwide_bias = unwritten(wide_size, 1);
          thin_result = unwritten(thin_size, samples);
          product.widen_backward(v.data(), thin.data(), wide.data(), dv.data(), dwide_bias.data(),
                                 with_input ? thin_result.data() : nullptr, samples);
          CHECK(agrees(dv, wide * thin.transpose()));
          CHECK(agrees(dwide_bias, wide.rowwise().sum()));
          if (with_input) CHECK(agrees(thin_result, v.transpose() * wide));

          // The same after a leaky activation: what two passes give.
          const Matrix<TestType> y = test::random_matrix<TestType>(wide_size, samples, 6);
          const Matrix<TestType> g = (y.array() > 0).select(wide, TestType(0.25) * wide);
          Matrix<TestType> dv_two = unwritten(wide_size, thin_size);
          Matrix<TestType> dbias_two = unwritten(wide_size, 1);
          Matrix<TestType> thin_two = thin_result;
          product.widen_backward(v.data(), thin.data(), g.data(), dv_two.data(), dbias_two.data(),
                                 with_input ? thin_two.data() : nullptr, samples);
          product.widen_backward(v.data(), thin.data(), wide.data(), dv.data(), dwide_bias.data(),
                                 with_input ? thin_result.data() : nullptr, samples, y.data(), TestType(0.25));
          CHECK(agrees(dv, dv_two));
          CHECK(agrees(dwide_bias, dbias_two));
          if (with_input) CHECK(agrees(thin_result, thin_two));

          dv = unwritten(wide_size, thin_size);
          Matrix<TestType> dthin_bias = unwritten(thin_size, 1);
          wide_result = unwritten(wide_size, samples);
          product.narrow_backward(v.data(), wide.data(), thin.data(), dv.data(), dthin_bias.data(),
                                  with_input ? wide_result.data() : nullptr, samples);
          CHECK(agrees(dv, wide * thin.transpose()));
          CHECK(agrees(dthin_bias, thin.rowwise().sum()));
          if (with_input) CHECK(agrees(wide_result, v * thin));
        }
      }
}

TEST_CASE("What a thin product gives a sample does not depend on the others", "[nn]") {
  const nn::detail::ThinProduct<float> product(2, 103);
  const Matrix<float> v = test::random_matrix<float>(103, 2, 1);
  const Matrix<float> thin = test::random_matrix<float>(2, 9, 2);
  const Matrix<float> wide = test::random_matrix<float>(103, 9, 3);
  const Vector<float> bias = Vector<float>::Zero(103);
  Matrix<float> wide_result(103, 9);
  Matrix<float> thin_result(2, 9);
  product.widen(v.data(), bias.data(), thin.data(), wide_result.data(), 9);
  product.narrow(v.data(), bias.data(), wide.data(), thin_result.data(), 9);
  for (Index j = 0; j < 9; ++j) {
    Batch<float> wide_alone(103, 1);
    Batch<float> thin_alone(2, 1);
    product.widen(v.data(), bias.data(), thin.col(j).data(), wide_alone.data(), 1);
    product.narrow(v.data(), bias.data(), wide.col(j).data(), thin_alone.data(), 1);
    CHECK(test::bitwise_equal(wide_alone, Batch<float>(wide_result.col(j))));
    CHECK(test::bitwise_equal(thin_alone, Batch<float>(thin_result.col(j))));
  }
}

}  // namespace
}  // namespace diffarch
