#include <vector>

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/schedule/custom.hpp"
#include "native/columns.hpp"

namespace diffarch {
namespace {

const CustomSchedule schedule = CustomSchedule::from_sigmas({1.0, 0.0});
const TrainingOptions training{.epochs = 1, .batch_size = 4};

TEST_CASE("Networks have the same bits in every batch", "[native]") {
  test::check_columns_of<float>("a bottleneck", {{1, 4}, {2, 8}, {9, 8}}, [](const Batch<float>& data) {
    return fit(Bottleneck<1>{.training = training}, data, schedule);
  });
  test::check_columns_of<float>("a bottleneck of the plane", {{2, 8}}, [](const Batch<float>& data) {
    return fit(Bottleneck<2, BottleneckForm::plane>{.training = training}, data, schedule);
  });
  test::check_columns_of<float>("a U-Net", {{16, 8}}, [](const Batch<float>& data) {
    return fit(ConvUNet<1, 3>{.shape = {4, 4, 1}, .training = training}, data, schedule);
  });
}

}  // namespace
}  // namespace diffarch
