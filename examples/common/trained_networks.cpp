#include "trained_networks.hpp"

#include <algorithm>

#include "diffarch/nn/receptive_field.hpp"

namespace figures {

using namespace diffarch;

namespace {

/// Width in pixels of the largest window that a pixel of x0_hat depends on.
template <int Pools>
[[nodiscard]] constexpr Index receptive_width() {
  Index width = 0;
  for (Index pixel = 0; pixel < (Index{1} << Pools); ++pixel) {
    const auto field = nn::receptive_field<nn::UNet<Pools>>(pixel);
    width = std::max(width, field.last - field.first + 1);
  }
  return width;
}

template <int Pools, int Channels, Padding padding>
PlacedModelPointer<float> train_unet(const std::string& name, NetworkSetting& setting, Json& row) {
  row["receptive_field"] = receptive_width<Pools>();
  return trained_network(name, ConvUNet<Pools, Channels, padding>{setting.images.shape(), setting.network.training},
                         setting, row);
}

template <int H>
PlacedModelPointer<float> train_bottleneck(const std::string& name, NetworkSetting& setting, Json& row) {
  return trained_network(name, Bottleneck<H>{setting.network.training, setting.images.shape()}, setting, row);
}

}  // namespace

TrainingProfiles unet_profiles() {
  return image_profiles(
      {.size = 32,
       .count = 100,
       .steps = 10,
       .training = {
           .epochs = 200, .batch_size = 16, .learning_rate = 1e-3, .averaging_decay = 0.99, .warm_start = true}});
}

PlacedModelPointer<float> trained_unet(const UNetChoice& choice, const std::string& name, NetworkSetting& setting,
                                       Json& row) {
  const auto is = [&](int pools, int channels, Padding padding) {
    return choice.pools == pools && choice.channels == channels && choice.padding == padding;
  };
  if (is(1, 32, Padding::zeros)) return train_unet<1, 32, Padding::zeros>(name, setting, row);
  if (is(2, 32, Padding::zeros)) return train_unet<2, 32, Padding::zeros>(name, setting, row);
  if (is(3, 32, Padding::zeros)) return train_unet<3, 32, Padding::zeros>(name, setting, row);
  if (is(4, 32, Padding::zeros)) return train_unet<4, 32, Padding::zeros>(name, setting, row);
  if (is(2, 8, Padding::zeros)) return train_unet<2, 8, Padding::zeros>(name, setting, row);
  if (is(3, 8, Padding::zeros)) return train_unet<3, 8, Padding::zeros>(name, setting, row);
  if (is(1, 32, Padding::circular)) return train_unet<1, 32, Padding::circular>(name, setting, row);
  if (is(2, 32, Padding::circular)) return train_unet<2, 32, Padding::circular>(name, setting, row);
  if (is(3, 32, Padding::circular)) return train_unet<3, 32, Padding::circular>(name, setting, row);
  throw InvalidArgument(diffarch::detail::concat("no U-Net with ", choice.pools, " pools and ", choice.channels,
                                                 " channels in the example programs; see common/trained_networks.hpp"));
}

PlacedModelPointer<float> trained_bottleneck(int width, const std::string& name, NetworkSetting& setting, Json& row) {
  if (width == 1000) return train_bottleneck<1000>(name, setting, row);
  if (width == 500) return train_bottleneck<500>(name, setting, row);
  if (width == 100) return train_bottleneck<100>(name, setting, row);
  throw InvalidArgument(diffarch::detail::concat("no bottleneck of width ", width,
                                                 " in the example programs; expected 1000, 500 or 100"));
}

}  // namespace figures
