#include "diffarch/denoiser/posterior/lane_weights.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using detail::image_lanes;

TEST_CASE("The exponential of a negative number is that of double", "[denoiser][local]") {
  double largest = 0.0;
  for (int i = 0; i <= 87000; ++i) {
    const float x = -0.001F * static_cast<float>(i);
    const double exact = std::exp(static_cast<double>(x));
    largest = std::max(largest, std::abs(static_cast<double>(detail::exponential_of_negative(x)) - exact) / exact);
  }
  REQUIRE(largest < 2e-7);
  REQUIRE(detail::exponential_of_negative(0.0F) == 1.0F);
  REQUIRE(detail::exponential_of_negative(-std::numeric_limits<float>::denorm_min()) == 1.0F);
}

template <class Scalar>
void require_weights(double tolerance) {
  constexpr auto infinity = std::numeric_limits<Scalar>::infinity();
  const Vector<Scalar> distances = test::random_matrix<Scalar>(image_lanes, 1, 1).cwiseAbs2();
  for (const double precision : {1e-4, 1.0, 100.0, 1e6}) {
    Vector<Scalar> all = distances;
    all(3) = infinity;
    const Scalar nearest = all.minCoeff();
    Vector<Scalar> weights(image_lanes);
    detail::lane_weights(weights.data(), all.data(), nearest, static_cast<Scalar>(precision));
    for (Index lane = 0; lane < image_lanes; ++lane) {
      const auto excess = static_cast<double>(static_cast<Scalar>(all(lane) - nearest));
      const double exponent = std::min(80.0, static_cast<double>(static_cast<Scalar>(precision)) * excess);
      REQUIRE(std::abs(static_cast<double>(weights(lane)) * std::exp(exponent) - 1.0) < tolerance * (1.0 + exponent));
    }
  }
}

TEST_CASE("Weights of patches are exponentials of distances, at least e^-80", "[denoiser][local]") {
  require_weights<float>(3e-7);
  require_weights<double>(1e-15);
}

}  // namespace
}  // namespace diffarch
