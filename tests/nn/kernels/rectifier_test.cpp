#include "diffarch/nn/kernels/rectifier.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using nn::detail::leaky_relu;
using nn::detail::leaky_relu_gradient;
using nn::detail::relu;
using nn::detail::relu_gradient;

TEMPLATE_TEST_CASE("Rectifiers and their gradients are their formulas", "[nn]", float, double) {
  const TestType slope(0.25);
  const TestType dy(3);
  for (const TestType x : {TestType(-2), TestType(0), TestType(0.5)}) {
    CHECK(relu(x) == (x > 0 ? x : 0));
    CHECK(leaky_relu(x, slope) == (x > 0 ? x : slope * x));
    CHECK(relu_gradient(x, dy) == (x > 0 ? dy : 0));
    CHECK(leaky_relu_gradient(x, dy, slope) == (x > 0 ? dy : slope * dy));
  }
}

TEMPLATE_TEST_CASE("NaN stays NaN in a rectifier, forward and backward, whatever the slope", "[nn]", float, double) {
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
  const TestType one(1);
  CHECK(std::isnan(relu(nan)));
  CHECK(std::isnan(relu_gradient(nan, one)));
  CHECK(std::isnan(relu_gradient(one, nan)));
  for (const TestType slope : {TestType(0), TestType(0.25), TestType(1)}) {
    CHECK(std::isnan(leaky_relu(nan, slope)));
    CHECK(std::isnan(leaky_relu_gradient(nan, one, slope)));
    CHECK(std::isnan(leaky_relu_gradient(one, nan, slope)));
  }
  // Registers, as the thin products take them.
  using Register = typename Eigen::internal::packet_traits<TestType>::type;
  const auto first = [](const Register& x) { return Eigen::internal::pfirst(x); };
  const auto all = [](TestType x) { return Eigen::internal::pset1<Register>(x); };
  CHECK(std::isnan(first(relu(all(nan)))));
  CHECK(std::isnan(first(leaky_relu(all(nan), all(TestType(0.25))))));
  CHECK(std::isnan(first(leaky_relu_gradient(all(nan), all(one), all(TestType(0.25))))));
  CHECK(first(relu(all(-one))) == 0);
  CHECK(first(leaky_relu_gradient(all(-one), all(one), all(TestType(0.25)))) == TestType(0.25));
}

}  // namespace
}  // namespace diffarch
