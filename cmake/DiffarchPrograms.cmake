# Compile options of our own programs and tests; users of the library inherit none of them.
add_library(diffarch_program_options INTERFACE)
target_compile_options(diffarch_program_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False reports of g++ 12: its own AVX-512 intrinsics (GCC bug 105593), std::string concatenation (105651).
  target_compile_options(diffarch_program_options INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
  # Instantiating Eigen takes much memory anyway; collecting the compiler's garbage less often takes a tenth of its time.
  set(diffarch_less_garbage_collection --param=ggc-min-expand=200 --param=ggc-min-heapsize=1000000)
  target_compile_options(diffarch_program_options INTERFACE ${diffarch_less_garbage_collection})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # At -O1 it does not vectorise what `omp simd` asks for, and says so.
  target_compile_options(diffarch_program_options INTERFACE -Wno-pass-failed)
endif()
if(DIFFARCH_WARNINGS_AS_ERRORS)
  target_compile_options(diffarch_program_options INTERFACE -Werror)
endif()
if(DIFFARCH_NATIVE)
  target_compile_options(diffarch_program_options INTERFACE -march=native)
endif()

# The same for source files that nvcc compiles. Their host code is linked with the other: it needs the same threads, and
# the same instructions, on which the alignment of Eigen's arrays depends.
add_library(diffarch_cuda_program_options INTERFACE)
if(diffarch_uses_openmp)
  target_compile_options(diffarch_cuda_program_options
                         INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${OpenMP_CXX_FLAGS}>)
endif()
if(DIFFARCH_NATIVE)
  target_compile_options(diffarch_cuda_program_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-march=native>)
endif()
# A kernel whose registers do not fit is an error, too.
set(diffarch_nvcc_strict -Werror all-warnings -Xptxas=-O3,--warn-on-spills,--warning-as-error)
if(DIFFARCH_WARNINGS_AS_ERRORS)
  list(JOIN diffarch_nvcc_strict " " options)
  target_compile_options(diffarch_cuda_program_options INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:${options}>")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(JOIN diffarch_less_garbage_collection "," options)
  target_compile_options(diffarch_cuda_program_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${options}>)
endif()

# diffarch::compiled as our programs and tests have it. It is at -O3 in the build type Tests, too: most of what tests and
# programs compute, they compute in there.
target_link_libraries(diffarch_compiled PRIVATE $<BUILD_INTERFACE:diffarch_program_options>)
target_compile_options(diffarch_compiled PRIVATE $<$<CONFIG:Tests>:-O3>)

# Precompiled headers that programs and tests without their own take by REUSE_FROM diffarch_precompiled.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "")
add_library(diffarch_precompiled OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/precompiled.cpp")
target_link_libraries(diffarch_precompiled PRIVATE diffarch::compiled diffarch_program_options)
target_precompile_headers(diffarch_precompiled PRIVATE <diffarch/solver/linear_algebra.hpp>)
