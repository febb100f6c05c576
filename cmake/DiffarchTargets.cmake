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

find_package(Stb QUIET)
if(Stb_FOUND)
  add_library(diffarch_images INTERFACE)
  add_library(diffarch::images ALIAS diffarch_images)
  target_link_libraries(diffarch_images INTERFACE diffarch Stb::stb)
  target_compile_definitions(diffarch_images INTERFACE DIFFARCH_HAS_STB)
endif()
message(STATUS "diffarch: PNG and JPEG images through stb: ${Stb_FOUND}")

find_package(ZLIB QUIET)
if(ZLIB_FOUND)
  add_library(diffarch_zlib INTERFACE)
  add_library(diffarch::zlib ALIAS diffarch_zlib)
  target_link_libraries(diffarch_zlib INTERFACE diffarch ZLIB::ZLIB)
  target_compile_definitions(diffarch_zlib INTERFACE DIFFARCH_HAS_ZLIB)
endif()
message(STATUS "diffarch: IDX.gz files through zlib: ${ZLIB_FOUND}")

find_package(nlohmann_json QUIET)
if(nlohmann_json_FOUND)
  add_library(diffarch_json INTERFACE)
  add_library(diffarch::json ALIAS diffarch_json)
  target_link_libraries(diffarch_json INTERFACE diffarch nlohmann_json::nlohmann_json)
  target_compile_definitions(diffarch_json INTERFACE DIFFARCH_HAS_JSON)
endif()
message(STATUS "diffarch: safetensors files through nlohmann-json: ${nlohmann_json_FOUND}")

set(dnnl_FOUND OFF)
if(DIFFARCH_ONEDNN)
  find_package(dnnl QUIET CONFIG)
endif()
if(dnnl_FOUND)
  add_library(diffarch_onednn INTERFACE)
  add_library(diffarch::onednn ALIAS diffarch_onednn)
  target_link_libraries(diffarch_onednn INTERFACE diffarch DNNL::dnnl)
  target_compile_definitions(diffarch_onednn INTERFACE DIFFARCH_HAS_ONEDNN)
  message(STATUS "diffarch: kernels of networks: oneDNN ${dnnl_VERSION}")
else()
  message(STATUS "diffarch: kernels of networks: Eigen (oneDNN: ${dnnl_FOUND})")
endif()
