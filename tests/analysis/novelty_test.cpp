#include "diffarch/analysis/novelty.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

TEST_CASE("Novelty of a few points on a line, by hand", "[analysis]") {
  // Nearest other: 1, 1, 2, 4 away; median 1.5. Samples are 0, 0.5, 3 and 6 away from the nearest.
  const Batch<double> training{{0.0, 1.0, 3.0, 7.0}};
  const Batch<double> samples{{3.0, 0.5, 10.0, 13.0}};
  const Novelty found = novelty(training, samples);
  CHECK(found.spacing == Approx(1.5));
  CHECK(found.relative_distance.isApprox(Vector<double>{{0.0, 0.5 / 1.5, 2.0, 4.0}}));
  CHECK(found.median == Approx(0.5 * (0.5 / 1.5 + 2.0)));
  // Medians of resamples: of four values the least, three or four times of four, with probability 13/256 = 0.05 >
  // 0.025.
  CHECK(found.interval.lower == Approx(0.0).margin(1e-12));
  CHECK(found.interval.upper == Approx(4.0));
}

TEST_CASE("Fresh draws have novelty one, copies none and shrinking does not hide", "[analysis]") {
  const Batch<float> training = random_matrix<float>(30, 800, 1);
  const Batch<float> fresh = random_matrix<float>(30, 400, 2);
  const Novelty of_fresh = novelty(training, fresh);
  // Distances to the nearest of 800 normal points in 30 dimensions spread by about 10 %: their median over 400 has a
  // standard error of 0.6 %, that of the spacing is less; 5 of them.
  CHECK(std::abs(of_fresh.median - 1.0) < 0.04);
  CHECK(of_fresh.interval.lower < of_fresh.median);
  CHECK(of_fresh.interval.upper > of_fresh.median);
  CHECK(of_fresh.interval.upper - of_fresh.interval.lower < 0.05);
  CHECK(novelty(training, Batch<float>(training.leftCols(50))).median == 0.0);
  CHECK(novelty(training, Batch<float>(3.0F * fresh)).median > 2.0);
  // In units of the training samples: the same for images in other units.
  const Novelty scaled = novelty(Batch<float>(8.0F * training), Batch<float>(8.0F * fresh));
  CHECK(scaled.median == Approx(of_fresh.median).epsilon(1e-12));
  CHECK(scaled.spacing == Approx(8.0 * of_fresh.spacing).epsilon(1e-12));
}

TEST_CASE("Novelty refuses what has no typical distance, and names what is not finite", "[analysis]") {
  Batch<double> training = random_matrix(3, 6, 3);
  const Batch<double> samples = random_matrix(3, 4, 4);
  CHECK(message_of<InvalidArgument>([&] { return novelty(Batch<double>(training.leftCols(1)), samples); }) ==
        "training_spacing: 1 training samples, 1 of them distinct; expected at least two");
  CHECK(message_of<InvalidArgument>([&] { return novelty(training, Batch<double>(3, 0)); }) == "novelty: no samples");
  CHECK_THROWS_AS(novelty(training, random_matrix(2, 4, 4)), DimensionMismatch);
  training.col(1) = training.col(0);
  CHECK(novelty(training, samples).spacing > 0.0);  // one pair of copies leaves four others
  // The spacing of six samples is that of the six when each is there twice.
  const Batch<double> six = random_matrix(3, 6, 5);
  Batch<double> twice(3, 12);
  twice << six, six;
  CHECK(training_spacing(twice) == training_spacing(six));
  CHECK(message_of<InvalidArgument>([&] { return training_spacing(Batch<double>::Ones(3, 6)); }) ==
        "training_spacing: 6 training samples, 1 of them distinct; expected at least two");
  Batch<double> damaged = samples;
  damaged(0, 2) = std::nan("");
  CHECK(message_of<InvalidArgument>([&] { return novelty(random_matrix(3, 6, 5), damaged); }) ==
        "novelty: sample 2 has a value that is NaN, infinite or too large to square");
  CHECK(message_of<InvalidArgument>([&] {
          return novelty(Vector<double>{{1.0, std::nan("")}}, 1.0);
        }) == "novelty: distance 1 is nan");
  CHECK_THROWS_AS(novelty(Vector<double>{{1.0}}, 0.0), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
