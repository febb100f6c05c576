#include "diffarch/core/box_muller.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

/// Words at both ends and around the quarters, then 2^16 spread over all.
std::vector<std::uint32_t> probing_words() {
  std::vector<std::uint32_t> words;
  for (std::uint32_t eighth = 0; eighth < 8; ++eighth)
    for (std::uint32_t i = 0; i < 64; ++i) {
      words.push_back((eighth << 29U) + i);
      words.push_back((eighth << 29U) - i);
    }
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    words.push_back(std::uint32_t{1} << bit);
    words.push_back(~(std::uint32_t{1} << bit));
  }
  for (std::uint32_t i = 0; i < 65536; ++i) words.push_back(i * 0x9E3779B1U);
  return words;
}

/// |value - exact| in units of the last place of `exact`.
double units(double value, long double exact) {
  const int exponent = std::ilogb(static_cast<double>(exact));
  return static_cast<double>(std::abs(static_cast<long double>(value) - exact) / std::ldexp(1.0L, exponent - 52));
}

long double exact_uniform(std::uint32_t word) { return (static_cast<long double>(word) + 0.5L) * 0x1p-32L; }

/// Cosine and sine of 2 pi u: u is brought within an eighth of a turn exactly, so that nothing is lost near zeros.
std::pair<long double, long double> exact_turn(std::uint32_t word) {
  const long double u = exact_uniform(word);
  const auto quarter = static_cast<int>(std::floor(4.0L * u + 0.5L));
  const long double angle = (u - 0.25L * static_cast<long double>(quarter)) * 2.0L * std::numbers::pi_v<long double>;
  const long double c = std::cos(angle);
  const long double s = std::sin(angle);
  switch (quarter % 4) {
    case 0:
      return {c, s};
    case 1:
      return {-s, c};
    case 2:
      return {-c, -s};
    default:
      return {s, -c};
  }
}

TEST_CASE("Logarithm, sine, cosine and square root are right to two units in the last place", "[core]") {
  double log_error = 0.0;
  double turn_error = 0.0;
  double root_error = 0.0;
  for (const std::uint32_t word : probing_words()) {
    const double square = detail::minus_two_log_uniform(word);
    log_error = std::max(log_error, units(square, -2.0L * std::log(exact_uniform(word))));
    root_error =
        std::max(root_error, units(detail::square_root_by_newton(square), std::sqrt(static_cast<long double>(square))));
    const auto [cosine, sine] = detail::cosine_and_sine_of_turn(word);
    const auto [exact_cosine, exact_sine] = exact_turn(word);
    turn_error = std::max({turn_error, units(cosine, exact_cosine), units(sine, exact_sine)});
  }
  CAPTURE(log_error, root_error, turn_error);
  CHECK(log_error < 1.5);
  CHECK(root_error < 1.01);
  CHECK(turn_error < 1.5);
}

TEST_CASE("Box and Muller's numbers are right to three units in the last place and smaller than 6.8", "[core]") {
  const std::vector<std::uint32_t> words = probing_words();
  double error = 0.0;
  double largest = 0.0;
  for (std::size_t begin = 0; begin + random_lanes <= words.size(); begin += random_lanes) {
    WordLanes u;
    WordLanes v;
    for (std::size_t i = 0; i < random_lanes; ++i) {
      u[i] = words[begin + i];
      v[i] = words[(7919 * (begin + i)) % words.size()];
    }
    const NormalPairs pairs = box_muller(u, v);
    for (std::size_t i = 0; i < random_lanes; ++i) {
      const long double radius = std::sqrt(-2.0L * std::log(exact_uniform(u[i])));
      const auto [cosine, sine] = exact_turn(v[i]);
      error = std::max({error, units(pairs.first[i], radius * cosine), units(pairs.second[i], radius * sine)});
      largest = std::max({largest, std::abs(pairs.first[i]), std::abs(pairs.second[i])});
    }
  }
  CAPTURE(error, largest);
  CHECK(error < 3.0);
  CHECK(largest < 6.8);
  // The farthest of all: the smallest u, and an angle of nearly nothing.
  CHECK(box_muller({0}, {0}).first[0] == Approx(std::sqrt(66.0 * std::numbers::ln2)).epsilon(1e-15));
  CHECK(box_muller({0}, {0}).first[0] < 6.8);
}

TEST_CASE("A pair does not depend on its lane or on what the other lanes hold", "[core]") {
  const std::vector<std::uint32_t> words = probing_words();
  bool same = true;
  for (std::size_t trial = 0; trial < 500; ++trial) {
    const std::uint32_t u = words[(131 * trial) % words.size()];
    const std::uint32_t v = words[(733 * trial) % words.size()];
    const NormalPairs alone = box_muller({u}, {v});
    for (std::size_t lane = 0; lane < random_lanes; ++lane) {
      WordLanes all_u;
      WordLanes all_v;
      for (std::size_t i = 0; i < random_lanes; ++i) {
        all_u[i] = words[(trial + 17 * i) % words.size()];
        all_v[i] = words[(trial + 29 * i) % words.size()];
      }
      all_u[lane] = u;
      all_v[lane] = v;
      const NormalPairs pairs = box_muller(all_u, all_v);
      same = same && pairs.first[lane] == alone.first[0] && pairs.second[lane] == alone.second[0];
    }
  }
  CHECK(same);
}

}  // namespace
}  // namespace diffarch
