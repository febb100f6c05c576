#include "diffarch/schedule/scaled.hpp"

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "diffarch/schedule/part.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Samples of scaled data on a scaled schedule are the scaled samples", "[schedule]") {
  const Batch<double> data = test::correlated_samples(5, 40, 1);
  const auto check = [&](const auto& schedule) {
    const Batch<double> samples = sample(fit(Linear{}, data, schedule), schedule, 6, Seed{2});
    const auto larger = scaled(schedule, 64.0);
    const Batch<double> of_larger = sample(fit(Linear{}, Batch<double>(64.0 * data), larger), larger, 6, Seed{2});
    // The start has the variance signal^2 + (64 noise)^2, and not 64^2 (signal^2 + noise^2): 1 / sigma_T^2 apart.
    const double sigma_T = schedule.levels().sigma_T();
    REQUIRE(test::relative_difference(of_larger, Batch<double>(64.0 * samples)) < 2.0 / (sigma_T * sigma_T) + 1e-12);
  };
  check(KarrasSchedule{.steps = 7, .sigma_max = 1000.0});
  check(LinearBetaSchedule{.steps = 7});
  REQUIRE(scaled(KarrasSchedule{}, 64.0).name() == "KarrasSchedule (sigma_data = 64)");
  REQUIRE(scaled(KarrasSchedule{}, 0.5).levels().sigma_T() == Approx(40.0));
}

TEST_CASE("Data of no size, and a part that ends noisy, are refused", "[schedule]") {
  for (const double sigma_data : {0.0, -1.0, std::nan("")})
    REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return scaled(KarrasSchedule{}, sigma_data); }),
                 ContainsSubstring("expected a finite sigma_data > 0"));
  REQUIRE_THROWS_AS(scaled(part(KarrasSchedule{}, 0, 4), 2.0), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
