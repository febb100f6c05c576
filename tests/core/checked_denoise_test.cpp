#include "diffarch/core/checked_denoise.hpp"

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

/// Predicts 0.5 in an array of any shape.
struct ShapedModel {
  using Scalar = float;
  using BackendType = test::TestedBackend;
  Index rows;
  Index columns;
  [[nodiscard]] Index dimension() const { return 6; }
  [[nodiscard]] test::Storage<float> denoise(const test::Storage<float>& /*y*/, NoiseLevel /*level*/) const {
    return test::upload(Batch<float>::Constant(rows, columns, 0.5F));
  }
};

TEST_CASE("A prediction of another shape than that of y is refused with both shapes", "[core]") {
  const auto y = test::upload(Batch<float>(Batch<float>::Zero(6, 4)));
  const NoiseLevel level = NoiseLevel::from_sigma(2.0);
  CHECK(test::bitwise_equal(test::download(checked_denoise(ShapedModel{6, 4}, y, level)),
                            Batch<float>(Batch<float>::Constant(6, 4, 0.5F))));
  const auto message = [&](Index rows, Index columns) {
    return test::message_of<DimensionMismatch>([&] { (void)checked_denoise(ShapedModel{rows, columns}, y, level); });
  };
  CHECK(message(3, 4) == "denoise: for y of (6, 4) at sigma = 2 the prediction x0_hat is (3, 4); expected (6, 4)");
  CHECK(message(6, 1) == "denoise: for y of (6, 4) at sigma = 2 the prediction x0_hat is (6, 1); expected (6, 4)");
  CHECK(message(4, 6) == "denoise: for y of (6, 4) at sigma = 2 the prediction x0_hat is (4, 6); expected (6, 4)");
  CHECK(message(0, 0) == "denoise: for y of (6, 4) at sigma = 2 the prediction x0_hat is (0, 0); expected (6, 4)");
}

}  // namespace
}  // namespace diffarch
