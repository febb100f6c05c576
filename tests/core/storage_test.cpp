#include "diffarch/core/storage.hpp"

#include <type_traits>
#include <utility>

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::random_matrix;
using test::TestedBackend;

TEST_CASE("Arrays change their precision element by element", "[core]") {
  const Matrix<double> wide = random_matrix(5, 7, 1);
  const Matrix<float> narrow = wide.cast<float>();
  REQUIRE(bitwise_equal(test::download(converted<float, TestedBackend>(test::upload(wide))), narrow));
  REQUIRE(bitwise_equal(test::download(converted<double, TestedBackend>(test::upload(narrow))),
                        Matrix<double>(narrow.cast<double>())));
}

TEST_CASE("An array that has the precision already is copied, or moved when it is a temporary", "[core]") {
  auto array = test::upload(random_matrix(3, 2, 2));
  const double* const memory = array.data();
  const auto copy = converted<double, TestedBackend>(array);
  REQUIRE(copy.data() != memory);
  REQUIRE(bitwise_equal(test::download(copy), test::download(array)));
  REQUIRE(converted<double, TestedBackend>(std::move(array)).data() == memory);
}

TEST_CASE("The host sees the values of an array, and the array itself where it is one of the host", "[core]") {
  const Matrix<double> values = random_matrix(3, 2, 3);
  const auto array = test::upload(values);
  const auto& seen = host_array<TestedBackend>(array);
  REQUIRE(bitwise_equal(seen, values));
  STATIC_REQUIRE(std::is_reference_v<decltype(host_array<TestedBackend>(array))> == test::on_host);
}

TEST_CASE("A backend has a copy of an array of the host, and the array itself where it is the host", "[core]") {
  const Matrix<double> values = random_matrix(3, 2, 4);
  const auto& placed = backend_array<TestedBackend>(values);
  REQUIRE(bitwise_equal(test::download(placed), values));
  STATIC_REQUIRE(std::is_reference_v<decltype(backend_array<TestedBackend>(values))> == test::on_host);
}

}  // namespace
}  // namespace diffarch
