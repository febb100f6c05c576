#include "network_run_impl.hpp"

namespace figures {

FIGURES_UNETS_1(Cpu);

}  // namespace figures
