#include "apply_network_impl.hpp"
#include "diffarch/cuda/network_kernels.hpp"

namespace figures {

FIGURES_APPLY(Cuda, float);
FIGURES_APPLY(Cuda, double);

}  // namespace figures
