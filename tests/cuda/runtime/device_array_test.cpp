#include "diffarch/cuda/runtime/device_array.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/cuda/runtime/launch.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using test::bitwise_equal;
using test::message_of;
using test::random_matrix;

TEMPLATE_TEST_CASE("What is uploaded is downloaded, of any shape", "[cuda]", float, double) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<Index, Index>>{{1, 1}, {3, 5}, {257, 3}, {1, 1000}, {0, 4}, {4, 0}, {0, 0}}) {
    const Matrix<TestType> host = random_matrix<TestType>(rows, columns, 1);
    const auto array = DeviceArray<TestType>::upload(host);
    REQUIRE(array.rows() == rows);
    REQUIRE(array.cols() == columns);
    REQUIRE(array.size() == rows * columns);
    REQUIRE(bitwise_equal(array.download(), host));
  }
}

TEST_CASE("Copies have values of their own, moves take the memory", "[cuda]") {
  const Matrix<double> host = random_matrix(4, 3, 2);
  auto array = DeviceArray<double>::upload(host);
  DeviceArray<double> copy = array;
  copy.set_zero();
  REQUIRE(bitwise_equal(array.download(), host));
  REQUIRE(bitwise_equal(copy.download(), Matrix<double>(Matrix<double>::Zero(4, 3))));
  copy = array;
  REQUIRE(bitwise_equal(copy.download(), host));
  const double* const memory = array.data();
  DeviceArray<double> moved = std::move(array);
  REQUIRE(moved.data() == memory);
  copy = std::move(moved);
  REQUIRE(copy.data() == memory);
  DeviceArray<double>& itself = copy;
  copy = itself;
  REQUIRE(bitwise_equal(copy.download(), host));
}

TEST_CASE("Columns are where their values are", "[cuda]") {
  const Matrix<double> host = random_matrix(4, 3, 3);
  auto array = DeviceArray<double>::upload(host);
  DeviceArray<double> column(4, 1);
  column.copy_from(std::as_const(array).column(2), 4);
  REQUIRE(bitwise_equal(column.download(), Matrix<double>(host.col(2))));
  DeviceArray<double>::copy_values(array.column(0), column.data(), 4);
  REQUIRE(bitwise_equal(Matrix<double>(array.download().col(0)), Matrix<double>(host.col(2))));
  REQUIRE_NOTHROW(DeviceArray<double>::copy_values(nullptr, nullptr, 0));
}

TEST_CASE("Host memory may change as soon as a copy returns", "[cuda]") {
  Matrix<double> host = Matrix<double>::Constant(100, 1, 3.0);
  const auto array = DeviceArray<double>::upload(host);
  host.setConstant(-1.0);
  REQUIRE((array.download().array() == 3.0).all());
  double first = 0.0;
  array.copy_to_host(&first, 1);
  REQUIRE(first == 3.0);
}

TEST_CASE("Arrays of negative size and beyond the memory are refused, and the message names the call", "[cuda]") {
  REQUIRE(message_of<InvalidArgument>([] { DeviceArray<float>(-1, 2); }) ==
          "DeviceArray: (-1, 2); expected sizes >= 0");
  constexpr Index huge = Index{1} << 45;
  REQUIRE_THAT(message_of<CudaError>([] { DeviceArray<float>(huge, 1); }),
               ContainsSubstring(detail::concat("CUDA: cudaMallocAsync of ", 4 * huge, " bytes: ")));
  // The runtime does not report it again for what comes after.
  auto array = DeviceArray<float>::upload(Matrix<float>(Matrix<float>::Ones(3, 1)));
  cuda::for_each(3, 1, elementwise::Scale<float>{array.data(), array.data(), 2.0F, 3});
  CHECK((array.download().array() == 2.0F).all());
}

#ifdef DIFFARCH_EMULATED_DEVICE
TEST_CASE("New memory is not a number, and no block is left behind", "[cuda]") {
  const std::size_t before = emulated_device::live_blocks();
  {
    const DeviceArray<double> array(7, 2);
    REQUIRE(array.download().array().isNaN().all());
    DeviceArray<float> other(5, 5);
    const DeviceArray<float> copy = other;
    other = DeviceArray<float>(2, 2);
    DeviceArray<float> empty(0, 9);
    REQUIRE(empty.data() == nullptr);
    REQUIRE(emulated_device::live_blocks() == before + 3);
    REQUIRE_THROWS(DeviceArray<float>(Index{1} << 45, 1));
  }
  REQUIRE(emulated_device::live_blocks() == before);
}

TEST_CASE("A copy into an array of the same size takes no memory", "[cuda]") {
  const Matrix<double> host = random_matrix(6, 2, 4);
  const auto source = DeviceArray<double>::upload(host);
  DeviceArray<double> target(3, 4);
  const double* const place = target.data();
  const std::size_t before = emulated_device::allocations();
  target = source;
  REQUIRE(emulated_device::allocations() == before);
  REQUIRE(target.data() == place);
  REQUIRE(bitwise_equal(target.download(), host));
  const DeviceArray<double>& same = target;
  target = same;
  REQUIRE(bitwise_equal(target.download(), host));
  DeviceArray<double> larger(5, 5);
  larger = source;
  REQUIRE(bitwise_equal(larger.download(), host));
  target = std::move(larger);
  REQUIRE(bitwise_equal(target.download(), host));
  REQUIRE(larger.data() == nullptr);
}

TEST_CASE("Memory is freed after the work that was given to the stream before", "[cuda]") {
  const Matrix<double> host = random_matrix(10, 1, 4);
  DeviceArray<double> result(10, 1);
  {
    const auto source = DeviceArray<double>::upload(host);
    cuda::for_each(10, 1, elementwise::Scale<double>{result.data(), source.data(), 2.0, 10});
  }
  REQUIRE(bitwise_equal(result.download(), Matrix<double>(2.0 * host)));
}
#endif

}  // namespace
}  // namespace diffarch
