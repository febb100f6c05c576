#include "network_run_impl.hpp"

namespace figures {

FIGURES_DEEP_UNETS(Cpu);

}  // namespace figures
