#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "native/columns.hpp"

namespace diffarch {
namespace {

using Shapes = std::vector<std::pair<Index, Index>>;
const Shapes all_shapes = {{1, 1},  {1, 2},    {1, 40}, {2, 1}, {2, 2},   {2, 3},
                           {2, 41}, {3, 1100}, {4, 1},  {9, 2}, {101, 40}};
const Shapes with_variance = {{1, 2}, {1, 40}, {2, 2}, {2, 3}, {2, 40}, {3, 40}, {9, 2}, {101, 40}};
const CosineSchedule schedule{.steps = 4};

TEMPLATE_TEST_CASE("Products have the same bits in every batch", "[native]", float, double) {
  constexpr Index columns = 70;
  for (const Index rows : {1, 2, 3, 4, 17, 257})
    for (const Index depth : {1, 2, 3, 4, 17}) {
      const Matrix<TestType> a = test::random_matrix<TestType>(rows, depth, 1);
      const Matrix<TestType> a_transposed = a.transpose();
      const Matrix<TestType> b = test::random_matrix<TestType>(depth, columns, 2);
      const Matrix<TestType> all = LinearAlgebra<Cpu>::multiply(a, b);
      for (const Index width : {1, 5, 16, 32, 33}) {
        const Matrix<TestType> some = b.leftCols(width);
        CHECK(test::bitwise_equal(LinearAlgebra<Cpu>::multiply(a, some), Matrix<TestType>(all.leftCols(width))));
        CHECK(test::bitwise_equal(LinearAlgebra<Cpu>::multiply_transposed(a_transposed, some),
                                  Matrix<TestType>(all.leftCols(width))));
      }
    }
}

TEMPLATE_TEST_CASE("The linear family, Ideal, the local scores and mixtures have the same bits in every batch",
                   "[native]", float, double) {
  test::check_columns_of<TestType>("Linear", with_variance,
                                   [](const auto& data) { return fit(Linear{}, data, schedule); });
  test::check_columns_of<TestType>("RankK{1}", with_variance,
                                   [](const auto& data) { return fit(RankK{.rank = 1}, data, schedule); });
  test::check_columns_of<TestType>("Ideal", all_shapes, [](const auto& data) { return fit(Ideal{}, data, schedule); });
  test::check_columns_of<TestType>("LocalScore", {{4, 1}, {4, 2}, {4, 40}}, [](const auto& data) {
    return fit(LocalScore{.shape = {2, 2, 1}, .patch_sizes = {3}}, data, schedule);
  });
  test::check_columns_of<TestType>("LocalScore", {{36, 7}, {36, 40}}, [](const auto& data) {
    return fit(LocalScore{.shape = {3, 4, 3}, .patch_sizes = {3}}, data, schedule);
  });
  test::check_columns_of<TestType>("EquivariantLocalScore", {{12, 1}, {12, 5}}, [](const auto& data) {
    return fit(EquivariantLocalScore{.shape = {3, 4, 1}, .patch_sizes = {3}}, data, schedule);
  });
  test::check_columns(fit(GaussianMixtureScore{}, three_component_mixture<TestType>(), schedule), "mixture");
}

/// The same samples in batches of every width.
template <class Scalar, class A, class Rule>
void check_samples(const A& architecture, const Rule& rule) {
  for (const auto& [d, n] : Shapes{{1, 40}, {2, 40}, {3, 40}, {9, 40}, {101, 40}}) {
    DiffusionSampler<A, CosineSchedule, Cpu, Rule, Scalar> sampler{architecture, schedule, rule};
    sampler.fit(test::random_matrix<Scalar>(d, n, 1));
    const Batch<Scalar> all = sampler.sample(70, Seed{3});
    for (const Index width : {1, 2, 3, 5, 16, 17, 32, 33}) {
      INFO(architecture.name() << ", " << rule.name() << ", d = " << d << ", batches of " << width);
      CHECK(test::bitwise_equal(sampler.set_batch_size(width).sample(70, Seed{3}), all));
    }
  }
}

TEMPLATE_TEST_CASE("Samples have the same bits in every batch", "[native]", float, double) {
  check_samples<TestType>(RankK{.rank = 1}, Ddim{});
  check_samples<TestType>(RankK{.rank = 1}, Ddim{.eta = 0.5});
  check_samples<TestType>(Linear{}, Heun{});
  check_samples<TestType>(Linear{}, VarianceExactDdim{});
  check_samples<TestType>(Ideal{}, Heun{});
}

}  // namespace
}  // namespace diffarch
