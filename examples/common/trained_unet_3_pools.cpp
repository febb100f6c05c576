#include "trained_networks.hpp"

namespace figures {

using namespace diffarch;
using Trained = std::optional<AnyDenoiser<float>>;

template Trained train_unet<3, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);
template Trained train_unet<3, 32, Padding::circular>(const std::string&, NetworkSetting&, Json&);
template Trained train_unet<4, 32, Padding::zeros>(const std::string&, NetworkSetting&, Json&);

}  // namespace figures
