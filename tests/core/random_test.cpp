#include "diffarch/core/random.hpp"

#include <limits>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::real;

TEST_CASE("Philox 4x32-10 gives the published known answers", "[core]") {
  // kat_vectors of Random123 (D. E. Shaw Research).
  STATIC_REQUIRE(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  STATIC_REQUIRE(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
                 PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  STATIC_REQUIRE(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
                 PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("The counter is (block, sample, stream) and the key is the seed, all 64-bit numbers in two words", "[core]") {
  const CounterRandom random(Seed{0x0123456789abcdefULL}, Stream{0x42});
  REQUIRE(random.words(Index{0x1122334455667788LL}, 7) ==
          philox4x32({7, 0x55667788, 0x11223344, 0x42}, {0x89abcdef, 0x01234567}));
}

TEST_CASE("Uniform and normal numbers of an element are those of its block", "[core]") {
  const CounterRandom random(Seed{3}, Stream{4});
  for (Index element = 0; element < 11; ++element) {
    const auto word = random.words(6, element / 4)[static_cast<std::size_t>(element % 4)];
    REQUIRE(random.uniform(6, element) == (word + 0.5) / 4294967296.0);
    REQUIRE(random.normal(6, element) == random.normals(6, element / 4)[static_cast<std::size_t>(element % 4)]);
  }
}

TEST_CASE("Many blocks at a time are the same words, uniform numbers and normal numbers, bit by bit", "[core]") {
  const CounterRandom random(Seed{0x0123456789abcdefULL}, Stream{7});
  CounterRandom::IndexLanes samples;
  CounterRandom::IndexLanes blocks;
  for (std::size_t i = 0; i < random_lanes; ++i) {
    samples[i] = Index{0x1122334455667788LL} * static_cast<Index>(i % 5);
    blocks[i] = static_cast<Index>(1000003 * i);
  }
  const PhiloxCounterLanes words = random.words(samples, blocks);
  for (std::size_t i = 0; i < random_lanes; ++i)
    REQUIRE(random.words(samples[i], blocks[i]) == PhiloxCounter{words[0][i], words[1][i], words[2][i], words[3][i]});

  for (const std::size_t size : {1U, 63U, 64U, 65U, 200U}) {
    std::vector<double> values(size);
    random.uniforms(6, values);
    for (std::size_t i = 0; i < size; ++i) REQUIRE(values[i] == random.uniform(6, static_cast<Index>(i)));
  }

  for (const Index d : {1, 2, 3, 4, 9, 64, 130}) {
    std::vector<int> calls(static_cast<std::size_t>(d * 23));
    bool same = true;
    const test::ThreadCount guard(1);
    for_each_normal(
        random, d, 23, [](Index column) { return 3 * column; },
        [&](Index i, double normal) {
          ++calls[static_cast<std::size_t>(i)];
          same = same && normal == random.normal(3 * (i / d), i % d);
        });
    REQUIRE(same);
    REQUIRE(std::all_of(calls.begin(), calls.end(), [](int count) { return count == 1; }));
  }
}

TEST_CASE("Normal numbers are Box and Muller's transform of the uniform ones", "[core]") {
  const CounterRandom random(Seed{3}, Stream{4});
  for (Index block = 0; block < 100; ++block) {
    const auto z = random.normals(0, block);
    for (Index pair = 0; pair < 2; ++pair) {
      const Index element = 4 * block + 2 * pair;
      const auto z0 = static_cast<long double>(z[static_cast<std::size_t>(2 * pair)]);
      const auto z1 = static_cast<long double>(z[static_cast<std::size_t>(2 * pair + 1)]);
      // Inverse of the transform: the radius gives the first uniform number, the angle the second. The loss is the
      // conditioning of exp, at most |z|^2 eps < 50 eps, and of the angle, a few eps.
      REQUIRE(static_cast<double>(std::exp(-0.5L * (z0 * z0 + z1 * z1))) ==
              Approx(random.uniform(0, element)).epsilon(1e-13));
      const auto turn = static_cast<double>(std::atan2(z1, z0) / (2.0L * std::numbers::pi_v<long double>));
      REQUIRE((turn < 0.0 ? turn + 1.0 : turn) == Approx(random.uniform(0, element + 1)).margin(1e-14));
    }
  }
}

/// Kolmogorov-Smirnov statistic sqrt(n) sup |F_n - F|.
template <class Distribution>
double kolmogorov_smirnov(std::vector<double> values, const Distribution& distribution) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double f = distribution(values[i]);
    largest = std::max({largest, static_cast<double>(i + 1) / n - f, f - static_cast<double>(i) / n});
  }
  return std::sqrt(n) * largest;
}

// The statistic of a right generator exceeds x with probability 2 exp(-2 x^2): 3e-7 for 2.8.
constexpr double ks_limit = 2.8;

TEST_CASE("Uniform numbers are uniform", "[core]") {
  const CounterRandom random(Seed{11}, Stream{0});
  std::vector<double> values;
  for (Index i = 0; i < 100000; ++i) values.push_back(random.uniform(i / 100, i % 100));
  REQUIRE(*std::min_element(values.begin(), values.end()) > 0.0);
  REQUIRE(*std::max_element(values.begin(), values.end()) < 1.0);
  REQUIRE(kolmogorov_smirnov(values, [](double u) { return u; }) < ks_limit);
}

TEST_CASE("Normal numbers are normal: distribution and first four moments", "[core]") {
  const Batch<double> noise = normal_batch<double>(250, 400, Seed{12});
  const auto n = real(noise.size());
  const std::vector<double> values(noise.data(), noise.data() + noise.size());
  REQUIRE(kolmogorov_smirnov(values, [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }) < ks_limit);
  // Standard errors of the moments of N(0, 1): 1, sqrt(2), sqrt(15), sqrt(96) over sqrt(n). Five of them: 6e-7 each.
  const auto z = noise.array();
  REQUIRE(std::abs(z.mean()) < 5.0 / std::sqrt(n));
  REQUIRE(std::abs(z.square().mean() - 1.0) < 5.0 * std::sqrt(2.0 / n));
  REQUIRE(std::abs(z.cube().mean()) < 5.0 * std::sqrt(15.0 / n));
  REQUIRE(std::abs(z.square().square().mean() - 3.0) < 5.0 * std::sqrt(96.0 / n));
}

TEST_CASE("Elements, samples, streams and seeds are uncorrelated, and so are their squares", "[core]") {
  const Index d = 400;
  const Index n = 250;
  const Batch<double> noise = normal_batch<double>(d, n, Seed{12});
  const auto correlation = [](const auto& a, const auto& b) {
    // |mean of n products of independent standard normals| < 5 / sqrt(n), false alarm 6e-7.
    return std::abs((a.array() * b.array()).mean()) * std::sqrt(real(a.size()));
  };
  const auto check = [&](const Matrix<double>& a, const Matrix<double>& b) {
    REQUIRE(correlation(a, b) < 5.0);
    const Matrix<double> a2 = (a.array().square() - 1.0) / std::numbers::sqrt2;
    const Matrix<double> b2 = (b.array().square() - 1.0) / std::numbers::sqrt2;
    REQUIRE(correlation(a2, b2) < 5.0);
  };
  for (const Index lag : {1, 2, 3, 4}) check(noise.topRows(d - lag), noise.bottomRows(d - lag));
  check(noise.leftCols(n - 1), noise.rightCols(n - 1));
  check(noise, normal_batch<double>(d, n, Seed{13}));
  check(noise, normal_batch<double>(d, n, Seed{12ULL << 32U}));
  check(noise, normal_batch<double>(d, n, Seed{12}, streams::data));
  check(noise, normal_batch<double>(d, n, Seed{12}, streams::step_noise(0)));
  check(normal_batch<double>(d, n, Seed{12}, streams::step_noise(1)),
        normal_batch<double>(d, n, Seed{12}, streams::step_noise(0)));
}

TEST_CASE("Sample numbers beyond 32 bits are samples of their own", "[core]") {
  const Index far = (Index{1} << 32) + 5;
  REQUIRE_FALSE(bitwise_equal(normal_batch<double>(8, 1, Seed{1}, Stream{0}, far),
                              normal_batch<double>(8, 1, Seed{1}, Stream{0}, 5)));
}

TEMPLATE_TEST_CASE("Sample i is bitwise the same whatever the batch, its start, or the number of threads", "[core]",
                   float, double) {
  for (const Index d : {1, 2, 3, 7, 4096, 4097, 10001}) {  // around whole blocks of 4 and tasks of 4096 elements
    const Batch<TestType> all = normal_batch<TestType>(d, 9, Seed{5}, Stream{6});
    for (const int threads : {1, 2}) {
      const test::ThreadCount guard(threads);
      for (const Index first : {0, 3, 8})
        for (const Index count : {1, 9 - static_cast<int>(first)}) {
          const Batch<TestType> some = normal_batch<TestType>(d, count, Seed{5}, Stream{6}, first);
          REQUIRE(bitwise_equal(some, Batch<TestType>(all.middleCols(first, count))));
        }
    }
  }
}

TEST_CASE("A float batch is the double batch rounded, so both precisions see the same noise", "[core]") {
  const Batch<double> wide = normal_batch<double>(33, 5, Seed{5});
  REQUIRE(bitwise_equal(normal_batch<float>(33, 5, Seed{5}), Batch<float>(wide.cast<float>())));
}

TEST_CASE("The batch holds CounterRandom's normal numbers, sample by column and element by row", "[core]") {
  const CounterRandom random(Seed{5}, Stream{6});
  const Batch<double> batch = normal_batch<double>(6, 3, Seed{5}, Stream{6}, 10);
  for (Index column = 0; column < 3; ++column)
    for (Index row = 0; row < 6; ++row) REQUIRE(batch(row, column) == random.normal(10 + column, row));
}

TEST_CASE("A batch without samples is empty and one without dimensions is refused", "[core]") {
  REQUIRE(normal_batch<float>(3, 0, Seed{1}).cols() == 0);
  for (const auto& [d, n, first] : std::vector<std::array<Index, 3>>{{0, 1, 0}, {1, -1, 0}, {1, 1, -1}})
    REQUIRE(test::message_of<InvalidArgument>([d = d, n = n, first = first] {
              return normal_batch<float>(d, n, Seed{}, Stream{}, first);
            }) == detail::concat("normal_batch: d = ", d, ", n = ", n, ", first_sample = ", first,
                                 "; expected d >= 1, n >= 0, first_sample >= 0"));
}

}  // namespace
}  // namespace diffarch
