# The library's targets. diffarch::diffarch needs Eigen only; every other library has a target of its own, used by who
# includes the header that needs it:
#   diffarch::images    stb_image, stb_image_resize, stb_image_write: data/image_folder.hpp, io/png_grid.hpp
#   diffarch::zlib      zlib: data/idx.hpp, io/npz.hpp
#   diffarch::json      nlohmann-json: io/safetensors.hpp
#   diffarch::onednn    oneDNN: nn/kernels/onednn_kernels.hpp, and makes its kernels the networks' default ones (else Eigen's)
#   diffarch::mpi       MPI, beside nlohmann-json: mpi/
#   diffarch::cuda      the CUDA toolkit: cuda/, in source files that nvcc compiles (LANGUAGE CUDA)
#   diffarch::cudnn     cuDNN beside it: convolutions of networks on the device by cuDNN, else by matrix products
# Linking one defines DIFFARCH_HAS_STB, DIFFARCH_HAS_ZLIB, DIFFARCH_HAS_JSON, DIFFARCH_HAS_ONEDNN or DIFFARCH_HAS_MPI,
# which adds those headers to diffarch/diffarch.hpp. The CUDA backend has a header of its own, diffarch/cuda/cuda.hpp.
# A target whose library is not installed, or whose switch is OFF (../CMakeLists.txt), does not exist. diffarch::compiled
# needs none: DiffarchCompiled.cmake.

include(DiffarchFindLibraries)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)

add_library(diffarch INTERFACE)
add_library(diffarch::diffarch ALIAS diffarch)
target_compile_features(diffarch INTERFACE cxx_std_20)
target_include_directories(diffarch INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(diffarch INTERFACE Eigen3::Eigen)

include(DiffarchCompiled)

set(diffarch_uses_openmp OFF)
diffarch_is_wanted(DIFFARCH_OPENMP wanted)
if(wanted)
  find_package(OpenMP QUIET COMPONENTS CXX)
  diffarch_require(DIFFARCH_OPENMP "${OpenMP_CXX_FOUND}" "the compiler's OpenMP (for clang on Debian: libomp-dev)")
  if(OpenMP_CXX_FOUND)
    # If it exists: the installed package is also usable where the compiler has no OpenMP.
    target_link_libraries(diffarch INTERFACE $<TARGET_NAME_IF_EXISTS:OpenMP::OpenMP_CXX>)
    set(diffarch_uses_openmp ON)
  endif()
endif()
message(STATUS "diffarch: OpenMP threads: ${diffarch_uses_openmp}")

set(diffarch_uses_blas OFF)
diffarch_is_wanted(DIFFARCH_BLAS wanted)
if(wanted)
  find_package(BLAS QUIET)
  diffarch_require(DIFFARCH_BLAS "${BLAS_FOUND}" "a BLAS library (Debian: libopenblas-dev)")
  if(BLAS_FOUND)
    target_link_libraries(diffarch INTERFACE BLAS::BLAS)
    target_compile_definitions(diffarch INTERFACE EIGEN_USE_BLAS)
    set(diffarch_uses_blas ON)
  endif()
endif()
message(STATUS "diffarch: Eigen's products through BLAS: ${diffarch_uses_blas}")

# The target diffarch::<name> for one optional library: `found` says whether it was, `switch` what is done if not.
# `package` names it and how to get it.
function(diffarch_add_optional_target name switch found package library definition purpose)
  diffarch_require(${switch} "${found}" "${package}")
  set(state OFF)
  if(found)
    set(state ON)
    add_library(diffarch_${name} INTERFACE)
    add_library(diffarch::${name} ALIAS diffarch_${name})
    target_link_libraries(diffarch_${name} INTERFACE diffarch ${library})
    target_compile_definitions(diffarch_${name} INTERFACE ${definition})
  endif()
  message(STATUS "diffarch: ${purpose}: ${state}")
endfunction()

set(found OFF)
diffarch_is_wanted(DIFFARCH_STB wanted)
if(wanted)
  find_package(Stb QUIET)
  set(found "${Stb_FOUND}")
endif()
diffarch_add_optional_target(images DIFFARCH_STB "${found}" "stb (Debian: libstb-dev)" Stb::stb DIFFARCH_HAS_STB
                             "PNG and JPEG images through stb")

set(found OFF)
diffarch_is_wanted(DIFFARCH_ZLIB wanted)
if(wanted)
  find_package(ZLIB QUIET)
  set(found "${ZLIB_FOUND}")
endif()
diffarch_add_optional_target(zlib DIFFARCH_ZLIB "${found}" "zlib (Debian: zlib1g-dev)" ZLIB::ZLIB DIFFARCH_HAS_ZLIB
                             "IDX.gz and .npz files through zlib")

set(found OFF)
diffarch_is_wanted(DIFFARCH_JSON wanted)
if(wanted)
  find_package(nlohmann_json QUIET)
  set(found "${nlohmann_json_FOUND}")
endif()
diffarch_add_optional_target(json DIFFARCH_JSON "${found}" "nlohmann-json (Debian: nlohmann-json3-dev)"
                             nlohmann_json::nlohmann_json DIFFARCH_HAS_JSON
                             "safetensors files and trainings in folders through nlohmann-json")

set(dnnl_FOUND OFF)
diffarch_is_wanted(DIFFARCH_ONEDNN wanted)
if(wanted)
  diffarch_find_onednn()
endif()
diffarch_add_optional_target(onednn DIFFARCH_ONEDNN "${dnnl_FOUND}"
                             "oneDNN (Debian: libdnnl-dev opencl-headers ocl-icd-opencl-dev)" DNNL::dnnl
                             DIFFARCH_HAS_ONEDNN "kernels of networks through oneDNN ${dnnl_VERSION}, else Eigen")
if(DIFFARCH_BF16)
  if(NOT dnnl_FOUND)
    message(FATAL_ERROR "diffarch: DIFFARCH_BF16 is ON, but oneDNN, which it needs, was not found or is switched off "
                        "(Debian: libdnnl-dev opencl-headers ocl-icd-opencl-dev)")
  endif()
  target_compile_definitions(diffarch_onednn INTERFACE DIFFARCH_BF16)
  message(STATUS "diffarch: convolutions in bf16, on CPUs that have it: ON")
endif()

set(found OFF)
diffarch_is_wanted(DIFFARCH_MPI wanted)
if(wanted AND TARGET diffarch::json)
  diffarch_find_mpi()
  set(found "${MPI_CXX_FOUND}")
endif()
diffarch_add_optional_target(mpi DIFFARCH_MPI "${found}"
                             "MPI with nlohmann-json (Debian: libopenmpi-dev openmpi-bin nlohmann-json3-dev)"
                             "diffarch_json;MPI::MPI_CXX" DIFFARCH_HAS_MPI
                             "trainings shared by several processes through MPI")

set(CUDAToolkit_FOUND OFF)
diffarch_is_wanted(DIFFARCH_CUDA wanted)
if(wanted)
  find_package(CUDAToolkit QUIET)
endif()
diffarch_add_optional_target(cuda DIFFARCH_CUDA "${CUDAToolkit_FOUND}" "the CUDA toolkit"
                             "CUDA::cublas;CUDA::cusolver;CUDA::cudart" DIFFARCH_HAS_CUDA
                             "the CUDA backend, toolkit ${CUDAToolkit_VERSION}")
if(TARGET diffarch::cuda)
  # CMake 3.25 knows no C++20 of nvcc 13. constexpr functions are device functions; Eigen stays on the host.
  set(diffarch_nvcc_options -std=c++20 --expt-relaxed-constexpr -DEIGEN_NO_CUDA)
  list(JOIN diffarch_nvcc_options " " diffarch_options)
  target_compile_options(diffarch_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:${diffarch_options}>")
endif()

set(cudnn_FOUND OFF)
diffarch_is_wanted(DIFFARCH_CUDNN wanted)
if(wanted AND TARGET diffarch::cuda)
  diffarch_find_cudnn()
endif()
diffarch_add_optional_target(cudnn DIFFARCH_CUDNN "${cudnn_FOUND}" "cuDNN with the CUDA toolkit"
                             "diffarch_cuda;CUDNN::cudnn" DIFFARCH_HAS_CUDNN
                             "convolutions on the device through cuDNN, else matrix products")
if(DIFFARCH_TF32)
  if(NOT cudnn_FOUND)
    message(FATAL_ERROR "diffarch: DIFFARCH_TF32 is ON, but cuDNN, which it needs, was not found or is switched off")
  endif()
  target_compile_definitions(diffarch_cudnn INTERFACE DIFFARCH_TF32)
  message(STATUS "diffarch: convolutions on the device in TF32: ON")
endif()

# Whether our own programs and tests for CUDA are compiled. Says what a machine without nvcc leaves out.
set(DIFFARCH_CUDA_COMPILES OFF)
if(TARGET diffarch::cuda AND (DIFFARCH_BUILD_TESTS OR DIFFARCH_BUILD_EXAMPLES OR DIFFARCH_BUILD_BENCHMARKS))
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    # A100 and H100, and for newer ones the instructions of the latter to be translated by the driver.
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
    endif()
    enable_language(CUDA)
    set(DIFFARCH_CUDA_COMPILES ON)
  endif()
  diffarch_require(DIFFARCH_CUDA "${DIFFARCH_CUDA_COMPILES}" "nvcc (the variable CUDACXX may hold its path)")
endif()
message(STATUS "diffarch: programs and tests for CUDA compiled by nvcc: ${DIFFARCH_CUDA_COMPILES}")
# Whether the example programs are among them.
set(diffarch_programs_have_cuda OFF)
if(DIFFARCH_CUDA_COMPILES AND DIFFARCH_BUILD_EXAMPLES)
  if(DIFFARCH_CUDA_PROGRAMS)
    set(diffarch_programs_have_cuda ON)
  endif()
  message(STATUS "diffarch: example programs with --backend cuda: ${diffarch_programs_have_cuda}")
endif()
