#include "diffarch/analysis/denoiser_agreement.hpp"

#include <cmath>

#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// x0_hat = factor tanh(y / scale) + offset, not finite at one level and number.
template <class Scalar_>
struct ShiftedTanh {
  using Scalar = Scalar_;
  using BackendType = Cpu;
  Index d = 6;
  double factor = 1.0;
  double offset = 0.0;
  double broken_sigma = -1.0;
  [[nodiscard]] Index dimension() const { return d; }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    const Batch<double> wide = y.template cast<double>() / level.scale();
    Batch<Scalar> x0_hat = (factor * wide.array().tanh() + offset).matrix().template cast<Scalar>();
    if (level.sigma() == broken_sigma) x0_hat(2, 3) = std::numeric_limits<Scalar>::infinity();
    return x0_hat;
  }
};

const NoiseLevels agreement_levels = CustomSchedule::from_sigmas({2.0, 0.5, 0.0}).levels();

void check_all_equal(const Vector<double>& values, double expected) {
  CHECK((values.array() - expected).abs().maxCoeff() < 1e-13);
}

}  // namespace

TEST_CASE("The three measures of a sample, by hand", "[analysis][agreement]") {
  const Batch<double> p{{1.0, 1.5}, {2.0, 1.0}, {4.0, 5.0}, {3.0, 2.0}, {-1.0, 0.0}};
  const Batch<double> q{{1.5, 1.0}, {1.0, 2.0}, {5.0, 4.0}, {2.0, 3.0}, {0.0, -1.0}};
  // Sums of the first column: 12.4 of products, 14.8 and 14.2 of squares, 4.25 of residuals, of which 0.05 is offset.
  const double r = 12.4 / std::sqrt(14.8 * 14.2);
  const Vector<double> correlation = pearson_correlation(p, q);
  CHECK(correlation(0) == Approx(r).epsilon(1e-14));
  CHECK(correlation(1) == Approx(r).epsilon(1e-14));  // the roles exchanged
  CHECK(r_squared(p, q)(0) == Approx(1.0 - 4.25 / 14.2).epsilon(1e-14));
  CHECK(r_squared(p, q)(1) == Approx(1.0 - 4.25 / 14.8).epsilon(1e-14));
  CHECK(explained_variance(p, q)(0) == Approx(1.0 - 4.2 / 14.2).epsilon(1e-14));
  CHECK(explained_variance(p, q)(1) == Approx(1.0 - 4.2 / 14.8).epsilon(1e-14));
  const Agreement all = agreement(p, Batch<float>(q.cast<float>()), NoiseLevel::from_sigma(2.0));
  CHECK(all.level == NoiseLevel::from_sigma(2.0));
  CHECK(all.mean_squared_difference(0) == Approx(0.85).epsilon(1e-14));
  CHECK(all.median_pearson_correlation == Approx(r).epsilon(1e-14));
  CHECK(all.median_r_squared == Approx(1.0 - 0.5 * (4.25 / 14.2 + 4.25 / 14.8)).epsilon(1e-14));
  CHECK(all.median_explained_variance == Approx(1.0 - 0.5 * (4.2 / 14.2 + 4.2 / 14.8)).epsilon(1e-14));
  CHECK(all.pearson_correlation == correlation);
  CHECK(all.r_squared == r_squared(p, q));
  CHECK(all.explained_variance == explained_variance(p, q));
}

TEST_CASE("What an offset, a factor and a sign do to each measure", "[analysis][agreement]") {
  const Batch<double> q = random_matrix(50, 8, 1);
  const Vector<double> squares = (q.rowwise() - q.colwise().mean()).colwise().squaredNorm();
  check_all_equal(pearson_correlation(q, q), 1.0);
  check_all_equal(r_squared(q, q), 1.0);
  check_all_equal(explained_variance(q, q), 1.0);
  const Batch<double> brighter = q.array() + 0.3;
  check_all_equal(pearson_correlation(brighter, q), 1.0);
  check_all_equal(explained_variance(brighter, q), 1.0);
  CHECK((r_squared(brighter, q).array() - (1.0 - 50.0 * 0.09 / squares.array())).abs().maxCoeff() < 1e-13);
  // Shrunk towards its mean by a half: what too little variance looks like.
  const Batch<double> shrunk = 0.5 * q;
  check_all_equal(pearson_correlation(shrunk, q), 1.0);
  check_all_equal(explained_variance(shrunk, q), 0.75);
  check_all_equal(pearson_correlation(Batch<double>(-q), q), -1.0);  // its square would be 1
  check_all_equal(explained_variance(Batch<double>(-q), q), -3.0);
  // The reference's own mean explains nothing; its square is not its correlation.
  const Batch<double> flat = Batch<double>::Ones(50, 1) * q.colwise().mean();
  check_all_equal(r_squared(flat, q), 0.0);
  check_all_equal(explained_variance(flat, q), 0.0);
}

TEST_CASE("R^2 <= explained variance <= r^2, and large means lose no digits", "[analysis][agreement]") {
  const Batch<double> q = random_matrix(20, 200, 2);
  const Batch<double> p = 0.7 * q + 0.6 * random_matrix(20, 200, 3) + Batch<double>::Constant(20, 200, 0.2);
  const Vector<double> r = pearson_correlation(p, q);
  CHECK((r_squared(p, q).array() < explained_variance(p, q).array()).all());
  CHECK((explained_variance(p, q).array() < r.array().square()).all());
  const Batch<double> far_p = p.array() + 1e6;
  const Batch<double> far_q = q.array() + 1e6;
  CHECK((pearson_correlation(far_p, far_q) - r).cwiseAbs().maxCoeff() < 1e-8);
  CHECK((r_squared(far_p, far_q) - r_squared(p, q)).cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("Single steps of two denoisers see the same noise", "[analysis][agreement]") {
  const Batch<double> clean = random_matrix(6, 9, 4);
  const ShiftedTanh<double> reference{};
  const auto same = single_step_agreement(ShiftedTanh<float>{}, reference, clean, agreement_levels, Seed{5});
  REQUIRE(same.size() == 2);
  for (const Agreement& at : same) CHECK(at.r_squared.minCoeff() > 1.0 - 1e-9);
  const ShiftedTanh<double> model{.factor = 0.5, .offset = 0.25};
  const auto result = single_step_agreement(model, reference, clean, agreement_levels, Seed{5});
  for (Index step = 0; step < 2; ++step) {
    const Agreement& at = result[static_cast<std::size_t>(step)];
    const NoiseLevel level = agreement_levels[step];
    CHECK(at.level == level);
    check_all_equal(at.pearson_correlation, 1.0);
    check_all_equal(at.explained_variance, 0.75);
    const Batch<double> y =
        level.signal * clean + level.noise * normal_batch<double>(6, 9, Seed{5}, streams::evaluation_noise);
    const Batch<double> q = (y / level.scale()).array().tanh();
    CHECK(relative_difference(at.r_squared, r_squared(Batch<double>(0.5 * q.array() + 0.25), q)) < 1e-12);
    CHECK(at.median_r_squared == median(at.r_squared));
    CHECK(at.median_r_squared < 0.7);
  }
}

TEST_CASE("Trajectories are compared step by step", "[analysis][agreement]") {
  std::vector<Batch<double>> reference{random_matrix(6, 5, 6), random_matrix(6, 5, 7)};
  std::vector<Batch<float>> predictions{reference[0].cast<float>(), (2.0 * reference[1]).cast<float>()};
  const auto result = trajectory_agreement(agreement_levels, predictions, reference);
  REQUIRE(result.size() == 2);
  CHECK(result[0].level.sigma() == 2.0);
  CHECK(result[1].level.sigma() == 0.5);
  CHECK(result[0].median_r_squared == Approx(1.0).epsilon(1e-12));
  CHECK(result[1].median_explained_variance == Approx(0.0).margin(1e-6));
  CHECK(result[1].median_pearson_correlation == Approx(1.0).epsilon(1e-12));
  // A reference that lacks its first step must not be compared with the other's first.
  reference.erase(reference.begin());
  CHECK(message_of<DimensionMismatch>([&] { (void)trajectory_agreement(agreement_levels, predictions, reference); }) ==
        "trajectory_agreement: 2 predictions and 1 of the reference; expected one for each of 2 steps");
}

TEST_CASE("Batches that have no agreement are refused", "[analysis][agreement]") {
  const Batch<double> q = random_matrix(6, 5, 8);
  CHECK(message_of<DimensionMismatch>([&] { (void)r_squared(Batch<double>(q.leftCols(4)), q); }) ==
        "r_squared: the prediction is (6, 4), the reference (6, 5)");
  Batch<double> constant = q;
  constant.col(2).setConstant(0.1);  // whose mean is not 0.1 to the last bit
  // Undefined, and said to be: of that sample alone.
  const auto defined = [](const Vector<double>& values) { return (values.array() == values.array()).count(); };
  for (const auto& values : {explained_variance(q, constant), r_squared(q, constant), pearson_correlation(q, constant),
                             pearson_correlation(constant, q)}) {
    CHECK(std::isnan(values(2)));
    CHECK(defined(values) == 4);
  }
  const Agreement partly = agreement(q, constant, NoiseLevel{});
  CHECK(partly.undefined == 1);
  CHECK(partly.median_r_squared == 1.0);
  CHECK(explained_variance(constant, q)(2) == Approx(0.0).margin(1e-12));
  CHECK(r_squared(constant, q)(2) <= 0.0);
  CHECK(std::isnan(pearson_correlation(q.topRows(1), q.topRows(1))(0)));
  Batch<float> nan = q.cast<float>();
  nan(1, 4) = std::numeric_limits<float>::quiet_NaN();
  CHECK(message_of<NumericalError>([&] { (void)r_squared(nan, q); }) ==
        "r_squared: sample 4 of the prediction is not finite");
  CHECK(message_of<NumericalError>([&] { (void)r_squared(q, nan); }) ==
        "r_squared: sample 4 of the reference is not finite");
  CHECK(message_of<InvalidArgument>([&] { (void)agreement(Batch<double>(6, 0), Batch<double>(6, 0), NoiseLevel{}); }) ==
        "agreement: no samples");
  const ShiftedTanh<double> model{};
  CHECK(message_of<NumericalError>([&] {
          (void)single_step_agreement(model, ShiftedTanh<double>{.broken_sigma = 0.5}, q, agreement_levels, Seed{1});
        }) ==
        "single_step_agreement: x0_hat of the reference is not finite at level 2 of 2 (sigma = 0.5) for sample 3");
  for (const Agreement& at :
       single_step_agreement(model, ShiftedTanh<double>{.factor = 0.0, .offset = 0.3}, q, agreement_levels, Seed{1})) {
    CHECK(at.undefined == q.cols());
    CHECK(std::isnan(at.median_r_squared));
    CHECK(std::isfinite(at.mean_squared_difference.sum()));
  }
  CHECK(message_of<DimensionMismatch>([&] {
          (void)single_step_agreement(ShiftedTanh<double>{.d = 7}, model, q, agreement_levels, Seed{1});
        }) == "single_step_agreement: the model has dimension 7 but the clean samples have 6 values");
}

TEST_CASE("Where the reference is one gray up to a trace of the noise, agreement is undefined",
          "[analysis][agreement]") {
  // What an equivariant posterior mean predicts in float at sigma = 2e4: a mean of -0.43 and a deviation of 1.7e-4.
  const Batch<float> gray = (1.7e-4 * random_matrix(784, 3, 1).array() - 0.43).matrix().cast<float>();
  const Batch<float> image = random_matrix<float>(784, 3, 2);
  const Agreement at_start = agreement(image, gray, NoiseLevel::from_sigma(2e4));
  CHECK(at_start.undefined == 3);
  CHECK(std::isnan(at_start.median_r_squared));
  CHECK(std::isnan(at_start.median_explained_variance));
  CHECK(std::isnan(at_start.median_pearson_correlation));
  CHECK(agreement(gray, image, NoiseLevel{}).undefined == 0);
  // In double it has digits enough, and is not.
  CHECK(agreement(image, Batch<double>(gray.cast<double>()), NoiseLevel{}).undefined == 0);
}

TEST_CASE("Single-step agreement reports every prediction, and takes expressions", "[analysis][agreement]") {
  const Batch<double> clean = random_matrix(6, 70, 4);
  std::vector<Index> done;
  const auto result = single_step_agreement(ShiftedTanh<double>{}, ShiftedTanh<double>{}, 0.5 * clean, agreement_levels,
                                            Seed{5}, [&](const Progress& progress) {
                                              CHECK(progress.total == 2 * 2 * 70);
                                              done.push_back(progress.done);
                                            });
  CHECK(done == std::vector<Index>{64, 128, 134, 140, 204, 268, 274, 280});
  CHECK(result[0].median_r_squared == 1.0);
  // The same as all samples at once.
  const Batch<double> y = noisy_samples(0.5 * clean, agreement_levels[1], Seed{5});
  const ShiftedTanh<double> other{.factor = 0.5};
  CHECK(single_step_agreement(ShiftedTanh<double>{}, other, 0.5 * clean, agreement_levels, Seed{5})[1].r_squared ==
        r_squared(ShiftedTanh<double>{}.denoise(y, agreement_levels[1]), other.denoise(y, agreement_levels[1])));
}
