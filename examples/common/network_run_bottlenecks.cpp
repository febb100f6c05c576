#include "network_run_impl.hpp"

namespace figures {

FIGURES_BOTTLENECKS(Cpu);

}  // namespace figures
