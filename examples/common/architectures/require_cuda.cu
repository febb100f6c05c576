#include "common/architectures/backends.hpp"
#include "diffarch/cuda/runtime/context.hpp"

namespace figures {

void require_cuda() { static_cast<void>(diffarch::cuda::Context::current()); }

}  // namespace figures
