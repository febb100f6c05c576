# The library's targets. diffarch::diffarch needs Eigen only; every other library has a target of its own, used by who
# includes the header that needs it:
#   diffarch::images    stb_image, stb_image_resize, stb_image_write: data/image_folder.hpp, io/png_grid.hpp
#   diffarch::zlib      zlib: data/idx.hpp
#   diffarch::json      nlohmann-json: io/safetensors.hpp
#   diffarch::onednn    oneDNN: nn/onednn_kernels.hpp, and makes its kernels the networks' default ones (else Eigen's)
# Linking one defines DIFFARCH_HAS_STB, DIFFARCH_HAS_ZLIB, DIFFARCH_HAS_JSON or DIFFARCH_HAS_ONEDNN, which adds those
# headers to diffarch/diffarch.hpp.
# A target whose library is not installed does not exist.

find_package(Eigen3 3.4 REQUIRED NO_MODULE)

add_library(diffarch INTERFACE)
add_library(diffarch::diffarch ALIAS diffarch)
target_compile_features(diffarch INTERFACE cxx_std_20)
target_include_directories(diffarch INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(diffarch INTERFACE Eigen3::Eigen)

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
  # A oneDNN built for OpenCL ends the configuration of everybody who finds it where OpenCL's headers are missing.
  find_path(DIFFARCH_ONEDNN_CONFIG dnnl-config.cmake
            PATH_SUFFIXES cmake/dnnl lib/cmake/dnnl lib/${CMAKE_LIBRARY_ARCHITECTURE}/cmake/dnnl)
  mark_as_advanced(DIFFARCH_ONEDNN_CONFIG)
  if(EXISTS "${DIFFARCH_ONEDNN_CONFIG}/FindOpenCL.cmake")
    find_package(OpenCL QUIET)
  endif()
  if(EXISTS "${DIFFARCH_ONEDNN_CONFIG}/FindOpenCL.cmake" AND NOT OpenCL_FOUND)
    message(STATUS "diffarch: oneDNN is installed but needs OpenCL (Debian: ocl-icd-opencl-dev): left out")
  else()
    find_package(dnnl QUIET CONFIG)
  endif()
endif()
diffarch_add_optional_target(onednn "${dnnl_FOUND}" DNNL::dnnl DIFFARCH_HAS_ONEDNN
                             "kernels of networks through oneDNN ${dnnl_VERSION}, else Eigen")
if(DIFFARCH_BF16 AND dnnl_FOUND)
  target_compile_definitions(diffarch_onednn INTERFACE DIFFARCH_BF16)
  message(STATUS "diffarch: convolutions in bf16, on CPUs that have it: ON")
elseif(DIFFARCH_BF16)
  message(WARNING "diffarch: DIFFARCH_BF16 has no effect without oneDNN")
endif()
