#include "unet_row.hpp"

namespace figures {

template void run_unet<2, 32, diffarch::Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);
template void run_unet<3, 32, diffarch::Padding::zeros>(const std::string&, const std::string&, NetworkFigure&);

}  // namespace figures
