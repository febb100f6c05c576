#include "trained_networks.hpp"

namespace figures {

using namespace diffarch;

using Trained = std::optional<AnyDenoiser<float>>;

extern template Trained train_unet<1, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<2, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<3, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<4, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<2, 8, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<3, 8, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<1, 32, Padding::circular>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<2, 32, Padding::circular>(const std::string&, NetworkSetting&, Json&);
extern template Trained train_unet<3, 32, Padding::circular>(const std::string&, NetworkSetting&, Json&);

TrainingProfiles unet_profiles() {
  return image_profiles(
      {.size = 32,
       .count = 100,
       .steps = 10,
       .training = {
           .epochs = 200, .batch_size = 16, .learning_rate = 1e-3, .averaging_decay = 0.99, .warm_start = true}});
}

Trained trained_unet(const UNetChoice& choice, const std::string& name, NetworkSetting& setting, Json& row) {
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

}  // namespace figures
