# Untested: see ../../README.md. The port lies in the source tree that it installs.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)
set(switches "")
foreach(feature IN ITEMS json onednn zlib)
  string(TOUPPER "DIFFARCH_${feature}" switch)
  if(feature IN_LIST FEATURES)
    list(APPEND switches "-D${switch}=ON")
  else()
    list(APPEND switches "-D${switch}=OFF")
  endif()
endforeach()
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${switches} -DDIFFARCH_STB=OFF -DDIFFARCH_MPI=OFF -DDIFFARCH_CUDA=OFF -DDIFFARCH_CUDNN=OFF
          -DDIFFARCH_BUILD_TESTS=OFF -DDIFFARCH_BUILD_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME diffarch CONFIG_PATH share/cmake/diffarch)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
