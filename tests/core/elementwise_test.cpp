#include "diffarch/core/elementwise.hpp"

#include <array>

#include "support.hpp"

namespace diffarch {
namespace {

using elementwise::Index;

// Small integers and binary fractions: every product and sum is exact, so the expected results are exact too.
constexpr Index rows = 2;
constexpr Index columns = 3;
using Array = std::array<double, rows * columns>;
constexpr Array x = {1, -2, 3, 0.5, -4, 8};
constexpr Array y = {2, 4, -1, 0, 3, -0.25};
constexpr std::array<double, rows> v = {3, -0.5};
constexpr std::array<double, columns> w = {3, -0.5, 2};

template <class MakeFunctor>
constexpr Array apply(const MakeFunctor& make) {
  Array result = y;
  const auto functor = make(result.data());
  for (Index column = 0; column < columns; ++column)
    for (Index row = 0; row < rows; ++row) functor(row, column);
  return result;
}

TEST_CASE("The elementwise functors compute what their comments say, at compile time too", "[core]") {
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::Scale<double>{p, x.data(), 2.0, rows};
                 }) == Array{2, -4, 6, 1, -8, 16});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::AddScaled<double>{p, x.data(), -0.5, rows};
                 }) == Array{1.5, 5, -2.5, -0.25, 5, -4.25});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::Combine<double>{p, x.data(), 0.5, 2.0, rows};
                 }) == Array{2, 0, 2.5, 0.5, -2.5, 7.875});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::AddScaledVector<double>{p, v.data(), 2.0, rows};
                 }) == Array{8, 3, 5, -1, 9, -1.25});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::ScaleRows<double>{p, v.data(), rows};
                 }) == Array{6, -2, -3, 0, 9, 0.125});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::ScaleAddVector<double>{p, x.data(), v.data(), 2.0, rows};
                 }) == Array{5, -4.5, 9, 0.5, -5, 15.5});
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::Divide<double>{p, x.data(), 2.0, rows};
                 }) == Array{0.5, -1, 1.5, 0.25, -2, 4});
  STATIC_REQUIRE(apply([](double* p) { return elementwise::Convert<double, double>{p, x.data(), rows}; }) == x);
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::ConvertScaledColumns<double, double>{p, x.data(), w.data(), rows};
                 }) == Array{3, -6, -1.5, -0.25, -8, 16});
}

TEST_CASE("Scale works in place", "[core]") {
  STATIC_REQUIRE(apply([](double* p) {
                   return elementwise::Scale<double>{p, p, -2.0, rows};
                 }) == Array{-4, -8, 2, 0, -6, 0.5});
}

}  // namespace
}  // namespace diffarch
