#include "diffarch/denoiser/bottleneck.hpp"

#include "diffarch/nn/decoder_polyline.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "oracles.hpp"
#include "support.hpp"
#include "tested_kernels.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

const TrainingOptions short_training{.epochs = 20, .batch_size = 32, .learning_rate = 1e-3, .seed = Seed{3}};

}  // namespace

TEST_CASE("Samples of a plane bottleneck of one lie on its decoder's polyline", "[denoiser][nn]") {
  // At the last step x0_hat = decoder(code): LeakyReLU bends the line where one of the 64 hidden values changes sign.
  using Line = Bottleneck<1, BottleneckForm::plane>;
  const Batch<double> data = random_matrix(2, 128, 1);
  DiffusionSampler<Line, CosineSchedule, TestedBackend, Ddim, double> sampler{Line{short_training},
                                                                              CosineSchedule{.steps = 4}};
  sampler.fit(data);
  const Batch<double> samples = sampler.sample(50, Seed{4});
  const Batch<double> corners = nn::decoder_polyline(sampler.model().levels().back().network->body(), -1000.0, 1000.0);
  CHECK(nn::distance_to_polyline(samples, corners).maxCoeff() < 1e-6);
}

TEST_CASE("atanh of the samples of an image bottleneck has at most H singular values", "[denoiser][nn]") {
  const Batch<double> data = (0.5 * random_matrix(12, 64, 5)).cwiseMax(-0.9).cwiseMin(0.9);
  DiffusionSampler<Bottleneck<3>, CosineSchedule, TestedBackend, Ddim, double> sampler{Bottleneck<3>{short_training},
                                                                                       CosineSchedule{.steps = 3}};
  sampler.fit(data);
  const Batch<double> samples = sampler.sample(40, Seed{6});
  std::vector<double> bias;
  sampler.model().levels().back().network->for_each_parameter([&](const nn::Parameter<double>& parameter) {
    if (parameter.name == "decoder.0.bias") bias = values_of(parameter.values);
  });
  REQUIRE(bias.size() == 12);
  const Matrix<double> preimage =
      samples.array().atanh().matrix().colwise() - Eigen::Map<Vector<double>>(bias.data(), 12);
  const Vector<double> values = test::jacobi_svd(preimage).values;
  CHECK(values(0) > 1e-3);
  CHECK(values(3) < 1e-10 * values(0));
  const Matrix<double> jacobian =
      sampler.model().jacobian(TestedBackend::upload(random_matrix(12, 1, 7)), sampler.levels()[1]);
  const Vector<double> rank = test::jacobi_svd(jacobian).values;
  CHECK(rank(3) <= 1e-12 * std::max(rank(0), 1e-3));
}

TEST_CASE("Training a bottleneck is a function of the seed; warm starts begin elsewhere", "[denoiser][nn]") {
  using Plane = Bottleneck<2, BottleneckForm::plane>;
  const Batch<double> data = random_matrix(2, 64, 8);
  const CosineSchedule schedule{.steps = 2};
  const auto outputs = [&](TrainingOptions options) {
    options.epochs = 3;
    const auto model = fit(Plane{options}, data, schedule, TestedBackend{});
    return denoise_on(model, data, schedule.levels()[1]);
  };
  TrainingOptions options = short_training;
  CHECK(bitwise_equal(outputs(options), outputs(options)));
  const Batch<double> cold = outputs(options);
  options.warm_start = true;
  CHECK(relative_difference(outputs(options), cold) > 1e-6);
  options.warm_start = false;
  options.seed = Seed{9};
  CHECK(relative_difference(outputs(options), cold) > 1e-6);
  options.epochs = 0;
  CHECK_THROWS_AS(fit(Plane{.training = {.epochs = 0}}, data, schedule, TestedBackend{}), InvalidArgument);
  CHECK_THROWS_AS(fit(Bottleneck<2>{.shape = {3, 3, 1}}, data, schedule, TestedBackend{}), DimensionMismatch);
  CHECK(Plane{}.name() == "Bottleneck<2, plane>");
}
