#include "diffarch/analysis/memorisation.hpp"

#include "diffarch/core/dataset.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Planted copies are found, samples between training samples are not", "[analysis]") {
  const Batch<double> training = random_matrix(20, 40, 1);
  Batch<double> samples(20, 10);
  const Batch<double> differences = 0.01 * random_matrix(20, 4, 2);
  for (Index i = 0; i < 4; ++i) samples.col(i) = training.col(3 * i) + differences.col(i);
  for (Index i = 4; i < 10; ++i) samples.col(i) = 0.5 * (training.col(i) + training.col(i + 1));
  const Memorisation found = memorisation(training, samples);
  CHECK(found.fraction == 0.4);
  CHECK(found.neighbours.indices(0, 2) == 6);
  for (Index i = 0; i < 10; ++i) {
    CAPTURE(i);
    if (i < 4)
      CHECK(found.gap_ratio(i) < 0.1);
    else
      CHECK(found.gap_ratio(i) > 0.6);
  }
}

TEST_CASE("The interval of the memorised fraction is Wilson's", "[analysis]") {
  // scipy.stats.binomtest(4, 10).proportion_ci(method='wilson'): 0.16818033, 0.68732623
  const Batch<double> training{{0.0, 10.0}};
  Batch<double> samples = Batch<double>::Constant(1, 10, 5.0);
  samples.leftCols(4).setZero();
  const Memorisation found = memorisation(training, samples);
  CHECK(found.fraction == 0.4);
  CHECK(std::abs(found.lower - 0.16818033) < 1e-8);
  CHECK(std::abs(found.upper - 0.68732623) < 1e-8);
  const Memorisation none = memorisation(training, Batch<double>(samples.rightCols(6)));
  CHECK(none.fraction == 0.0);
  CHECK(none.lower == 0.0);
  CHECK(none.upper > 0.3);
}

TEST_CASE("A training sample that is there twice counts once, and the duplicates are counted", "[analysis]") {
  const Batch<double> training{{1.0, 1.0, 3.0, 1.0 + 2e-16, 3.0}};
  const Batch<double> samples{{1.0, 3.0, 1.5}};
  const Memorisation found = memorisation(training, samples);
  CHECK(found.gap_ratio.isApprox(Vector<double>{{0.0, 0.0, 0.5 / 1.5}}));
  CHECK(found.neighbours.indices(0, 1) == 2);
  CHECK(found.neighbours.indices(1, 1) == 0);
  CHECK(found.distinct == 2);
  CHECK(found.duplicates == 3);
  CHECK(message_of<InvalidArgument>([&] { return memorisation(training.leftCols(2), samples); }) ==
        "memorisation: all 2 training samples are equal to rounding; expected at least 2 distinct ones");
  CHECK_THROWS_AS(memorisation(training.leftCols(1), samples), InvalidArgument);
  CHECK_THROWS_AS(memorisation(training, Batch<double>(1, 0)), InvalidArgument);
  CHECK_THROWS_AS(memorisation(training, samples, 0.0), InvalidArgument);
  CHECK_THROWS_AS(memorisation(training, random_matrix(2, 3, 1)), DimensionMismatch);
}

TEST_CASE("The bootstrap interval of the memorised fraction is the binomial one, and a point at 0", "[analysis]") {
  const Batch<double> training{{0.0, 10.0}};
  Batch<double> samples = Batch<double>::Constant(1, 10, 5.0);
  samples.leftCols(4).setZero();
  const Memorisation found = memorisation(training, samples);
  // Binomial(10, 0.4): P(X < 1) = 0.006, P(X <= 1) = 0.046; P(X <= 6) = 0.945, P(X <= 7) = 0.988. With 2000 resamples
  // the 2.5 % and 97.5 % quantiles are 1 and 7: a binomial count of probability 0.046 is within 0.025 of 2000 by 4.5
  // standard deviations, one of 0.0123 by 5.
  CHECK(found.bootstrap.lower == Approx(0.1));
  CHECK(found.bootstrap.upper == Approx(0.7));
  const Memorisation none = memorisation(training, Batch<double>(samples.rightCols(6)));
  CHECK(none.bootstrap.lower == 0.0);
  CHECK(none.bootstrap.upper == 0.0);
  CHECK(none.upper > 0.3);
}

TEST_CASE("Samples that are not finite are named, and two training samples are enough for a ratio", "[analysis]") {
  const Batch<double> training{{0.0, 10.0}};
  Batch<double> samples{{1.0, 2.0, std::nan(""), 3.0}};
  CHECK(message_of<InvalidArgument>([&] { return memorisation(training, samples); }) ==
        "memorisation: sample 2 has a value that is NaN, infinite or too large to square");
  samples(0, 2) = 8.0;
  const Memorisation found = memorisation(training, samples);
  CHECK(found.gap_ratio.isApprox(Vector<double>{{1.0 / 9.0, 2.0 / 8.0, 2.0 / 8.0, 3.0 / 7.0}}));
  CHECK(found.fraction == 0.75);
}

TEST_CASE("What the ideal denoiser copies is copied whether a training image is there once or twice", "[analysis]") {
  // 30 images, 8 of them twice: exactly, and with every value a unit in the last place away.
  const Batch<float> once = (0.4F * random_matrix<float>(64, 30, 7)).cwiseMax(-1.0F).cwiseMin(1.0F);
  Batch<float> twice(64, 38);
  twice << once, once.leftCols(8);
  for (Index i = 0; i < 4; ++i)
    twice.col(30 + i) = twice.col(30 + i).unaryExpr([](float value) { return std::nextafter(value, 2.0F); });
  DiffusionSampler<Ideal, CosineSchedule> sampler{{}, CosineSchedule{.steps = 50}};
  sampler.fit(twice);
  const Batch<float> samples = sampler.sample(200, Seed{3});
  const Memorisation found = memorisation(twice, samples);
  CHECK(found.duplicates == 8);
  CHECK(found.distinct == 30);
  CHECK(found.fraction > 0.97);
  CHECK(found.fraction == memorisation(once, samples).fraction);
}

TEST_CASE("Memorisation takes data sets and expressions, and reports progress", "[analysis]") {
  const Batch<float> x = random_matrix<float>(4, 12, 1);
  const Dataset<float> images(x, {.height = 2, .width = 2}, "images");
  const Memorisation plain = memorisation(x, Batch<float>(0.5F * x.leftCols(3)));
  Index reports = 0;
  const Memorisation found = memorisation(images, 0.5F * x.leftCols(3), 1.0 / 3.0, {}, [&](const Progress& progress) {
    CHECK(progress.total == 12);
    ++reports;
  });
  CHECK(found.gap_ratio == plain.gap_ratio);
  CHECK(reports >= 1);
}
