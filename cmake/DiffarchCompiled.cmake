# The target diffarch::compiled: the heaviest templates, compiled once instead of in every program (what headers declare
# `extern template` where DIFFARCH_COMPILED is defined). Eigen aligns arrays by the instructions that it is compiled for: a
# program that is compiled for others (-march=native) is not linked with it. A project that has its own instructions takes
# diffarch by add_subdirectory or FetchContent, which compile the library with the project's flags.
add_library(diffarch_compiled STATIC "${CMAKE_CURRENT_LIST_DIR}/compiled_algebra.cpp"
                                     "${CMAKE_CURRENT_LIST_DIR}/compiled_models.cpp")
add_library(diffarch::compiled ALIAS diffarch_compiled)
target_link_libraries(diffarch_compiled PUBLIC diffarch::diffarch)
target_compile_definitions(diffarch_compiled PUBLIC DIFFARCH_COMPILED)
if(NOT PROJECT_IS_TOP_LEVEL OR NOT DIFFARCH_INSTALL)
  set_target_properties(diffarch_compiled PROPERTIES EXCLUDE_FROM_ALL TRUE)
endif()
