#include "diffarch/solver/spectrum_levels.hpp"

#include <cmath>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Newton's method on the levels ends where the gradient of the loss vanishes and the Hessian is positive",
          "[solver]") {
  const detail::SpectrumLoss loss({4.0, 1.0, 0.01}, {4.0, 1.0, 0.01}, 80.0);
  std::vector<double> t = detail::equal_angles(1.0, 80.0, 4);
  const double before = loss.value(t);
  REQUIRE(detail::minimise_spectrum_loss(loss, t) < before);
  std::vector<double> gradient;
  std::vector<double> hessian;
  loss.derivatives(t, gradient, hessian);
  for (const double slope : gradient) REQUIRE(std::abs(slope) < 1e-10);
  std::vector<double> unused(gradient.size(), 1.0);
  REQUIRE(detail::solve_shifted(hessian, 0.0, unused));
}

TEST_CASE("Levels of equal angles stay so when they are made more or fewer", "[solver]") {
  const std::vector<double> t = detail::equal_angles(0.5, 20.0, 6);
  REQUIRE(t.size() == 6);
  REQUIRE(t[0] == Approx(std::log(20.0)));
  for (std::size_t k = 1; k < 6; ++k)
    REQUIRE(std::atan(std::exp(t[k]) / 0.5) ==
            Approx(std::atan(40.0) * (1.0 - static_cast<double>(k) / 6.0)).epsilon(1e-12));
  for (const Index steps : {3, 6, 11}) {
    const std::vector<double> expected = detail::equal_angles(0.5, 20.0, steps);
    const std::vector<double> resampled = detail::resample_levels(t, 0.5, steps);
    REQUIRE(resampled.size() == expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) REQUIRE(resampled[k] == Approx(expected[k]).epsilon(1e-9));
  }
}

TEST_CASE("A coarse spectrum keeps the variance, its order and the range of the eigenvalues", "[solver]") {
  detail::MergedSpectrum spectrum;
  double total = 0.0;
  for (int i = 0; i < 200; ++i) {
    const double lambda = std::pow(10.0, 2.0 - 0.04 * i);
    spectrum.eigenvalues.push_back(lambda);
    spectrum.variances.push_back(lambda * (1 + i % 3));
    total += spectrum.variances.back();
  }
  const detail::MergedSpectrum coarse = detail::coarse_spectrum(spectrum, 12);
  REQUIRE(coarse.eigenvalues.size() == 12);
  double coarse_total = 0.0;
  for (std::size_t i = 0; i < 12; ++i) {
    coarse_total += coarse.variances[i];
    if (i > 0) REQUIRE(coarse.eigenvalues[i] < coarse.eigenvalues[i - 1]);
  }
  REQUIRE(coarse_total == Approx(total).epsilon(1e-12));
  REQUIRE(coarse.eigenvalues.front() <= spectrum.eigenvalues.front());
  REQUIRE(coarse.eigenvalues.back() >= spectrum.eigenvalues.back());
  REQUIRE(detail::coarse_spectrum(spectrum, 200).eigenvalues == spectrum.eigenvalues);
  REQUIRE(spectrum.quantile(0.0) == spectrum.eigenvalues.front());
  REQUIRE(spectrum.quantile(1.0) <= spectrum.eigenvalues[150]);
}

}  // namespace
}  // namespace diffarch
