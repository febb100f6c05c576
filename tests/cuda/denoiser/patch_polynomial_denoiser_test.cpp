#include "diffarch/cuda/denoiser/patch_polynomial_denoiser.hpp"

#include <algorithm>
#include <vector>

#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::correlated_samples;
using test::message_of;
using test::random_matrix;

constexpr ImageShape shape{.height = 6, .width = 7, .channels = 2};

TEST_CASE("Every window is in one group, and every value is served by the window that is nearest", "[cuda]") {
  for (Index size = 1; size <= shape.height; ++size) {
    const Index per_row = shape.width - size + 1;
    std::vector<int> windows(static_cast<std::size_t>((shape.height - size + 1) * per_row), 0);
    std::vector<int> values(static_cast<std::size_t>(shape.size()), 0);
    for (const auto& group : cuda::window_groups(shape, size))
      for (Index window = 0; window < group.count; ++window) {
        const Index number = group.number(window, per_row);
        ++windows[static_cast<std::size_t>(number)];
        REQUIRE(group.patch_value(window, 0) == shape.index(number / per_row, number % per_row, 0));
        REQUIRE(group.patch_value(window, group.patch_values() - 1) ==
                shape.index(number / per_row + size - 1, number % per_row + size - 1, 1));
        for (Index value = 0; value < group.served_values; ++value) {
          const Index at = group.served_value(window, value);
          ++values[static_cast<std::size_t>(at)];
          const Index pixel = at / shape.channels;
          REQUIRE(window_start(pixel / shape.width, size, shape.height) == number / per_row);
          REQUIRE(window_start(pixel % shape.width, size, shape.width) == number % per_row);
        }
      }
    REQUIRE(std::all_of(windows.begin(), windows.end(), [](int count) { return count == 1; }));
    REQUIRE(std::all_of(values.begin(), values.end(), [](int count) { return count == 1; }));
  }
}

template <class Averaging>
PatchPolynomial<3, Averaging> local(Averaging averaging) {
  return {.shape = shape,
          .patches = {.patch_sizes = {3}, .widths = {6}, .image_size = 6},
          .averaging = averaging,
          .seed = Seed{1}};
}

template <class Averaging>
void check_budgets(const Averaging& averaging) {
  const Batch<double> x = correlated_samples(shape.size(), 20, 1);
  const Batch<double> y = random_matrix(shape.size(), 5, 2);
  const NoiseLevels levels = CustomSchedule::from_sigmas({0.7, 0.0}).levels();
  const auto prediction = [&](Index budget) {
    const DevicePatchPolynomialDenoiser<3, Averaging, double> model(local(averaging), x, levels, budget);
    return model.denoise(Cuda::upload(y), levels[0]).download();
  };
  const Batch<double> at_once = prediction(Index{1} << 30);
  CHECK(test::relative_difference(prediction(1), at_once) < 1e-12);      // one window at a time
  CHECK(test::relative_difference(prediction(20000), at_once) < 1e-12);  // some
}

TEST_CASE("The memory budget does not change the predictions", "[cuda]") {
  check_budgets(ExactAverage{.ridge = 1e-2});
  check_budgets(SingleDraw{.ridge = 1e-2});
  check_budgets(Legacy{.ridge = 1e-2});
}

TEST_CASE("A window that cannot be fitted is named as on the host", "[cuda]") {
  Batch<double> x = correlated_samples(shape.size(), 20, 3);
  x(shape.index(3, 2, 0), 4) = 1e150;
  const CustomSchedule schedule = CustomSchedule::from_sigmas({0.7, 0.0});
  const auto message = [&](auto backend) {
    return message_of<NumericalError>([&] { (void)fit(local(SingleDraw{}), x, schedule, backend); });
  };
  CHECK(message(Cpu{}).find("sigma = 0.7, window 5 of 20") != std::string::npos);
  CHECK(message(Cuda{}) == message(Cpu{}));
}

}  // namespace
}  // namespace diffarch
