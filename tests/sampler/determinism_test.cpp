// Sample i is bitwise the same whatever the number of samples, the batch size and the number of threads: for float and
// double, low and high dimensions, and all three ways of sampling (collapsed, stepwise, stochastic).

#include <vector>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::TestedBackend;
using test::ThreadCount;

// Training sets with n > d, n < d.
const std::vector<std::pair<Index, Index>> shapes = {{2, 40}, {3, 40}, {700, 60}};

/// `draw(sampler, n)` samples; every way to ask for sample i must give the same bits.
template <class Sampler, class Draw>
void check(Sampler& sampler, const Draw& draw) {
  using Scalar = typename Sampler::Scalar;
  Batch<Scalar> all;
  const auto same = [&](int threads, Index batch_size, Index n) {
    const ThreadCount guard(threads);
    sampler.set_batch_size(batch_size);
    return bitwise_equal(draw(sampler, n), Batch<Scalar>(all.leftCols(n)));
  };
  {
    const ThreadCount one(1);
    sampler.set_batch_size(256);
    all = draw(sampler, Index{300});
  }
  REQUIRE(all.allFinite());
  for (const Index n : {1, 7, 64, 300}) REQUIRE(same(2, 256, n));
  for (const Index n : {1, 64}) REQUIRE(same(1, 256, n));
  REQUIRE(same(2, 1, 7));
  REQUIRE(same(1, 31, 64));
  REQUIRE(same(2, 1000, 300));
}

template <class Scalar, class Rule>
void check_rule(const Rule& rule) {
  for (const auto& [d, n] : shapes) {
    INFO("d = " << d << ", training samples " << n << ", " << rule.name());
    DiffusionSampler<Linear, OffsetFreeCosineSchedule, TestedBackend, Rule, Scalar> sampler{
        Linear{}, OffsetFreeCosineSchedule{.steps = 3}, rule};
    sampler.fit(test::correlated_samples<Scalar>(d, n, 1));
    check(sampler, [](const auto& s, Index count) { return s.sample(count, Seed{1}); });
    if (rule.stochasticity() == 0.0)
      check(sampler, [](const auto& s, Index count) { return s.sample(count, Seed{1}, [](const auto&) {}); });
  }
}

TEMPLATE_TEST_CASE("DDIM samples are bitwise the same for any number of samples, batch size and threads", "[sampler]",
                   float, double) {
  check_rule<TestType>(Ddim{});
}

TEMPLATE_TEST_CASE("DDIM samples with fresh noise are bitwise the same for any number, batch size and threads",
                   "[sampler]", float, double) {
  check_rule<TestType>(Ddim{.eta = 0.5});
}

TEMPLATE_TEST_CASE("Ancestral samples are bitwise the same for any number, batch size and threads", "[sampler]", float,
                   double) {
  check_rule<TestType>(Ancestral{});
}

TEMPLATE_TEST_CASE("Heun samples are bitwise the same for any number, batch size and threads", "[sampler]", float,
                   double) {
  check_rule<TestType>(Heun{});
}

TEMPLATE_TEST_CASE("Fitting gives bitwise the same model for one and two threads", "[sampler]", float, double) {
  for (const auto& [d, n] : shapes) {
    const Batch<TestType> data = test::correlated_samples<TestType>(d, n, 2);
    const auto fitted = [&](int threads) {
      const ThreadCount guard(threads);
      return fit(Linear{}, data, CosineSchedule{}, TestedBackend{});
    };
    const auto one = fitted(1);
    const auto two = fitted(2);
    REQUIRE(bitwise_equal(Vector<double>(one.mean()), Vector<double>(two.mean())));
    REQUIRE(bitwise_equal(Vector<double>(one.mean_coordinates()), Vector<double>(two.mean_coordinates())));
    REQUIRE(bitwise_equal(Vector<double>(one.eigenvalues()), Vector<double>(two.eigenvalues())));
    REQUIRE(bitwise_equal(test::download(one.basis()), test::download(two.basis())));
  }
}

}  // namespace
}  // namespace diffarch
