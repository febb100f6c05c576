// Predictions of the Legacy random features against PyTorch in f32. The fixtures are made by legacy_reference.py, which
// evaluates the formula of the published reference code, without this library, and compares itself with that code.

#include <cmath>

#include "catch.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/io/npy.hpp"

using namespace diffarch;

namespace {

Batch<float> legacy_fixture(const std::string& name) {
  return read_npy_batch<float>(std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / ("legacy_" + name + ".npy"));
}

/// Relative difference to PyTorch's predictions at beta = tenths / 10, for the fit to noise_sign * E.
template <int Degree>
double difference_to_torch(int tenths, double noise_sign = 1.0) {
  const Batch<float> directions = legacy_fixture("directions");
  const RandomFeatures<Legacy> features{.width = directions.cols(), .bias = false};
  const RandomFeatureDenoiser<Legacy, float> model(Degree, features, legacy_fixture("data"), directions);

  const NoiseLevel level = NoiseLevel::from_alpha_bar(1.0 - tenths / 10.0);
  const Matrix<double> noise = directions.cast<double>().transpose() * legacy_fixture("noise").cast<double>();
  const auto fit = model.fit_to_noise(level, noise_sign * noise);
  const Batch<float> value = model.materialise(model.coefficients(model.project(legacy_fixture("inputs")), level, fit));

  const std::string name = "degree_" + std::to_string(Degree) + "_t_" + std::to_string(tenths);
  const Batch<double> expected = legacy_fixture(name).cast<double>();
  const double difference = (value.cast<double>() - expected).norm() / expected.norm();
  UNSCOPED_INFO(name << ": relative difference to PyTorch " << difference);
  return difference;
}

}  // namespace

TEST_CASE("Legacy predictions equal PyTorch's evaluation of the reference formula on the same noise", "[parity]") {
  // 1e-4: PyTorch solves in f32, where its own rounding is up to 2e-6 here; the library solves in double.
  CHECK(difference_to_torch<3>(3) < 1e-4);
  CHECK(difference_to_torch<3>(9) < 1e-4);
  CHECK(difference_to_torch<27>(3) < 1e-4);
  CHECK(difference_to_torch<27>(9) < 1e-4);
}

TEST_CASE("The legacy parity check can fail: other noise gives other predictions", "[parity]") {
  CHECK(difference_to_torch<3>(3, -1.0) > 1e-3);
  CHECK(difference_to_torch<27>(9, -1.0) > 1e-3);
}
