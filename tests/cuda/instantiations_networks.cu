// Compiled, not run: networks and their training on the device.

#include "cuda/instantiations.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"

void instantiate_networks() {
  using namespace diffarch;
  test::instantiate(Bottleneck<4>{});
  test::instantiate(ConvUNet<1, 4, Padding::circular>{});
}
