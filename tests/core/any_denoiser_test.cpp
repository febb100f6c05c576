#include "diffarch/core/any_denoiser.hpp"

#include <vector>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::denoise_on;
using test::message_of;
using test::TestedBackend;

TEST_CASE("Architectures chosen at run time are those they were made of", "[denoiser]") {
  using Any = AnyArchitecture<double, TestedBackend>;
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  const CosineSchedule schedule{.steps = 5};
  const auto samples_of = [&](const auto& architecture) {
    DiffusionSampler<std::remove_cvref_t<decltype(architecture)>, CosineSchedule, TestedBackend, Ddim, double> sampler(
        architecture, schedule);
    return sampler.fit(data).sample(4, Seed{2});
  };
  const std::vector<Any> rows = {Any::of(RankK{.rank = 2}), Any::of(Ideal{})};
  REQUIRE(rows[0].name() == "RankK (K = 2)");
  REQUIRE(rows[1].name() == "Ideal");
  REQUIRE(bitwise_equal(samples_of(rows[1]), samples_of(Ideal{})));
  // The sampler collapses the steps of RankK when it knows the type.
  REQUIRE(test::relative_difference(samples_of(rows[0]), samples_of(RankK{.rank = 2})) < 1e-12);
}

TEST_CASE("AnyDenoiser is the model it holds", "[denoiser]") {
  const Batch<double> data = test::correlated_samples(6, 30, 1);
  const auto model = fit(RankK{.rank = 3}, data, CosineSchedule{.steps = 5}, TestedBackend{});
  const AnyDenoiser<double, TestedBackend> any(model);
  const Batch<double> y = test::random_matrix(6, 4, 2);
  REQUIRE(any.dimension() == 6);
  REQUIRE(bitwise_equal(denoise_on(any, y, NoiseLevel::from_sigma(0.5)),
                        denoise_on(model, y, NoiseLevel::from_sigma(0.5))));
  REQUIRE_THROWS_AS(denoise_on(any, test::random_matrix(5, 4, 2), NoiseLevel::from_sigma(0.5)), DimensionMismatch);

  using Mine = AnyArchitecture<double, TestedBackend>;
  DiffusionSampler<Mine, CosineSchedule, TestedBackend, Ddim, double> sampler(Mine{"mine"});
  REQUIRE(message_of<InvalidArgument>([&] { sampler.fit(data); }) ==
          "AnyArchitecture 'mine' holds no architecture; make it with AnyArchitecture::of");
  sampler.set_model(any);
  REQUIRE(sampler.sample(2, Seed{1}).cols() == 2);
}

}  // namespace
}  // namespace diffarch
