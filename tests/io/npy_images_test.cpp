#include "diffarch/io/npy_images.hpp"

#include "diffarch/io/npy.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace diffarch {
namespace {

using Axes = std::vector<Index>;

detail::ImageAxes axes_of(const Axes& axes, ImageLayout layout = ImageLayout::unstated) {
  return detail::image_axes("images.npy", axes, layout);
}

TEST_CASE("Axes are (n, h, w) or (n, h, w, c)", "[io]") {
  for (const Axes& axes : {Axes{40, 16, 16, 3}, Axes{40, 16, 16, 1}, Axes{40, 16, 16, 4}, Axes{1, 2, 3, 3},
                           Axes{2, 2, 2, 3}, Axes{3, 3, 3, 3}, Axes{5, 3, 5, 1}, Axes{2, 8, 8, 16}}) {
    const detail::ImageAxes images = axes_of(axes);
    REQUIRE(images.count == axes[0]);
    REQUIRE(images.shape == ImageShape{axes[1], axes[2], axes[3]});
    REQUIRE_FALSE(images.channels_first);
  }
  for (const Axes& axes : {Axes{40, 28, 28}, Axes{1, 1, 1}, Axes{3, 32, 32}, Axes{28, 28, 30}})
    REQUIRE(axes_of(axes).shape == ImageShape{axes[1], axes[2], 1});
  for (const Axes& axes : {Axes{}, Axes{4}, Axes{4, 784}, Axes{4, 0, 4}, Axes{1, 2, 3, 4, 5}})
    REQUIRE_THROWS_AS(axes_of(axes), FileError);
}

TEST_CASE("An array that looks like another layout is refused with both shapes, unless the layout is stated", "[io]") {
  const auto refusal = [](const Axes& axes) { return test::message_of<OptionNeeded>([&] { axes_of(axes); }); };
  const std::string first = refusal({40, 3, 16, 16});
  REQUIRE_THAT(first, ContainsSubstring("images.npy: npy shape: is (40, 3, 16, 16); expected channels last") &&
                          ContainsSubstring("40 images of 16 x 16 with 3 channels would be (40, 16, 16, 3)") &&
                          ContainsSubstring("ImageLayout::channels_first"));
  REQUIRE_THAT(refusal({100, 1, 28, 28}), ContainsSubstring("(100, 28, 28, 1)"));
  REQUIRE_THAT(refusal({4, 3, 4, 4}), ContainsSubstring("(4, 4, 4, 3)"));
  REQUIRE_THAT(refusal({32, 32, 3, 100}), ContainsSubstring("(100, 32, 32, 3) (numpy.moveaxis(images, -1, 0))"));
  REQUIRE_THAT(refusal({28, 28, 1000}), ContainsSubstring("(1000, 28, 28)"));
  REQUIRE_THAT(refusal({64, 64, 3}), ContainsSubstring("looks like one image"));
  for (const Axes& axes : {Axes{40, 3, 16, 16}, Axes{4, 3, 4, 4}, Axes{32, 32, 3, 100}})
    REQUIRE(axes_of(axes, ImageLayout::channels_last).shape == ImageShape{axes[1], axes[2], axes[3]});
  const detail::ImageAxes images = axes_of({40, 3, 16, 20}, ImageLayout::channels_first);
  REQUIRE(images.shape == ImageShape{16, 20, 3});
  REQUIRE(images.channels_first);
  REQUIRE_THAT(test::message_of<FileError>([] { axes_of({4, 784}); }), ContainsSubstring("does not say the height"));
}

TEST_CASE("Axes of a known shape have to be its own, whatever their product", "[io]") {
  const ImageShape shape{16, 16, 3};
  REQUIRE_NOTHROW(detail::require_axes("noise.npy", {4, 16, 16, 3}, shape));
  REQUIRE_NOTHROW(detail::require_axes("noise.npy", {4, 8, 9}, {8, 9, 1}));
  for (const ImageShape& points : {ImageShape{1, 1, 2}, ImageShape{1, 2, 1}, ImageShape{2, 1, 1}}) {
    for (const Axes& axes : {Axes{5, 2}, Axes{5, 1, 2, 1}, Axes{5, 1, 1, 2}})
      REQUIRE_NOTHROW(detail::require_axes("points.npy", axes, points));
    for (const Axes& axes : {Axes{2, 5}, Axes{5, 2, 2}, Axes{5}, Axes{5, 1}, Axes{0, 2}})
      REQUIRE_THROWS_AS(detail::require_axes("points.npy", axes, points), DimensionMismatch);
  }
  REQUIRE_NOTHROW(detail::require_axes("points.npy", {5, 1}, {1, 1, 1}));
  for (const Axes& axes :
       {Axes{4, 3, 16, 16}, Axes{4, 16, 3, 16}, Axes{4, 768}, Axes{16, 16, 3}, Axes{768, 4}, Axes{4, 48, 16}, Axes{}}) {
    CAPTURE(axes.size());
    REQUIRE_THROWS_AS(detail::require_axes("noise.npy", axes, shape), DimensionMismatch);
  }
  REQUIRE_THAT(
      test::message_of<DimensionMismatch>([&] {
        detail::require_axes("noise.npy", {4, 3, 16, 16}, shape);
      }),
      ContainsSubstring("the shape is (4, 3, 16, 16), expected (n, 16, 16, 3), channels last (it is channels first"));
}

TEST_CASE("Channels first are moved last", "[io]") {
  const test::TemporaryFolder folder;
  NpyArray<float> array{{2, 3, 2, 2}, {}};
  for (int i = 0; i < 24; ++i) array.values.push_back(static_cast<float>(i - 12) / 12.0F);
  write_npy(folder / "first.npy", array);
  const auto images = load_npy_images<float>(folder / "first.npy", {.layout = ImageLayout::channels_first});
  REQUIRE(images.shape() == ImageShape{2, 2, 3});
  for (Index n = 0; n < 2; ++n)
    for (Index channel = 0; channel < 3; ++channel)
      for (Index pixel = 0; pixel < 4; ++pixel)
        REQUIRE(images.samples()(pixel * 3 + channel, n) ==
                array.values[static_cast<std::size_t>((n * 3 + channel) * 4 + pixel)]);
}

TEST_CASE("Floats in another range are refused when asked for, and read with their range", "[io]") {
  const test::TemporaryFolder folder;
  const auto put = [&](double low, double high) {
    NpyArray<double> array{{5, 4, 4, 3}, {}};
    for (int i = 0; i < 240; ++i) array.values.push_back(low + (high - low) * i / 239.0);
    write_npy(folder / "images.npy", array);
    return folder / "images.npy";
  };
  const auto right = load_npy_images<double>(put(-1, 1), {.check_range = true});
  for (const double high : {1.0, 255.0, 4095.0, 65535.0}) {
    CAPTURE(high);
    const auto path = put(0, high);
    const auto message = test::message_of<OptionNeeded>(
        [&] { static_cast<void>(load_npy_images<double>(path, {.check_range = true})); });
    REQUIRE_THAT(message, ContainsSubstring(detail::concat("values lie between 0 and ", high)) &&
                              ContainsSubstring(detail::concat("range = {0, ", high, "}")));
    REQUIRE_NOTHROW(load_npy_images<double>(path));
    const auto images = load_npy_images<double>(path, {.range = {0, high}, .check_range = true});
    REQUIRE((images.samples() - right.samples()).cwiseAbs().maxCoeff() < 1e-14);
  }
  REQUIRE_THROWS_AS(load_npy_images<double>(put(0, 255), {.range = {0, 1}}), FileError);
  REQUIRE_THROWS_AS(load_npy_images<double>(put(0, 255), {.range = {1, 0}}), InvalidArgument);
  // Bright images in [-1, 1], which look like images in 0..1, are read as they are when the range is stated.
  const auto bright = load_npy_images<double>(put(0, 1), {.range = {-1, 1}, .check_range = true});
  REQUIRE(bright.samples().minCoeff() == 0.0);
  REQUIRE_NOTHROW(load_npy_images<double>(put(-1.2, 1.2), {.check_range = true}));
  REQUIRE_NOTHROW(load_npy_images<double>(put(-40, 40), {.check_range = true}));
}

TEST_CASE("Integers are read by the range of their type, wide ones by the one that is given", "[io]") {
  const test::TemporaryFolder folder;
  const auto put = [&](const std::string& descr, const std::string& data) {
    const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1, 1, 2), }\n";
    return test::put_file(folder / "images.npy",
                          std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header + data);
  };
  const auto values = [](const std::filesystem::path& path, const NpyImageOptions& options = {}) {
    const auto images = load_npy_images<double>(path, options);
    return std::pair{images.samples()(0, 0), images.samples()(1, 0)};
  };
  REQUIRE(values(put("|b1", std::string("\0\1", 2))) == std::pair{-1.0, 1.0});
  REQUIRE(values(put("|u1", "\x33\xff")) == std::pair{0x33 / 127.5 - 1.0, 1.0});
  REQUIRE(values(put("<u2", "\xff\xff\x33\x44")) == std::pair{1.0, 0x4433 / 32767.5 - 1.0});
  REQUIRE(values(put(">u2", "\xff\xff\x33\x44")) == std::pair{1.0, 0x3344 / 32767.5 - 1.0});
  REQUIRE(values(put("<u2", std::string("\xff\x0f\0\0", 4)), {.range = {0, 4095}}) == std::pair{1.0, -1.0});
  const auto wide = put("<i4", std::string("\xff\0\0\0\0\0\0\0", 8));
  REQUIRE_THAT(test::message_of<OptionNeeded>([&] { values(wide); }),
               ContainsSubstring("images of i4 have no known range") && ContainsSubstring("between 0 and 255"));
  REQUIRE(values(wide, {.range = {0, 255}}) == std::pair{1.0, -1.0});
}

TEST_CASE("Channels of arrays are converted when asked for", "[io]") {
  const test::TemporaryFolder folder;
  NpyArray<float> array{{3, 2, 2, 4}, std::vector<float>(48, 0.5F)};
  write_npy(folder / "rgba.npy", array);
  REQUIRE(load_npy_images<float>(folder / "rgba.npy").shape().channels == 4);
  REQUIRE(load_npy_images<float>(folder / "rgba.npy", {.channels = 3}).shape().channels == 3);
  REQUIRE(load_npy_images<float>(folder / "rgba.npy", {.channels = 1}).samples()(3, 2) == 0.5F);
  REQUIRE_THROWS_AS(load_npy_images<float>(folder / "rgba.npy", {.channels = 2}), InvalidArgument);
  write_npy(folder / "latents.npy", NpyArray<float>{{3, 8, 8, 5}, std::vector<float>(960, 0.5F)});
  REQUIRE_THROWS_AS(load_npy_images<float>(folder / "latents.npy", {.channels = 3}), FileError);
}

}  // namespace
}  // namespace diffarch
