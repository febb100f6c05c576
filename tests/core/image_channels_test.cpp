#include "diffarch/core/image_channels.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Gray becomes RGB, colours become gray, and alpha is dropped", "[core]") {
  const auto images = [](Index channels) {
    Batch<double> samples(2 * channels, 2);
    for (Index i = 0; i < samples.size(); ++i) samples.data()[i] = test::real(i * i % 7) / 7.0;
    return Dataset<double>(samples, ImageShape{1, 2, channels}, "images");
  };
  for (const Index from : {1, 2, 3, 4})
    for (const Index to : {1, 3}) {
      CAPTURE(from, to);
      const Dataset<double> before = images(from);
      const Dataset<double> after = convert_channels(before, to);
      REQUIRE(after.shape() == ImageShape{1, 2, to});
      REQUIRE(after.name() == "images");
      for (Index image = 0; image < 2; ++image)
        for (Index pixel = 0; pixel < 2; ++pixel)
          for (Index channel = 0; channel < to; ++channel) {
            const auto source = [&](Index k) { return before.samples()(pixel * from + k, image); };
            const double gray =
                from <= 2 ? source(0) : 0.30078125 * source(0) + 0.5859375 * source(1) + 0.11328125 * source(2);
            const double expected = to == 3 && from >= 3 ? source(channel) : gray;
            REQUIRE(std::abs(after.samples()(pixel * to + channel, image) - expected) < 1e-15);
          }
    }
  REQUIRE_THROWS_AS(convert_channels(images(3), 2), InvalidArgument);
  REQUIRE_THROWS_AS(convert_channels(images(5), 3), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
