#include "diffarch/cuda/runtime/error.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("A failed call is an exception that names the call, its sizes and what was reported", "[cuda]") {
  REQUIRE_THAT(message_of<CudaError>([] { cuda::check(cudaErrorInvalidValue, "a copy of ", 3, " values"); }),
               ContainsSubstring("CUDA: a copy of 3 values: cudaErrorInvalidValue, "));
  REQUIRE(message_of<CudaError>([] { cuda::check(CUBLAS_STATUS_INVALID_VALUE, "gemm of ", 7); }) ==
          "cuBLAS: gemm of 7: CUBLAS_STATUS_INVALID_VALUE");
  REQUIRE(message_of<CudaError>([] { cuda::check(CUSOLVER_STATUS_INVALID_VALUE, "potrf"); }) ==
          detail::concat("cuSOLVER: potrf: status ", static_cast<int>(CUSOLVER_STATUS_INVALID_VALUE)));
}

TEST_CASE("A call that succeeds is silent", "[cuda]") {
  REQUIRE_NOTHROW(cuda::check(cudaSuccess, "a call"));
  REQUIRE_NOTHROW(cuda::check(CUBLAS_STATUS_SUCCESS, "a call"));
  REQUIRE_NOTHROW(cuda::check(CUSOLVER_STATUS_SUCCESS, "a call"));
}

}  // namespace
}  // namespace diffarch
