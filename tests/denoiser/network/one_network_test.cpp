// One network for all levels against the best denoisers of Gaussian data.

#include "denoiser/network/residual_plane.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/sampler/any_sampler.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

const KarrasSchedule six_levels{.steps = 6, .sigma_min = 0.1, .sigma_max = 5.0};
const Vector<double> plane_variances{{1.0, 0.09}};

TrainingOptions one_network(Conditioning conditioning) {
  return {.epochs = 100,
          .batch_size = 64,
          .learning_rate = 3e-3,
          .averaging_decay = 0.99,
          .seed = Seed{2},
          .levels = LevelSharing::one_network,
          .conditioning = conditioning};
}

/// Errors of a model at each level over those of the best denoiser, for the same noise; and of their sums, each error
/// weighted as the training weights it.
template <class Model, class Best>
std::vector<double> errors_over(const Model& model, const NoiseLevels& levels, const Best& best) {
  const Matrix<double> x0 = plane_gaussian(plane_variances, 4000, 2);
  std::vector<double> ratios;
  double sum = 0.0;
  double best_sum = 0.0;
  for (Index step = 0; step < levels.steps(); ++step) {
    const double error =
        error_at(x0, levels[step], [&](const Batch<double>& y, NoiseLevel level) { return model.denoise(y, level); });
    const double of_best = error_at(x0, levels[step], best);
    const double weight = std::pow(model.joint()->factors(levels[step]).output, -2);
    sum += weight * error;
    best_sum += weight * of_best;
    ratios.push_back(error / of_best);
  }
  ratios.push_back(sum / best_sum);
  return ratios;
}

/// What the errors of a model of the plane are over those of the best denoiser.
template <class A, class Best>
std::vector<double> trained_errors(const A& architecture, const Best& best) {
  const auto model = fit(architecture, Batch<double>(plane_gaussian(plane_variances, 1024, 1)), six_levels);
  REQUIRE(model.levels().size() == 1);
  CHECK(model.levels().front().losses.size() == static_cast<std::size_t>(architecture.training.epochs));
  return errors_over(model, six_levels.levels(),
                     [&](const Matrix<double>& y, NoiseLevel level) { return best(y, level, *model.joint()); });
}

}  // namespace

TEST_CASE("One blind network becomes the best denoiser that does not know the level", "[denoiser][nn][training]") {
  const auto best = [](const Matrix<double>& y, NoiseLevel level, const nn::Preconditioning& joint) {
    return blind_wiener(plane_variances, six_levels.levels(), joint, y, level);
  };
  for (const double ratio : trained_errors(ResidualPlane{one_network(Conditioning::none)}, best))
    CHECK(ratio == Approx(1.0).epsilon(0.02));
  // A bottleneck gives x0_hat itself, and all levels weigh the same: 10 % at the lowest, which adds least.
  const auto ratios = trained_errors(Bottleneck<16, BottleneckForm::plane>{one_network(Conditioning::none)}, best);
  for (const double ratio : ratios) CHECK(ratio == Approx(1.0).epsilon(0.1));
  CHECK(ratios.back() == Approx(1.0).epsilon(0.02));
}

TEST_CASE("One network that is told the level becomes the Wiener denoiser of every level", "[denoiser][nn][training]") {
  const auto best = [](const Matrix<double>& y, NoiseLevel level, const nn::Preconditioning& /*joint*/) {
    return wiener(plane_variances, y, level);
  };
  for (const double ratio : trained_errors(ResidualPlane{one_network(Conditioning::noise_level)}, best)) {
    CHECK(ratio > 0.999);
    CHECK(ratio < 1.01);
  }
  // Unweighted: again the lowest level is the least exact.
  TrainingOptions longer = one_network(Conditioning::noise_level);
  longer.epochs = 200;
  longer.learning_rate = 2e-3;
  longer.averaging_decay = 0.999;
  for (const double ratio : trained_errors(Bottleneck<16, BottleneckForm::plane>{longer}, best)) {
    CHECK(ratio > 0.999);
    CHECK(ratio < 1.05);
  }
}

TEST_CASE("A bottleneck's one network gives x0_hat itself", "[denoiser][nn][training]") {
  const Batch<double> data = plane_gaussian(plane_variances, 64, 1);
  TrainingOptions options = one_network(Conditioning::noise_level);
  options.epochs = 1;
  const auto model = fit(Bottleneck<1, BottleneckForm::plane>{options}, data, six_levels);
  CHECK_FALSE(model.joint()->adds_input);
  CHECK(model.joint()->data_scale == Approx(std::sqrt(1.09 / 2.0)).epsilon(1e-12));
  for (const NoiseLevel level : six_levels.levels()) {
    // Its Jacobian has rank 1, as the network's.
    const Matrix<double> jacobian = model.jacobian(Batch<double>(data.col(0)), level);
    const double determinant = jacobian(0, 0) * jacobian(1, 1) - jacobian(0, 1) * jacobian(1, 0);
    CHECK(jacobian.norm() > 1e-3);
    CHECK(std::abs(determinant) < 1e-12 * jacobian.squaredNorm());
  }
}

TEST_CASE("One network for all levels is sampled as any other model", "[denoiser][nn][training]") {
  const Batch<float> images = 0.3F * random_matrix<float>(8 * 8, 24, 3);
  const CosineSchedule schedule{.steps = 4};
  TrainingOptions options{.epochs = 2, .batch_size = 8, .levels = LevelSharing::one_network};
  const auto samples_of = [&](auto architecture) {
    DiffusionSampler sampler{architecture, schedule, Ddim{}};
    sampler.fit(images);
    const AnySampler<float> any(sampler);
    const Batch<float> samples = sampler.sample(5, Seed{1});
    CHECK(samples.allFinite());
    CHECK(bitwise_equal(any.sample(5, Seed{1}), samples));
    return samples;
  };
  (void)samples_of(Bottleneck<3>{options});
  const ConvUNet<1, 2> unet{{8, 8, 1}, options};
  const Batch<float> samples = samples_of(unet);
  CHECK(bitwise_equal(samples_of(unet), samples));
  options.conditioning = Conditioning::none;
  CHECK_FALSE(bitwise_equal(samples_of(ConvUNet<1, 2>{{8, 8, 1}, options}), samples));
  ConvUNet<1, 2> averaged = unet;
  averaged.training.averaging_decay = 0.9;
  CHECK_FALSE(bitwise_equal(samples_of(averaged), samples));
}

TEST_CASE("An architecture whose networks are told no level refuses to tell them", "[denoiser][nn][training]") {
  const Batch<double> data = random_matrix(2, 40, 1);
  const auto refused = [&](Conditioning conditioning) {
    TrainingOptions options = one_network(conditioning);
    options.epochs = 1;
    options.batch_size = 16;
    return message_of<InvalidArgument>([&] { (void)fit(BlindPlane{options}, data, six_levels); });
  };
  CHECK(
      refused(Conditioning::noise_level) ==
      "TrainingOptions: conditioning = Conditioning::noise_level, but networks of BlindPlane are told no noise level; "
      "expected Conditioning::none");
  CHECK(refused(Conditioning::none) == "no exception");
}
