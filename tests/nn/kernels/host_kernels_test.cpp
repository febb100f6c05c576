#include "diffarch/nn/kernels/host_kernels.hpp"

#include "support.hpp"

using namespace diffarch;
using nn::HostKernels;

TEST_CASE("Activations of the host work in place and out of place to the same bits", "[nn]") {
  const Index count = (1 << 15) + 77;
  const Vector<float> x = test::random_matrix<float>(count, 1, 1);
  const Vector<float> dy = test::random_matrix<float>(count, 1, 2);
  Vector<float> y(count);
  HostKernels::leaky_relu(x.data(), y.data(), count, 0.25F);
  CHECK(test::bitwise_equal(y, Vector<float>((x.array() > 0.0F).select(x, 0.25F * x))));
  Vector<float> in_place = x;
  HostKernels::leaky_relu(in_place.data(), in_place.data(), count, 0.25F);
  CHECK(test::bitwise_equal(in_place, y));
  Vector<float> dx(count);
  HostKernels::leaky_relu_backward(y.data(), dy.data(), dx.data(), count, 0.25F);
  CHECK(test::bitwise_equal(dx, Vector<float>((x.array() > 0.0F).select(dy, 0.25F * dy))));
  HostKernels::tanh(x.data(), y.data(), count);
  in_place = x;
  HostKernels::tanh(in_place.data(), in_place.data(), count);
  CHECK(test::bitwise_equal(in_place, y));
  CHECK(test::relative_difference(y, Vector<float>(x.cast<double>().array().tanh().cast<float>())) < 1e-6);
  HostKernels::tanh_backward(y.data(), dy.data(), dx.data(), count);
  CHECK(test::relative_difference(dx, Vector<float>(dy.array() * (1.0F - y.array().square()))) < 1e-6);
}

TEST_CASE("Columns are copied and added between matrices of any stride", "[nn]") {
  const Matrix<double> from = test::random_matrix(50, 700, 1);
  const Matrix<double> before = test::random_matrix(33, 700, 2);
  Matrix<double> to = before;
  HostKernels::copy_columns(from.data() + 4, Index{50}, to.data() + 2, Index{33}, Index{20}, Index{700});
  CHECK(to.middleRows(2, 20) == from.middleRows(4, 20));
  CHECK(to.topRows(2) == before.topRows(2));
  CHECK(to.bottomRows(11) == before.bottomRows(11));
  HostKernels::add_columns(from.data(), Index{50}, to.data(), Index{33}, Index{33}, Index{700});
  CHECK(to.topRows(2) == before.topRows(2) + from.topRows(2));
  CHECK(to.bottomRows(11) == before.bottomRows(11) + from.middleRows(22, 11));
}

TEST_CASE("Memory of the host is copied and filled", "[nn]") {
  STATIC_REQUIRE(std::is_same_v<HostKernels::BackendType, Cpu>);
  const std::vector<Index> from{1, 2, 3};
  std::vector<Index> to(3);
  HostKernels::copy(from.data(), Index{3}, to.data());
  CHECK(to == from);
  HostKernels::fill(to.data(), Index{2}, Index{9});
  CHECK(to == std::vector<Index>{9, 9, 3});
  HostKernels::copy_from_host(from.data(), Index{2}, to.data());
  HostKernels::copy_to_host(to.data() + 1, Index{2}, to.data());
  CHECK(to == std::vector<Index>{2, 3, 3});
}
