#include "network_run_impl.hpp"

namespace figures {

FIGURES_UNETS_2(Cpu);

}  // namespace figures
