// Samples of the linear family against NumPy. The fixtures are made by linear_reference.py, which evaluates the same
// samples from a singular value decomposition, without this library.

#include "catch.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(DIFFARCH_PARITY_FIXTURES) / (name + ".npy");
}

template <class A>
double difference_to_numpy(const std::string& name, const std::string& samples, const A& architecture) {
  DiffusionSampler<A, CosineSchedule, Cpu, Ddim, double> sampler{architecture, CosineSchedule{.steps = 10}};
  sampler.fit(read_npy_batch<double>(fixture(name + "_images")));
  const Batch<double> expected = read_npy_batch<double>(fixture(name + "_" + samples + "_samples"));
  return (sampler.sample_from(read_npy_batch<double>(fixture(name + "_noise"))) - expected).norm() / expected.norm();
}

}  // namespace

TEST_CASE("The cosine schedule has NumPy's sigmas", "[parity]") {
  const NpyArray<double> expected = read_npy<double>(fixture("cosine10_sigmas"));
  REQUIRE(expected.shape == std::vector<Index>{11});
  const auto sigmas = CosineSchedule{.steps = 10}.levels().sigmas();
  // 1 - alpha_bar loses up to 1e-16 / (1 - alpha_bar) = 4e-15 at the last level; products of 1000 factors add 1e-13.
  for (std::size_t i = 0; i < 11; ++i) CHECK(sigmas[i] == Approx(expected.values[i]).epsilon(1e-12));
}

TEST_CASE("Linear and rank-K samples equal NumPy's evaluation on the same noise", "[parity]") {
  // 1e-10: the Gram route squares the condition of the data (about 1e3 here), both sides work in double.
  CHECK(difference_to_numpy("wide", "linear", Linear{}) < 1e-10);
  CHECK(difference_to_numpy("wide", "rank_3", RankK{.rank = 3}) < 1e-10);
  CHECK(difference_to_numpy("tall", "linear", Linear{}) < 1e-10);
  CHECK(difference_to_numpy("tall", "rank_3", FixedRank<3>{}) < 1e-10);
}

TEST_CASE("The parity check can fail: another rank is far from NumPy's samples", "[parity]") {
  CHECK(difference_to_numpy("wide", "rank_3", RankK{.rank = 2}) > 1e-3);
}
