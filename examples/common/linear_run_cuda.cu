#include "diffarch/cuda/linear_algebra.hpp"
#include "linear_run_impl.hpp"

namespace figures {

void require_cuda() { static_cast<void>(cuda::Context::current()); }

FIGURES_LINEAR_FAMILY(Cuda, float);
FIGURES_LINEAR_FAMILY(Cuda, double);

}  // namespace figures
