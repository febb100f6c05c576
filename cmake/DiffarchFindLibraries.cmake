# How the build and the installed package look for optional libraries that plain find_package does not find safely.

# Sets dnnl_FOUND and the target DNNL::dnnl. A oneDNN built for OpenCL ends the configuration of everybody who finds it
# where OpenCL is missing: it counts as not found there.
macro(diffarch_find_onednn)
  find_path(DIFFARCH_ONEDNN_CONFIG dnnl-config.cmake
            PATH_SUFFIXES cmake/dnnl lib/cmake/dnnl "lib/${CMAKE_LIBRARY_ARCHITECTURE}/cmake/dnnl")
  mark_as_advanced(DIFFARCH_ONEDNN_CONFIG)
  if(EXISTS "${DIFFARCH_ONEDNN_CONFIG}/FindOpenCL.cmake")
    find_package(OpenCL QUIET)
  endif()
  if(EXISTS "${DIFFARCH_ONEDNN_CONFIG}/FindOpenCL.cmake" AND NOT OpenCL_FOUND)
    message(STATUS "diffarch: oneDNN is installed but needs OpenCL (Debian: ocl-icd-opencl-dev): left out")
    set(dnnl_FOUND OFF)
  else()
    find_package(dnnl QUIET CONFIG)
  endif()
endmacro()

# Sets MPI_CXX_FOUND and the target MPI::MPI_CXX, without the C++ bindings that MPI has given up.
macro(diffarch_find_mpi)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
endmacro()

# Sets cudnn_FOUND and the target CUDNN::cudnn. cuDNN has no package of its own for CMake: it lies in the
# toolkit's folders or the system's.
macro(diffarch_find_cudnn)
  find_path(DIFFARCH_CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(DIFFARCH_CUDNN_LIBRARY cudnn HINTS "${CUDAToolkit_LIBRARY_DIR}")
  mark_as_advanced(DIFFARCH_CUDNN_INCLUDE_DIR DIFFARCH_CUDNN_LIBRARY)
  set(cudnn_FOUND OFF)
  if(DIFFARCH_CUDNN_INCLUDE_DIR AND DIFFARCH_CUDNN_LIBRARY)
    set(cudnn_FOUND ON)
    if(NOT TARGET CUDNN::cudnn)
      add_library(CUDNN::cudnn UNKNOWN IMPORTED)
      set_target_properties(
        CUDNN::cudnn PROPERTIES IMPORTED_LOCATION "${DIFFARCH_CUDNN_LIBRARY}"
                                          INTERFACE_INCLUDE_DIRECTORIES "${DIFFARCH_CUDNN_INCLUDE_DIR}")
    endif()
  endif()
endmacro()
