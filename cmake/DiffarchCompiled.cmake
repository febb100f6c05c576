# The target diffarch::compiled: the heaviest templates, compiled once instead of in every program (what headers declare
# `extern template` where DIFFARCH_COMPILED is defined). It is built in the project that links it, because Eigen aligns
# arrays by the instructions it is compiled for: set these for the project (CMAKE_CXX_FLAGS, add_compile_options), or a
# program whose own are others is not linked. Included by the build and by the installed package.
if(NOT TARGET diffarch_compiled)
  add_library(diffarch_compiled STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/compiled_algebra.cpp"
                                                        "${CMAKE_CURRENT_LIST_DIR}/compiled_models.cpp")
  add_library(diffarch::compiled ALIAS diffarch_compiled)
  target_link_libraries(diffarch_compiled PUBLIC diffarch::diffarch)
  target_compile_definitions(diffarch_compiled PUBLIC DIFFARCH_COMPILED)
endif()
