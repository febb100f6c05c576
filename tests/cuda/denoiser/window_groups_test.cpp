#include "diffarch/cuda/denoiser/window_groups.hpp"

#include <set>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using cuda::WindowGroup;

TEST_CASE("Groups hold every window once, and serve every value once", "[cuda]") {
  for (const ImageShape shape : {ImageShape{5, 7, 3}, {4, 4, 1}, {6, 3, 2}})
    for (Index size = 1; size <= std::min(shape.height, shape.width); ++size) {
      CAPTURE(size);
      const Index per_row = shape.width - size + 1;
      std::set<Index> windows;
      std::vector<int> served(static_cast<std::size_t>(shape.size()), 0);
      for (const WindowGroup& group : cuda::window_groups(shape, size))
        for (Index window = 0; window < group.count; ++window) {
          const Index number = group.number(window, per_row);
          CHECK(windows.insert(number).second);
          // Its patch, line by line.
          const Index top = number / per_row;
          const Index left = number % per_row;
          for (Index value = 0; value < group.patch_values(); ++value) {
            const Index channel = value % shape.channels;
            const Index pixel = value / shape.channels;
            CHECK(group.patch_value(window, value) == shape.index(top + pixel / size, left + pixel % size, channel));
          }
          for (Index value = 0; value < group.served_values; ++value)
            ++served.at(static_cast<std::size_t>(group.served_value(window, value)));
        }
      CHECK(static_cast<Index>(windows.size()) == (shape.height - size + 1) * per_row);
      CHECK(std::all_of(served.begin(), served.end(), [](int count) { return count == 1; }));
    }
}

TEST_CASE("What windows serve comes back where it was taken from", "[cuda]") {
  const ImageShape shape{5, 6, 2};
  const Index size = 3;
  const Batch<double> images = test::random_matrix(shape.size(), 4, 1);
  const Matrix<double> mean = test::random_matrix(shape.size(), 1, 2);
  const auto stored = DeviceArray<double>::upload(images);
  const auto stored_mean = DeviceArray<double>::upload(mean);
  DeviceArray<double> back(shape.size(), 4);
  for (const WindowGroup& group : cuda::window_groups(shape, size)) {
    DeviceArray<double> targets(group.served_values, 4 * group.count);
    cuda::for_each(targets.rows(), targets.cols(),
                   cuda::detail::GatherTargets<double, double>{targets.data(), stored.data(), stored_mean.data(), group,
                                                               shape.size(), 4, 0});
    cuda::for_each(targets.rows(), targets.cols(),
                   cuda::detail::ScatterPredictions<double, double>{back.data(), targets.data(), stored_mean.data(),
                                                                    group, shape.size(), 4, 4, 0, 0});
  }
  CHECK(test::relative_difference(back.download(), images) < 1e-15);
}

}  // namespace
}  // namespace diffarch
