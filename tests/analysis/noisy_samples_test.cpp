#include "diffarch/analysis/noisy_samples.hpp"

#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Noisy samples are signal x + noise eps, with one eps for all levels", "[analysis][noisy]") {
  const Batch<double> clean = random_matrix(7, 9, 1);
  const Batch<double> eps = normal_batch<double>(7, 9, Seed{3}, streams::evaluation_noise);
  for (const NoiseLevel level :
       {NoiseLevel::from_alpha_bar(0.3), NoiseLevel::from_sigma(5.0), NoiseLevel::from_alpha_bar(0.0)}) {
    const Batch<double> y = noisy_samples(clean, level, Seed{3});
    CHECK(relative_difference(y, Batch<double>(level.signal * clean + level.noise * eps)) < 1e-15);
    CHECK(bitwise_equal(noisy_samples(Batch<double>(clean.rightCols(4)), level, Seed{3}, 5),
                        Batch<double>(y.rightCols(4))));
    CHECK(relative_difference(noisy_samples(Batch<float>(clean.cast<float>()), level, Seed{3}), y) < 1e-7);
  }
  CHECK(noisy_samples(clean, NoiseLevel{}, Seed{3}) == clean);
  CHECK((noisy_samples(clean, NoiseLevel::from_sigma(1.0), Seed{3}) -
         noisy_samples(clean, NoiseLevel::from_sigma(1.0), Seed{4}))
            .cwiseAbs()
            .minCoeff() > 0.0);
  CHECK(noisy_samples(Batch<double>(3, 0), NoiseLevel{}, Seed{1}).cols() == 0);
}

TEST_CASE("Blocks of noisy samples are those of the whole", "[analysis][noisy]") {
  const Batch<float> clean = random_matrix<float>(3, 600, 2);
  const NoiseLevel level = NoiseLevel::from_sigma(0.5);
  Batch<float> joined(3, 600);
  Index blocks = 0;
  detail::for_each_noisy_block(clean, level, Seed{5}, [&](Index first, const Batch<float>& y) {
    joined.middleCols(first, y.cols()) = y;
    ++blocks;
  });
  CHECK(blocks == 10);  // of 64 samples
  CHECK(bitwise_equal(joined, noisy_samples(clean, level, Seed{5})));
}
