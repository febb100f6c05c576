#include "trained_networks.hpp"

namespace figures {

using namespace diffarch;

namespace {

template <int H>
std::optional<AnyDenoiser<float>> train_bottleneck(const std::string& name, NetworkSetting& setting, Json& row) {
  return trained_network(name, Bottleneck<H>{setting.network.training, setting.images.shape()}, setting, row);
}

}  // namespace

std::optional<AnyDenoiser<float>> trained_bottleneck(int width, const std::string& name, NetworkSetting& setting,
                                                     Json& row) {
  if (width == 1000) return train_bottleneck<1000>(name, setting, row);
  if (width == 500) return train_bottleneck<500>(name, setting, row);
  if (width == 100) return train_bottleneck<100>(name, setting, row);
  throw InvalidArgument(diffarch::detail::concat("no bottleneck of width ", width,
                                                 " in the example programs; expected 1000, 500 or 100"));
}

}  // namespace figures
