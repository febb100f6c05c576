#include "network_run_impl.hpp"

namespace figures {

FIGURES_SHALLOW_UNETS(Cpu);

}  // namespace figures
