#include "diffarch/denoiser/posterior/pixel_posteriors.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using detail::image_lanes;

using detail::PixelPosteriors;

/// Twelve tiles of patches of two pixels with two channels.
struct Patches {
  Matrix<double> distances = 30.0 * test::random_matrix(image_lanes, 12, 1).cwiseAbs();
  Matrix<double> values = test::random_matrix(image_lanes, 24, 2);

  template <class Scalar>
  void add(PixelPosteriors<Scalar>& posteriors, Index pixel, Index first, Index last) const {
    for (Index group = first; group < last; ++group) {
      const Vector<Scalar> near = distances.col(group).template cast<Scalar>();
      const Matrix<Scalar> middles = values.middleCols(2 * group, 2).template cast<Scalar>();
      posteriors.add(pixel, near.data(), detail::least_lane(near.data()), middles.data());
    }
  }
  /// In long double, without anything relative to the nearest.
  [[nodiscard]] Vector<double> mean(Index first, Index last, double precision) const {
    long double weights = 0.0L;
    long double sums[2] = {0.0L, 0.0L};
    for (Index group = first; group < last; ++group)
      for (Index lane = 0; lane < image_lanes; ++lane) {
        const long double weight = std::exp(-static_cast<long double>(precision * distances(lane, group)));
        weights += weight;
        for (Index c = 0; c < 2; ++c) sums[c] += weight * values(lane, 2 * group + c);
      }
    return Vector<double>{{static_cast<double>(sums[0] / weights), static_cast<double>(sums[1] / weights)}};
  }
};

template <class Scalar>
Vector<double> means(const PixelPosteriors<Scalar>& posteriors) {
  Vector<Scalar> result(4);
  posteriors.write_means(result.col(0));
  return result.template cast<double>();
}

TEST_CASE("Posteriors of pixels are weighted means, in any order and merged", "[denoiser][local]") {
  const Patches patches;
  for (const double precision : {1e-3, 0.5, 20.0}) {
    Vector<double> expected(4);
    expected << patches.mean(0, 12, precision), patches.mean(3, 7, precision);
    PixelPosteriors<double> one(2, 2, precision);
    PixelPosteriors<double> other(2, 2, precision);
    patches.add(one, 0, 5, 12);
    patches.add(other, 0, 0, 5);
    patches.add(other, 1, 3, 7);
    // Whichever has the nearest patch. Of pixel 1, `one` has no patches.
    PixelPosteriors<double> turned = other;
    turned.merge(one);
    REQUIRE((means(turned) - expected).cwiseAbs().maxCoeff() < 1e-13);
    one.merge(other);
    REQUIRE((means(one) - expected).cwiseAbs().maxCoeff() < 1e-13);
    PixelPosteriors<float> single(2, 2, precision);
    patches.add(single, 0, 0, 12);
    patches.add(single, 1, 3, 7);
    REQUIRE((means(single) - expected).cwiseAbs().maxCoeff() < 1e-5);
  }
}

TEST_CASE("What is beyond the reach of a posterior is less than a rounding of it", "[denoiser][local]") {
  PixelPosteriors<double> posteriors(1, 2, 2.0);
  REQUIRE(posteriors.reach()(0) == std::numeric_limits<double>::infinity());
  Patches patches;
  patches.add(posteriors, 0, 0, 12);
  REQUIRE(posteriors.reach()(0) == Approx(patches.distances.minCoeff() + 20.0));  // e^-40 of the nearest
  const Vector<double> before = means(posteriors).head(2);
  patches.distances.setConstant(posteriors.reach()(0));
  patches.add(posteriors, 0, 0, 12);
  REQUIRE((means(posteriors).head(2) - before).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("The least lane is the least of all", "[denoiser][local]") {
  Vector<float> numbers = test::random_matrix<float>(image_lanes, 1, 3);
  for (Index lane = 0; lane < image_lanes; ++lane) {
    numbers(lane) = -10.0F - static_cast<float>(lane);
    REQUIRE(detail::least_lane(numbers.data()) == numbers(lane));
  }
}

}  // namespace
}  // namespace diffarch
