// One level and image of the local posteriors of 32 x 32 x 3 images, windows of 7 x 7, f32, for peers/ (see
// measured_case.hpp): prediction for local_noisy.npy at the level of local_level() from
//   local_images.npy (n, d)   in a measurement
//   local_part.npy            in a check, which their modules would take minutes for with all images
// Cases:
//   local_score               LocalScore: patches at the same place
//   equivariant_local_score   EquivariantLocalScore: patches of all places, images continued by their other side
//   bordered_local_score      PatchPosterior, period 1, zeros around the images

#include <cmath>
#include <numbers>

#include "diffarch/denoiser/local_score.hpp"
#include "measured_case.hpp"

namespace {

using namespace diffarch;

constexpr ImageShape shape{.height = 32, .width = 32, .channels = 3};

/// Of common.py: alpha_bar = cos^2(pi t / (2 * 1.008)) at t = 1/2.
NoiseLevel local_level() {
  const double root = std::cos(0.5 / 1.008 * std::numbers::pi / 2.0);
  return NoiseLevel::from_alpha_bar(root * root);
}

template <class Architecture>
void predict(const MeasuredCase& measured, const Architecture& architecture) {
  const NoiseLevel level = local_level();
  const NoiseLevels levels({level, NoiseLevel::from_alpha_bar(1.0)});
  const Batch<float> images = measured.read(measured.is_check() ? "local_part" : "local_images");
  const auto model = Fitter<Architecture, Cpu, float>::fit(architecture, images, levels, {});
  const Batch<float> noisy = measured.read("local_noisy");
  measured.measure([&] { return model.denoise(noisy, level); },
                   [&](const Batch<float>& prediction) { measured.write(prediction); });
}

}  // namespace

int main(int argc, char** argv) {
  return run_measured_case("local_posteriors", argc, argv, [](const MeasuredCase& measured) {
    const std::string& name = measured.name();
    if (name == "local_score")
      predict(measured, LocalScore{.shape = shape, .patch_sizes = {7}});
    else if (name == "equivariant_local_score")
      predict(measured, EquivariantLocalScore{.shape = shape, .patch_sizes = {7}});
    else if (name == "bordered_local_score")
      predict(measured, PatchPosterior{.shape = shape, .patch_sizes = {7}});
    else
      return false;
    return true;
  });
}
