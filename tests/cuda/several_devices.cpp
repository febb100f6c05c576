// diffarch_cuda_several_devices DEVICE [THREAD]: on several emulated devices (DIFFARCH_EMULATED_DEVICES) the process
// works on the device with this number, given what a launcher says in the environment, or MPI where the program is
// linked with it: DEVICE is then `rank`, that of MPI modulo the devices. Static arrays are filled, and freed after
// everything else. THREAD: the context is made on another thread than the one that works afterwards. Exit status 0 when
// all is right.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "cuda/emulated_device/device.hpp"
#include "diffarch/core/elementwise.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#ifdef DIFFARCH_HAS_MPI
#include "diffarch/mpi/session.hpp"
#endif

namespace {

using namespace diffarch;

// Made before the context, so destroyed after everything that is made later.
cuda::DeviceArray<double> made_first;

void require(bool right, const std::string& what) {
  if (right) return;
  std::fprintf(stderr, "several_devices: %s\n", what.c_str());
  std::exit(1);
}

void work(int device) {
  require(cuda::Context::current().device() == device, "the context is on device " +
                                                           std::to_string(cuda::Context::current().device()) +
                                                           ", expected " + std::to_string(device));
  int of_the_thread = -1;
  cudaGetDevice(&of_the_thread);
  require(of_the_thread == device, "the thread is on device " + std::to_string(of_the_thread));
  const Matrix<double> host = Matrix<double>::Constant(5, 3, 2.0);
  made_first = cuda::DeviceArray<double>::upload(host);
  static cuda::DeviceArray<double> made_last(5, 3);
  cuda::for_each(15, 1, elementwise::Scale<double>{made_last.data(), made_first.data(), 3.0, 15});
  require((made_last.download().array() == 6.0).all(), "the device does not compute");
}

int run(int argc, char** argv) {
  if (argc < 2) return 2;
  int expected = std::atoi(argv[1]);
#ifdef DIFFARCH_HAS_MPI
  std::optional<mpi::Session> session;
  if (std::string(argv[1]) == "rank") expected = session.emplace().rank() % emulated_device::device_count();
#endif
  if (argc > 2) std::thread([] { static_cast<void>(cuda::Context::current()); }).join();
  work(expected);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "several_devices: %s\n", error.what());
    return 1;
  }
}
