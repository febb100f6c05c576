#include "common/training/trained_networks.hpp"

#include <algorithm>

#include "common/architectures/table.hpp"
#include "diffarch/nn/layers/receptive_field.hpp"

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

using Sampler = std::optional<AnySampler<float>>;

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

/// Calls try_line with the lines of a part of the table until it returns true, and says whether it did.
template <class TryLine, class... Lines>
bool any_line(const TryLine& try_line, Part<Lines...> /*part*/) {
  return (try_line(Lines{}) || ...);
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

Sampler trained_unet(const UNetChoice& choice, const std::string& name, NetworkSetting& setting, Json& row) {
  Sampler sampler;
  const Overloaded try_line{
      [&]<int Pools, int Channels, Padding padding>(Trained<float, ConvUNet<Pools, Channels, padding>> /*line*/) {
        if (choice.pools != Pools || choice.channels != Channels || choice.padding != padding) return false;
        row["receptive_field"] = receptive_width<Pools>();
        sampler = trained_network(
            name, ConvUNet<Pools, Channels, padding>{setting.images.shape(), setting.network.training}, setting, row);
        return true;
      },
      [](auto /*line*/) { return false; }};
  if (!any_line(try_line, ShallowUNets{}) && !any_line(try_line, DeepUNets{}))
    throw InvalidArgument(
        diffarch::detail::concat("no U-Net with ", choice.pools, " pools and ", choice.channels,
                                 " channels in the example programs; see common/architectures/table.hpp"));
  return sampler;
}

Sampler trained_bottleneck(int width, const std::string& name, NetworkSetting& setting, Json& row) {
  Sampler sampler;
  const Overloaded try_line{
      [&]<int H>(Trained<float, Bottleneck<H>> /*line*/) {
        if (width != H) return false;
        sampler = trained_network(name, Bottleneck<H>{setting.network.training, setting.images.shape()}, setting, row);
        return true;
      },
      [](auto /*line*/) { return false; }};
  if (!any_line(try_line, Bottlenecks{}))
    throw InvalidArgument(diffarch::detail::concat("no bottleneck of width ", width,
                                                   " in the example programs; see common/architectures/table.hpp"));
  return sampler;
}

}  // namespace figures
