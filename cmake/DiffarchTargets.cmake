# The library's targets. diffarch::diffarch needs Eigen only; every other library has a target of its own, used by who
# includes the header that needs it:
#   diffarch::images    stb_image, stb_image_resize, stb_image_write: data/image_folder.hpp, io/png_grid.hpp
#   diffarch::zlib      zlib: data/idx.hpp
#   diffarch::json      nlohmann-json: io/safetensors.hpp
#   diffarch::onednn    oneDNN: nn/onednn_kernels.hpp, and makes its kernels the networks' default ones (else Eigen's)
#   diffarch::mpi       MPI, beside nlohmann-json: mpi/
#   diffarch::cuda      the CUDA toolkit: cuda/, in source files that nvcc compiles (LANGUAGE CUDA)
#   diffarch::cudnn     cuDNN beside it: convolutions of networks on the device by cuDNN, else by matrix products
# Linking one defines DIFFARCH_HAS_STB, DIFFARCH_HAS_ZLIB, DIFFARCH_HAS_JSON, DIFFARCH_HAS_ONEDNN or DIFFARCH_HAS_MPI,
# which adds those headers to diffarch/diffarch.hpp. The CUDA backend has a header of its own, diffarch/cuda/cuda.hpp.
# A target whose library is not installed does not exist. diffarch::compiled needs none: DiffarchCompiled.cmake.

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
if(DIFFARCH_OPENMP)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(OpenMP_CXX_FOUND)
    # If it exists: the installed package is also usable where the compiler has no OpenMP.
    target_link_libraries(diffarch INTERFACE $<TARGET_NAME_IF_EXISTS:OpenMP::OpenMP_CXX>)
    set(diffarch_uses_openmp ON)
  endif()
endif()
message(STATUS "diffarch: OpenMP threads: ${diffarch_uses_openmp}")

if(DIFFARCH_BLAS)
  find_package(BLAS REQUIRED)
  target_link_libraries(diffarch INTERFACE BLAS::BLAS)
  target_compile_definitions(diffarch INTERFACE EIGEN_USE_BLAS)
  message(STATUS "diffarch: Eigen's products through BLAS: ${BLAS_LIBRARIES}")
endif()

# The target diffarch::<name> for one optional library, when its package was found.
function(diffarch_add_optional_target name found library definition purpose)
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

find_package(Stb QUIET)
diffarch_add_optional_target(images "${Stb_FOUND}" Stb::stb DIFFARCH_HAS_STB "PNG and JPEG images through stb")
find_package(ZLIB QUIET)
diffarch_add_optional_target(zlib "${ZLIB_FOUND}" ZLIB::ZLIB DIFFARCH_HAS_ZLIB "IDX.gz files through zlib")
find_package(nlohmann_json QUIET)
diffarch_add_optional_target(json "${nlohmann_json_FOUND}" nlohmann_json::nlohmann_json DIFFARCH_HAS_JSON
                             "safetensors files and trainings in folders through nlohmann-json")

set(dnnl_FOUND OFF)
if(DIFFARCH_ONEDNN)
  diffarch_find_onednn()
endif()
diffarch_add_optional_target(onednn "${dnnl_FOUND}" DNNL::dnnl DIFFARCH_HAS_ONEDNN
                             "kernels of networks through oneDNN ${dnnl_VERSION}, else Eigen")
if(DIFFARCH_BF16 AND dnnl_FOUND)
  target_compile_definitions(diffarch_onednn INTERFACE DIFFARCH_BF16)
  message(STATUS "diffarch: convolutions in bf16, on CPUs that have it: ON")
elseif(DIFFARCH_BF16)
  message(WARNING "diffarch: DIFFARCH_BF16 has no effect without oneDNN")
endif()

set(diffarch_finds_mpi OFF)
if(DIFFARCH_MPI AND TARGET diffarch::json)
  diffarch_find_mpi()
  set(diffarch_finds_mpi ${MPI_CXX_FOUND})
endif()
diffarch_add_optional_target(mpi "${diffarch_finds_mpi}" "diffarch_json;MPI::MPI_CXX" DIFFARCH_HAS_MPI
                             "trainings shared by several processes through MPI")

find_package(CUDAToolkit QUIET)
diffarch_add_optional_target(cuda "${CUDAToolkit_FOUND}" "CUDA::cublas;CUDA::cusolver;CUDA::cudart" DIFFARCH_HAS_CUDA
                             "the CUDA backend, toolkit ${CUDAToolkit_VERSION}")
if(CUDAToolkit_FOUND)
  # CMake 3.25 knows no C++20 of nvcc 13. constexpr functions are device functions; Eigen stays on the host.
  set(diffarch_nvcc_options -std=c++20 --expt-relaxed-constexpr -DEIGEN_NO_CUDA)
  list(JOIN diffarch_nvcc_options " " diffarch_options)
  target_compile_options(diffarch_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:${diffarch_options}>")
endif()

set(cudnn_FOUND OFF)
if(CUDAToolkit_FOUND)
  diffarch_find_cudnn()
endif()
diffarch_add_optional_target(cudnn "${cudnn_FOUND}" "diffarch_cuda;CUDNN::cudnn" DIFFARCH_HAS_CUDNN
                             "convolutions on the device through cuDNN, else matrix products")
if(DIFFARCH_TF32 AND cudnn_FOUND)
  target_compile_definitions(diffarch_cudnn INTERFACE DIFFARCH_TF32)
  message(STATUS "diffarch: convolutions on the device in TF32: ON")
elseif(DIFFARCH_TF32)
  message(WARNING "diffarch: DIFFARCH_TF32 has no effect without cuDNN")
endif()

# Whether our own programs and tests for CUDA are compiled. Says what a machine without nvcc leaves out.
set(DIFFARCH_CUDA_COMPILES OFF)
if(NOT DIFFARCH_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND)
    # A100 and H100, and for newer ones the instructions of the latter to be translated by the driver.
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
    endif()
    enable_language(CUDA)
    set(DIFFARCH_CUDA_COMPILES ON)
  elseif(DIFFARCH_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DIFFARCH_CUDA is ON, but nvcc or the CUDA toolkit was not found; set CUDACXX to nvcc's path")
  endif()
endif()
message(STATUS "diffarch: programs and tests for CUDA compiled by nvcc: ${DIFFARCH_CUDA_COMPILES}")
