#include "diffarch/core/requirements.hpp"

#include <string>

#include "support.hpp"

namespace diffarch {
namespace {

struct Policy {
  [[nodiscard]] std::string name() const { return "Policy"; }
};
struct Levels {
  [[nodiscard]] NoiseLevels levels() const { return NoiseLevels({{1.0, 2.0}, {1.0, 0.0}}); }
  [[nodiscard]] std::string name() const { return "Levels"; }
};
struct Rule {
  [[nodiscard]] std::string name() const { return "Rule"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel /*level*/,
               NoiseLevel /*next*/) const {
    y = x0_hat;
  }
};

// What they say of types that lack something is tested in compile_fail/.
TEST_CASE("Types that satisfy their concepts are passed", "[core]") {
  STATIC_REQUIRE(detail::explain_architecture<Policy>());
  STATIC_REQUIRE(detail::explain_schedule<Levels>());
  STATIC_REQUIRE(detail::explain_backend<Cpu>());
  STATIC_REQUIRE(detail::explain_rule<Rule>());
  STATIC_REQUIRE(detail::explain_denoiser<detail::MinimalDenoiser>());
}

}  // namespace
}  // namespace diffarch
