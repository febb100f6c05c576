#include "diffarch/schedule/describe.hpp"

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "sampler/gaussian_models.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A schedule's description gives its name, steps, sigma_T and last sigma", "[schedule]") {
  REQUIRE(describe(CustomSchedule::from_sigmas({8.0, 1.0, 0.25, 0.0})) ==
          "CustomSchedule: 3 steps, sigma_T = 8, last sigma = 0.25");
  REQUIRE(describe(CustomSchedule::from_alpha_bars({0.0, 1.0})) ==
          "CustomSchedule: 1 steps, sigma_T = inf, last sigma = inf");
  REQUIRE_THAT(describe(CosineSchedule{.steps = 10}), ContainsSubstring("CosineSchedule: 10 steps, sigma_T = 20"));
}

TEST_CASE("A description says when sampling starts too near the data", "[schedule]") {
  const LinearBetaSchedule short_table{.steps = 50, .train_steps = 250};
  const std::string plain = describe(short_table);
  const double sigma_T = short_table.levels().sigma_T();
  CHECK(sigma_T < 4.0);
  CHECK(describe(short_table, 0.01) == plain);
  CHECK(describe(short_table, 0.0) == plain);
  CHECK(
      describe(CustomSchedule::from_sigmas({8.0, 1.0, 0.0}), 6.0) ==
      "CustomSchedule: 2 steps, sigma_T = 8, last sigma = 1; warning: sigma_T is only 1.33333 times the data's largest "
      "deviation (6): samples start without the data's mean and lack about 60 % of it along that direction");
  CHECK(describe(CosineSchedule{.steps = 10}, 100.0) == describe(CosineSchedule{.steps = 10}));
  CHECK(describe(CustomSchedule::from_alpha_bars({0.0, 1.0}), 100.0) ==
        "CustomSchedule: 1 steps, sigma_T = inf, last sigma = inf");
  // Of a model: the root of its first eigenvalue.
  const auto model = test::diagonal_model(Vector<double>{{4.0, 1.0}});
  CHECK(describe(short_table, model) == describe(short_table, 2.0));
  CHECK(describe(short_table, model) != plain);
  CHECK(test::message_of<InvalidArgument>([&] { (void)describe(short_table, -1.0); }) ==
        "describe: largest_deviation = -1, expected at least 0");
}

}  // namespace
}  // namespace diffarch
