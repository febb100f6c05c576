#include "diffarch/nn/layers/layer.hpp"

#include "diffarch/nn/layers/activation.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

struct NotALayer {
  using Scalar = float;
};

TEST_CASE("The concept Layer tells layers from other types", "[nn]") {
  STATIC_REQUIRE(nn::Layer<nn::ReLU<float>>);
  STATIC_REQUIRE(nn::Layer<nn::Tanh<double>>);
  STATIC_REQUIRE_FALSE(nn::Layer<NotALayer>);
  STATIC_REQUIRE_FALSE(nn::Layer<int>);
}

TEST_CASE("Initial numbers depend on the seed and the place of the tensor alone", "[nn]") {
  const auto draw = [](Seed seed, std::size_t first_size) {
    nn::Initialiser initialiser(seed);
    std::vector<double> skipped(first_size);
    std::vector<double> values(9);
    initialiser.uniform(std::span<double>(skipped), 1.0);
    initialiser.clipped_normal(std::span<double>(values), 1.0, 0.5);
    return values;
  };
  REQUIRE(draw(Seed{1}, 3) == draw(Seed{1}, 100));
  REQUIRE(draw(Seed{1}, 3) != draw(Seed{2}, 3));
  for (const double value : draw(Seed{1}, 3)) REQUIRE(std::abs(value) <= 0.5);
}

TEST_CASE("A parameter knows its shape and whether it is trained", "[nn]") {
  std::vector<float> values(12);
  std::vector<float> gradient(12);
  const nn::Parameter<float> weight("w", {2, 6}, values, gradient);
  REQUIRE(weight.shape().size() == 2);
  REQUIRE(weight.shape()[1] == 6);
  REQUIRE(weight.trainable());
  REQUIRE_FALSE(nn::Parameter<float>("running_mean", {12}, values).trainable());
  std::int64_t count = 3;
  const nn::Parameter<float> counter("num_batches_tracked", &count);
  REQUIRE(counter.shape().empty());
  REQUIRE(*counter.counter == 3);
  REQUIRE(nn::detail::join("", "a") == "a");
  REQUIRE(nn::detail::join("a", "b") == "a.b");
}

}  // namespace
}  // namespace diffarch
