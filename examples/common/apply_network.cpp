#include "apply_network_impl.hpp"

namespace figures {

FIGURES_APPLY(Cpu, float);
FIGURES_APPLY(Cpu, double);

}  // namespace figures
