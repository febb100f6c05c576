#include "network_run_impl.hpp"

namespace figures {

FIGURES_UNETS_3(Cpu);

}  // namespace figures
