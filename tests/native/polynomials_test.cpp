#include <vector>

#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/denoiser/polynomial/spectral_polynomial_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/custom.hpp"
#include "native/columns.hpp"

namespace diffarch {
namespace {

using test::check_columns_of;

const CustomSchedule schedule = CustomSchedule::from_sigmas({1.0, 0.0});

// In double alone: the models solve and predict in it whatever the samples are, and it compiles in half the time.
TEST_CASE("Polynomials have the same bits in every batch", "[native]") {
  const auto fitted = [](const auto& architecture) {
    return [architecture](const Batch<double>& data) { return fit(architecture, data, schedule); };
  };
  const std::vector<std::pair<Index, Index>> shapes = {{1, 2}, {1, 40}, {2, 3}, {2, 41}, {3, 40}, {9, 40}, {101, 40}};
  for (const Index width : {1, 2, 3, 33}) {
    check_columns_of<double>("random features", shapes, fitted(Polynomial<3, RandomFeatures<>>{{.width = width}}));
    check_columns_of<double>("legacy", shapes, fitted(Polynomial<3, RandomFeatures<Legacy>>{{.width = width}}));
  }
  for (const Index width : {1, 17}) {
    check_columns_of<double>("spectral", shapes, fitted(Polynomial<3, SpectralFeatures<>>{{.width = width}}));
    check_columns_of<double>("free spectral", shapes,
                             fitted(Polynomial<3, SpectralFeatures<Monomials>>{{.width = width, .ridges = {0.1}}}));
  }
  check_columns_of<double>("monomials", {{1, 40}, {2, 200}, {3, 200}}, fitted(Polynomial<3>{}));
  PatchPolynomial<3> patches{.shape = {3, 4, 1}};
  patches.patches = {.patch_sizes = {3}, .widths = {5}, .image_size = 3};
  check_columns_of<double>("patches", {{12, 30}}, fitted(patches));
}

TEST_CASE("Samples in the coordinates of a span have the same bits in every batch", "[native]") {
  using A = Polynomial<3, RandomFeatures<>>;
  for (const Index d : {1, 2, 9})
    for (const Index width : {1, 2, 33}) {
      DiffusionSampler<A, CustomSchedule, Cpu, Ddim, double> sampler{A{{.width = width}}, schedule};
      sampler.fit(test::random_matrix<double>(d, 40, 1));
      const Batch<double> all = sampler.sample(70, Seed{3});
      for (const Index batch : {1, 3, 16, 17, 33})
        CHECK(test::bitwise_equal(sampler.set_batch_size(batch).sample(70, Seed{3}), all));
    }
}

}  // namespace
}  // namespace diffarch
