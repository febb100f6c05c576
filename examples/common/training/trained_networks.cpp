#include "common/training/trained_networks.hpp"

#include <algorithm>
#include <type_traits>

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

/// Calls train(architecture) with the architecture of the first line of a part of the table that `wanted` accepts.
template <class Wanted, class Train, class... Lines>
bool train_first(const Wanted& wanted, const Train& train, Part<Lines...> /*part*/) {
  const auto try_line = [&]<class Scalar, class A>(Trained<Scalar, A> /*line*/) {
    if constexpr (std::is_invocable_v<Wanted, std::type_identity<A>>) {
      if (!wanted(std::type_identity<A>{})) return false;
      train(std::type_identity<A>{});
      return true;
    }
    return false;
  };
  const auto try_any = [&]<class Line>(Line line) {
    if constexpr (std::is_invocable_v<decltype(try_line), Line>)
      return try_line(line);
    else
      return false;
  };
  return (try_any(Lines{}) || ...);
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
  const auto wanted = [&]<int Pools, int Channels, Padding padding>(
                          std::type_identity<ConvUNet<Pools, Channels, padding>> /*architecture*/) {
    return choice.pools == Pools && choice.channels == Channels && choice.padding == padding;
  };
  const auto train = [&]<int Pools, int Channels, Padding padding>(
                         std::type_identity<ConvUNet<Pools, Channels, padding>> /*architecture*/) {
    row["receptive_field"] = receptive_width<Pools>();
    sampler = trained_network(
        name, ConvUNet<Pools, Channels, padding>{setting.images.shape(), setting.network.training}, setting, row);
  };
  if (!train_first(wanted, train, ShallowUNets{}) && !train_first(wanted, train, DeepUNets{}))
    throw InvalidArgument(
        diffarch::detail::concat("no U-Net with ", choice.pools, " pools and ", choice.channels,
                                 " channels in the example programs; see common/architectures/table.hpp"));
  return sampler;
}

Sampler trained_bottleneck(int width, const std::string& name, NetworkSetting& setting, Json& row) {
  Sampler sampler;
  const auto wanted = [&]<int H>(std::type_identity<Bottleneck<H>> /*architecture*/) { return width == H; };
  const auto train = [&]<int H>(std::type_identity<Bottleneck<H>> /*architecture*/) {
    sampler = trained_network(name, Bottleneck<H>{setting.network.training, setting.images.shape()}, setting, row);
  };
  if (!train_first(wanted, train, Bottlenecks{}))
    throw InvalidArgument(diffarch::detail::concat("no bottleneck of width ", width,
                                                   " in the example programs; see common/architectures/table.hpp"));
  return sampler;
}

}  // namespace figures
