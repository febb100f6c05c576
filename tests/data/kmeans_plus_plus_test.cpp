#include "diffarch/data/kmeans_plus_plus.hpp"

#include <array>
#include <limits>
#include <set>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("k-means++ draws by squared distance", "[data]") {
  Batch<double> x(1, 3);
  x << 0.0, 1.0, 3.0;
  // Of the pairs (first, second): 1/3 times 1/10 and 9/10 from 0, 1/5 and 4/5 from 1, 9/13 and 4/13 from 3.
  Matrix<double> expected(3, 3);
  expected << 0.0, 0.1, 0.9, 0.2, 0.0, 0.8, 9.0 / 13.0, 4.0 / 13.0, 0.0;
  expected /= 3.0;
  constexpr Index draws = 20000;
  Matrix<double> seen = Matrix<double>::Zero(3, 3);
  for (Index draw = 0; draw < draws; ++draw) {
    const std::vector<Index> chosen = kmeans_plus_plus(x, 2, Seed{1}, draw);
    seen(chosen[0], chosen[1]) += 1.0 / static_cast<double>(draws);
  }
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 3; ++j) {
      const double p = expected(i, j);
      REQUIRE(std::abs(seen(i, j) - p) <= 4.5 * std::sqrt(p * (1.0 - p) / static_cast<double>(draws)));
    }
}

TEST_CASE("k-means++ draws every distinct sample before it repeats one", "[data]") {
  Batch<float> x(2, 9);
  x << 0.0F, 0.0F, 1.0F, 1.0F, 1e-20F, 0.0F, 5.0F, 5.0F, 5.0F, 0.0F, 0.0F, 1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F;
  std::set<std::pair<float, float>> values;
  for (const Index i : kmeans_plus_plus(x, 4, Seed{2})) values.insert({x(0, i), x(1, i)});
  REQUIRE(values.size() == 4);
  REQUIRE(kmeans_plus_plus(x, 3, Seed{3}) == kmeans_plus_plus(x, 3, Seed{3}));
}

TEST_CASE("k-means++ says what it cannot do", "[data]") {
  const Batch<double> x = Batch<double>::Ones(2, 4);
  REQUIRE(message_of<InvalidArgument>([&] { (void)kmeans_plus_plus(x, 2, Seed{}); }) ==
          "kmeans_plus_plus: there are only 1 distinct samples for 2 clusters");
  REQUIRE(message_of<InvalidArgument>([&] { (void)kmeans_plus_plus(x, 5, Seed{}); }) ==
          "kmeans_plus_plus: 5 clusters of 4 samples; expected at least one and no more than samples");
  REQUIRE(message_of<InvalidArgument>([&] { (void)kmeans_plus_plus(x, 0, Seed{}); }) ==
          "kmeans_plus_plus: 0 clusters of 4 samples; expected at least one and no more than samples");
  Batch<double> damaged = x;
  damaged(1, 1) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] { (void)kmeans_plus_plus(damaged, 1, Seed{}); }) ==
          "kmeans_plus_plus: a sample is not finite");
  REQUIRE(kmeans_plus_plus(x, 1, Seed{}).size() == 1);
}

}  // namespace
}  // namespace diffarch
