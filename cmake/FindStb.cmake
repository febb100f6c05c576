# Finds the single-file libraries of github.com/nothings/stb as Debian's libstb-dev installs them: headers and a
# library with the compiled code, so that no header of ours has to define an STB_..._IMPLEMENTATION.
# Defines Stb_FOUND and the target Stb::stb.
find_path(Stb_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
find_library(Stb_LIBRARY stb)
mark_as_advanced(Stb_INCLUDE_DIR Stb_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Stb REQUIRED_VARS Stb_LIBRARY Stb_INCLUDE_DIR)
if(Stb_FOUND AND NOT TARGET Stb::stb)
  add_library(Stb::stb UNKNOWN IMPORTED)
  set_target_properties(Stb::stb PROPERTIES IMPORTED_LOCATION "${Stb_LIBRARY}"
                                            INTERFACE_INCLUDE_DIRECTORIES "${Stb_INCLUDE_DIR}")
endif()
