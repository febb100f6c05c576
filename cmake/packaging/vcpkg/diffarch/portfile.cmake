# Untested: see ../../README.md. The port lies in the source tree that it installs.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)
set(switches "")
foreach(pair IN ITEMS json:nlohmann_json onednn:dnnl zlib:ZLIB)
  string(REGEX REPLACE ":.*" "" feature "${pair}")
  string(REGEX REPLACE ".*:" "" package "${pair}")
  if(NOT feature IN_LIST FEATURES)
    list(APPEND switches "-DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON")
  endif()
endforeach()
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${switches} -DCMAKE_DISABLE_FIND_PACKAGE_Stb=ON -DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON
          -DDIFFARCH_BUILD_TESTS=OFF -DDIFFARCH_BUILD_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME diffarch CONFIG_PATH share/cmake/diffarch)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
