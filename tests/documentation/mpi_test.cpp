// Code of .github/docs/training.md: check_code_blocks.py compares the two. Compiled, not called: a process has one
// Session, which the other tests have made.

#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/mpi/work_queue.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace diffarch::test {

void share_a_training(const ImageShape& shape, const TrainingOptions& options, const Batch<float>& images,
                      const CosineSchedule& schedule) {
  mpi::Session session;
  mpi::WorkQueue queue(session);
  train(ConvUNet<3>{shape, options}, images, schedule, queue.share({.folder = "unet"}));
  queue.wait();
}

}  // namespace diffarch::test
