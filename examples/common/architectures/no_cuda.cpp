#include "common/architectures/backends.hpp"
#include "diffarch/core/error.hpp"

namespace figures {

void require_cuda() {
  throw diffarch::Error(
      "--backend cuda: this program was built without the CUDA backend; configure with -DDIFFARCH_CUDA=ON "
      "-DDIFFARCH_CUDA_PROGRAMS=ON where nvcc is installed");
}

}  // namespace figures
