# The target `docs`: the pages and the reference, build/<preset>/docs/html/index.html. It exists where Doxygen is found.
# Formulas are set by MathJax (Debian: libjs-mathjax), copied beside the pages.
find_program(DIFFARCH_DOXYGEN doxygen)
find_path(DIFFARCH_MATHJAX MathJax.js PATHS /usr/share/javascript/mathjax)
mark_as_advanced(DIFFARCH_DOXYGEN DIFFARCH_MATHJAX)
if(NOT DIFFARCH_DOXYGEN)
  message(STATUS "diffarch: no target docs (doxygen is missing)")
  return()
endif()

set(DIFFARCH_DOCS_DIR "${PROJECT_BINARY_DIR}/docs")
configure_file(cmake/doxygen/Doxyfile.in "${DIFFARCH_DOCS_DIR}/Doxyfile" @ONLY)

# A group for each room, with the words of the page that describes them.
set(architecture_page "${PROJECT_SOURCE_DIR}/.github/docs/architecture.md")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${architecture_page}")
set(groups "/** \\defgroup library library: version and umbrella header */\n/** \\namespace diffarch @brief The library. */\n")
foreach(inner IN ITEMS "nn Networks." "cuda The CUDA backend." "streams Numbers of random streams.")
  string(REGEX REPLACE "^([a-z]+) (.*)" "/** \\\\namespace diffarch::\\1 @brief \\2 */\n" inner "${inner}")
  string(APPEND groups "${inner}")
endforeach()
file(STRINGS "${architecture_page}" rows REGEX "^\\| `[a-z/]+` \\|")
foreach(row IN LISTS rows)
  string(REGEX MATCH "^\\| `([a-z/]+)` \\| *([^|]*[^| ]) *\\|" matched "${row}")
  string(REPLACE "/" "_" group "${CMAKE_MATCH_1}")
  string(APPEND groups "/** \\defgroup ${group} ${CMAKE_MATCH_1}: ${CMAKE_MATCH_2} */\n")
endforeach()
file(CONFIGURE OUTPUT "${DIFFARCH_DOCS_DIR}/groups.dox" CONTENT "${groups}" @ONLY)

set(settings "-DDOXYGEN=${DIFFARCH_DOXYGEN}" "-DDOXYFILE=${DIFFARCH_DOCS_DIR}/Doxyfile" "-DOUT=${DIFFARCH_DOCS_DIR}")
set(script "${PROJECT_SOURCE_DIR}/cmake/doxygen/run_doxygen.cmake")
set(diffarch_run_doxygen "${CMAKE_COMMAND}" ${settings} "-DMATHJAX=${DIFFARCH_MATHJAX}" -P "${script}")
set(diffarch_run_doxygen_for_names "${CMAKE_COMMAND}" ${settings} -DUNDOCUMENTED=ON -P "${script}")
add_custom_target(docs COMMAND ${diffarch_run_doxygen} VERBATIM)
