#include "diffarch/solver/spectrum_loss.hpp"

#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

/// W2 from the product of the sampler's own gains, without the angles.
double w2_of_gains(const Vector<double>& eigenvalues, const NoiseLevels& levels) {
  const Vector<double> deviations = levels[0].scale() * trajectory_gains(Ddim{}, eigenvalues, levels);
  return (deviations - eigenvalues.cwiseSqrt()).norm();
}

TEST_CASE("W2 of DDIM from angles is that of the product of the sampler's gains", "[schedule]") {
  const Vector<double> eigenvalues{{100.0, 10.0, 1.0, 0.1, 1e-3, 1e-6, 0.0}};
  const auto check = [&](const NoiseLevels& levels) {
    REQUIRE(ddim_spectrum_w2(eigenvalues, levels) == Approx(w2_of_gains(eigenvalues, levels)).epsilon(1e-12));
  };
  for (const Index steps : {1, 2, 10, 100}) {
    check(CosineSchedule{.steps = steps}.levels());
    check(OffsetFreeCosineSchedule{.steps = steps}.levels());
    check(KarrasSchedule{.steps = steps}.levels());
  }
  check(CustomSchedule::from_alpha_bars({0.0, 0.1, 0.5, 0.9, 1.0}).levels());  // from pure noise
  check(CustomSchedule::from_alpha_bars({0.0, 1.0}).levels());
  // From pure noise in one step there is no variance at all.
  REQUIRE(ddim_spectrum_w2(Vector<double>{{9.0, 16.0}}, CustomSchedule::from_alpha_bars({0.0, 1.0}).levels()) ==
          Approx(5.0).epsilon(1e-15));
}

TEST_CASE("The gradient and the Hessian of the loss are those of central differences", "[schedule]") {
  const std::vector<double> eigenvalues{40.0, 3.0, 0.5, 1e-2};
  const detail::SpectrumLoss loss(eigenvalues, {40.0, 2.0, 0.7, 0.3}, 50.0);
  const std::vector<double> t{std::log(50.0), std::log(12.0), std::log(4.0), std::log(1.5), std::log(0.2)};
  std::vector<double> gradient;
  std::vector<double> hessian;
  REQUIRE(loss.derivatives(t, gradient, hessian) == Approx(loss.value(t)).epsilon(1e-14));
  const auto moved = [&](std::size_t k, double h, std::size_t l = 0, double g = 0.0) {
    std::vector<double> there = t;
    there[k + 1] += h;
    there[l + 1] += g;
    return loss.value(there);
  };
  // Truncation h^2 / 6 and rounding 1e-16 / h of values of order 10; for second derivatives h^2 / 12 and 1e-16 / h^2.
  const double h = 1e-5;
  const double g = 1e-3;
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE(gradient[k] == Approx((moved(k, h) - moved(k, -h)) / (2.0 * h)).epsilon(1e-8).margin(1e-8));
    for (std::size_t l = 0; l <= k; ++l) {
      const double difference =
          k == l ? (moved(k, g) - 2.0 * loss.value(t) + moved(k, -g)) / (g * g)
                 : (moved(k, g, l, g) - moved(k, g, l, -g) - moved(k, -g, l, g) + moved(k, -g, l, -g)) / (4.0 * g * g);
      REQUIRE(hessian[k * 4 + l] == Approx(difference).epsilon(1e-4).margin(1e-4));
    }
  }
}

TEST_CASE("Spectra that are none are refused", "[schedule]") {
  const NoiseLevels levels = KarrasSchedule{}.levels();
  REQUIRE(test::message_of<InvalidArgument>([&] { return ddim_spectrum_w2(Vector<double>(0), levels); }) ==
          "ddim_spectrum_w2: no eigenvalues");
  REQUIRE_THAT(test::message_of<InvalidArgument>([&] {
                 return ddim_spectrum_w2(Vector<double>{{1.0, -1.0}}, levels);
               }),
               ContainsSubstring("eigenvalue 1 is -1"));
}

}  // namespace
}  // namespace diffarch
