#include "diffarch/core/random_streams.hpp"

#include <set>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("No two uses of random numbers have the same stream, and all lie below those of programs", "[core]") {
  std::set<std::uint32_t> seen;
  const auto add = [&](Stream stream) {
    CAPTURE(stream.value);
    REQUIRE(stream.value < 0x10000U);
    REQUIRE(seen.insert(stream.value).second);
  };
  for (const Stream stream : {streams::initial_noise, streams::data, streams::labels, streams::directions,
                              streams::biases, streams::weights, streams::evaluation_noise, streams::permutations,
                              streams::bootstrap, streams::trace_probes, streams::cluster_starts})
    add(stream);
  for (Index step = 0; step < 7936; ++step) add(streams::step_noise(step));
  for (Index step = 0; step < 8192; ++step) add(streams::raising_noise(step));
  for (const double sigma : {0.002, 0.5, 1.0, 80.2, 20300.0}) {
    add(streams::fit_noise(sigma));
    add(streams::level_directions(sigma));
    add(streams::sample_order(sigma));
  }
}

TEST_CASE("Streams of a noise level keep to their range of 2^14 numbers", "[core]") {
  for (double sigma = 1e-6; sigma < 1e9; sigma *= 1.37) {
    const std::uint32_t number = streams::level_number(sigma);
    CAPTURE(sigma, number);
    REQUIRE(number < 0x4000U);
    REQUIRE(streams::fit_noise(sigma).value == 0x4000U + number);
    REQUIRE(streams::level_directions(sigma).value == 0x8000U + number);
    REQUIRE(streams::sample_order(sigma).value == 0xC000U + number);
  }
}

}  // namespace
}  // namespace diffarch
