#include "diffarch/denoiser/patch_schedule.hpp"

#include <array>
#include <vector>

#include "support.hpp"

using namespace diffarch;
using test::message_of;

namespace {

constexpr ImageShape shape_64{.height = 64, .width = 64, .channels = 3};
constexpr ImageShape shape_32{.height = 32, .width = 32, .channels = 1};

std::vector<Index> patch_sizes(const PatchSchedule& schedule, Index steps, const ImageShape& shape) {
  std::vector<Index> sizes;
  for (Index step = 0; step < steps; ++step) sizes.push_back(schedule.patch_size(step, steps, shape));
  return sizes;
}

std::vector<Index> widths(const PatchSchedule& schedule, Index steps) {
  std::vector<Index> values;
  for (Index step = 0; step < steps; ++step) values.push_back(schedule.width(step, steps));
  return values;
}

/// The reference code, line by line.
Index reference_start(Index pixel, Index width, Index size) {
  Index start = pixel - width / 2;
  if (start < 0) start = 0;
  if (start + width >= size) start = size - width;
  return start;
}

std::string refusal(const PatchSchedule& schedule) {
  const std::string message = message_of<InvalidArgument>([&] { (void)schedule.patch_size(0, 10, shape_64); });
  CHECK(message == message_of<InvalidArgument>([&] { (void)schedule.width(0, 10); }));
  return message;
}

}  // namespace

TEST_CASE("Ten steps at 64 pixels have exactly the paper's windows and widths", "[denoiser][patch]") {
  CHECK(patch_sizes({}, 10, shape_64) == std::vector<Index>{64, 55, 45, 35, 27, 21, 15, 11, 7, 3});
  CHECK(widths({}, 10) == std::vector<Index>{1024, 1024, 512, 256, 128, 128, 64, 32, 16, 8});
}

TEST_CASE("Other numbers of steps interpolate the lists", "[denoiser][patch]") {
  // Nineteen steps: the ten entries and their midpoints, 59.5 rounded up.
  CHECK(patch_sizes({}, 19, shape_64) ==
        std::vector<Index>{64, 60, 55, 50, 45, 40, 35, 31, 27, 24, 21, 18, 15, 13, 11, 9, 7, 5, 3});
  CHECK(widths({}, 19) ==
        std::vector<Index>{1024, 1024, 1024, 768, 512, 384, 256, 192, 128, 128, 128, 96, 64, 48, 32, 24, 16, 12, 8});
  CHECK(patch_sizes({}, 4, shape_64) == std::vector<Index>{64, 35, 15, 3});
  CHECK(widths({}, 4) == std::vector<Index>{1024, 256, 64, 8});
  // One step starts from pure noise; a list of one entry holds for every step.
  CHECK(patch_sizes({}, 1, shape_64) == std::vector<Index>{64});
  CHECK(widths({}, 1) == std::vector<Index>{1024});
  const PatchSchedule constant{.patch_sizes = {9}, .widths = {5}, .image_size = 64};
  CHECK(patch_sizes(constant, 3, shape_64) == std::vector<Index>{9, 9, 9});
  CHECK(widths(constant, 3) == std::vector<Index>{5, 5, 5});
}

TEST_CASE("Windows scale with the shorter side of the image, widths do not", "[denoiser][patch]") {
  const std::vector<Index> halves{32, 28, 23, 18, 14, 11, 8, 6, 4, 2};  // .5 rounded away from zero
  CHECK(patch_sizes({}, 10, shape_32) == halves);
  CHECK(patch_sizes({}, 10, {.height = 32, .width = 48}) == halves);
  CHECK(patch_sizes({}, 10, {.height = 64, .width = 32}) == halves);
  CHECK(patch_sizes({}, 10, {.height = 128, .width = 128}) ==
        std::vector<Index>{128, 110, 90, 70, 54, 42, 30, 22, 14, 6});
  CHECK(PatchSchedule{}.patch_size(9, 10, {.height = 8, .width = 8}) == 1);  // 0.375: never below one pixel
}

TEST_CASE("A window starts where the reference code says and holds its pixel", "[denoiser][patch]") {
  for (const Index size : {1, 2, 7, 10, 64})
    for (Index width = 1; width <= size; ++width)
      for (Index pixel = 0; pixel < size; ++pixel) {
        const Index start = window_start(pixel, width, size);
        INFO("size " << size << ", width " << width << ", pixel " << pixel);
        REQUIRE(start == reference_start(pixel, width, size));
        REQUIRE(start >= 0);
        REQUIRE(start <= pixel);
        REQUIRE(pixel < start + width);
        REQUIRE(start + width <= size);
      }
  STATIC_REQUIRE(window_start(5, 3, 10) == 4);  // centred
  STATIC_REQUIRE(window_start(5, 4, 10) == 3);  // even: one further to the left
}

TEST_CASE("Every pixel is served once, by its own window", "[denoiser][patch]") {
  for (const Index size : {1, 2, 7, 10, 64})
    for (Index width = 1; width <= size; ++width) {
      std::vector<int> served(static_cast<std::size_t>(size), 0);
      for (Index start = 0; start <= size - width; ++start) {
        const PixelRange range = pixels_of_window(start, width, size);
        INFO("size " << size << ", width " << width << ", start " << start);
        REQUIRE(range.begin >= 0);
        REQUIRE(range.begin < range.end);
        REQUIRE(range.end <= size);
        for (Index pixel = range.begin; pixel < range.end; ++pixel) {
          REQUIRE(reference_start(pixel, width, size) == start);
          ++served[static_cast<std::size_t>(pixel)];
        }
      }
      REQUIRE(served == std::vector<int>(static_cast<std::size_t>(size), 1));
    }
}

TEST_CASE("Schedules that make no sense are refused by both questions", "[denoiser][patch]") {
  CHECK(refusal({.patch_sizes = {65}, .widths = {8}, .image_size = 64}) ==
        "PatchSchedule: a patch of 65 pixels for images of 64; expected 1 <= patch size <= 64");
  CHECK(refusal({.patch_sizes = {5, 0}, .widths = {8, 8}, .image_size = 64}).find("a patch of 0 pixels") !=
        std::string::npos);
  CHECK(refusal({.patch_sizes = {5, 3}, .widths = {8, 0}, .image_size = 64}) ==
        "PatchSchedule: width = 0, expected at least 1");
  CHECK(refusal({.patch_sizes = {}, .widths = {}, .image_size = 64}).find("0 patch sizes and 0 widths") !=
        std::string::npos);
  CHECK(refusal({.patch_sizes = {5, 3}, .widths = {8}, .image_size = 64}).find("2 patch sizes and 1 widths") !=
        std::string::npos);
}
