#include "diffarch/cuda/runtime/lanes.hpp"

#include <random>

#include "diffarch/cuda/runtime/buffer.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

template <class Scalar>
struct ScaledSum {
  const cuda::Lanes<Scalar, 4>* a;
  const cuda::Lanes<Scalar, 4>* b;
  cuda::Lanes<Scalar, 4>* sum;
  constexpr void operator()(Index i, Index /*column*/) const { sum[i] = Scalar(2) * (a[i] + b[i]); }
};

TEMPLATE_TEST_CASE("Four numbers at once are summed and multiplied one by one", "[cuda]", float, double) {
  const Matrix<TestType> a = test::random_matrix<TestType>(24, 1, 1), b = test::random_matrix<TestType>(24, 1, 2);
  const auto device_a = cuda::DeviceArray<TestType>::upload(a), device_b = cuda::DeviceArray<TestType>::upload(b);
  cuda::DeviceArray<TestType> sum(24, 1);
  cuda::for_each(6, 1,
                 ScaledSum<TestType>{cuda::as_lanes<4>(device_a.data()), cuda::as_lanes<4>(device_b.data()),
                                     cuda::as_lanes<4>(sum.data())});
  CHECK(test::bitwise_equal(sum.download(), Matrix<TestType>(TestType(2) * (a + b))));
}

TEST_CASE("Numbers are moved four at a time where every count is a multiple of four", "[cuda]") {
  const auto width_of = [](auto... counts) {
    int chosen = 0;
    cuda::with_lanes([&](auto width) { chosen = width; }, counts...);
    return chosen;
  };
  CHECK(width_of(Index{8}) == 4);
  CHECK(width_of(Index{8}, Index{12}, Index{0}) == 4);
  CHECK(width_of(Index{8}, Index{6}) == 1);
  CHECK(width_of(Index{3}) == 1);
}

TEST_CASE("Quotients are those of 64-bit division on both sides of 2^32", "[cuda]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const auto a = static_cast<Index>(random() >> (1 + i % 63));
    const auto b = static_cast<Index>(1 + (random() >> (1 + random() % 63)));
    const auto [quotient, remainder] = cuda::divide(a, b);
    REQUIRE(quotient == a / b);
    REQUIRE(remainder == a % b);
  }
  for (const Index a : {Index{0xFFFFFFFF}, Index{0x100000000}}) CHECK(cuda::divide(a, 0xFFFFFFFF).quotient == 1);
}

}  // namespace
}  // namespace diffarch
