// Analysis that takes a model by its `denoise` takes one on the device: samples go there and predictions come back.

#include <vector>

#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/analysis/locality.hpp"
#include "diffarch/analysis/psnr.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::correlated_samples;
using test::random_matrix;
using test::relative_difference;

const ImageShape analysed_shape{.height = 4, .width = 3, .channels = 1};
const CustomSchedule analysed_schedule = CustomSchedule::from_sigmas({3.0, 1.0, 0.0});

/// Whatever is measured, of the same architecture on both backends.
template <class A>
void compare_analysis(const A& architecture, double tolerance) {
  INFO(architecture.name());
  const Batch<double> data = correlated_samples(12, 30, 1);
  const NoiseLevels levels = analysed_schedule.levels();
  const auto device = fit(architecture, data, analysed_schedule, Cuda{});
  const auto host = fit(architecture, data, analysed_schedule);
  const Batch<double> y = random_matrix(12, 1, 2);
  REQUIRE(relative_difference(jacobian(device, y, levels[1]), jacobian(host, y, levels[1])) < tolerance);
  const Matrix<double> directions = random_matrix(12, 3, 3);
  REQUIRE(relative_difference(jacobian_product(device, y, directions, levels[1]),
                              jacobian_product(host, y, directions, levels[1])) < tolerance);
  REQUIRE(relative_difference(locality_map(device, y, levels[1], analysed_shape, 1, 1).sensitivity,
                              locality_map(host, y, levels[1], analysed_shape, 1, 1).sensitivity) < tolerance);
  const Batch<double> clean = correlated_samples(12, 20, 4);
  const auto device_psnr = psnr_by_level(device, clean, levels, Seed{1});
  const auto host_psnr = psnr_by_level(host, clean, levels, Seed{1});
  for (std::size_t step = 0; step < 2; ++step)
    REQUIRE(device_psnr[step].psnr == Approx(host_psnr[step].psnr).epsilon(1e-10));
  // One of each side.
  for (const Agreement& at : single_step_agreement(device, host, clean, levels, Seed{1}))
    REQUIRE(at.mean_squared_difference.maxCoeff() < 1e-20);
}

TEST_CASE("Jacobians, locality, PSNR and agreement of models on the device", "[cuda][analysis]") {
  compare_analysis(Linear{}, 1e-10);
  // By differences: rounding over the step.
  compare_analysis(Ideal{}, 1e-8);
  compare_analysis(LocalScore{.shape = analysed_shape, .patch_sizes = {3}}, 1e-8);
}

TEST_CASE("The floor of the PSNR may be measured on the device", "[cuda][analysis]") {
  const GaussianMixture<double> mixture = three_component_mixture();
  const Batch<double> clean = mixture.sample_labelled(50, Seed{1}).samples;
  const NoiseLevels levels = analysed_schedule.levels();
  const auto model = fit(Linear{}, clean, analysed_schedule, Cuda{});
  const auto on_device = psnr_and_floor_by_level(model, fit(GaussianMixtureScore{}, mixture, analysed_schedule, Cuda{}),
                                                 clean, levels, Seed{2});
  const auto on_host =
      psnr_and_floor_by_level(model, fit(GaussianMixtureScore{}, mixture, analysed_schedule), clean, levels, Seed{2});
  for (std::size_t step = 0; step < 2; ++step) {
    REQUIRE(on_device[step].floor.psnr == Approx(on_host[step].floor.psnr).epsilon(1e-12));
    REQUIRE(on_device[step].excess.value == Approx(on_host[step].excess.value).epsilon(1e-10));
  }
}

}  // namespace
}  // namespace diffarch
