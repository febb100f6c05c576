# Configures, builds and runs a project that uses diffarch, in the folder WORK_DIR, which is emptied first.
#   CONSUMER_DIR                              the project; makes the program `consumer` at the top of its build folder
#   INSTALL_FROM, INSTALL_CONFIG              build folder, and configuration of it, to install into WORK_DIR/prefix, for
#                                             find_package; or
#   DIFFARCH_SOURCE_DIR                       source tree, for add_subdirectory
#   GENERATOR, COMPILER, FLAGS, BUILD_TYPE    of the configuration; Debug without what a debugger needs, to compile fast
#   ARGUMENTS                                 further arguments of the configuration
#   REFUSAL                                   the configuration must fail with this message (a regular expression, blanks
#                                             stand for any white space), and nothing is built
#   CONFIGURE_ONLY                            nothing is built
file(REMOVE_RECURSE "${WORK_DIR}")
if(INSTALL_FROM)
  execute_process(COMMAND "${CMAKE_COMMAND}" --install "${INSTALL_FROM}" --prefix "${WORK_DIR}/prefix"
                          --config "${INSTALL_CONFIG}"
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND ARGUMENTS "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix")
else()
  list(APPEND ARGUMENTS "-DDIFFARCH_SOURCE_DIR=${DIFFARCH_SOURCE_DIR}")
endif()
set(configure "${CMAKE_COMMAND}" -S "${CONSUMER_DIR}" -B "${WORK_DIR}/build" -G "${GENERATOR}"
              "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}"
              -DCMAKE_CXX_FLAGS_DEBUG=-O0 ${ARGUMENTS})
if(REFUSAL)
  execute_process(COMMAND ${configure} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
  string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
  if(status EQUAL 0 OR NOT errors MATCHES "${REFUSAL}")
    message(FATAL_ERROR "expected the configuration to fail with '${REFUSAL}', got ${status}: ${errors}")
  endif()
  return()
endif()
execute_process(COMMAND ${configure} COMMAND_ERROR_IS_FATAL ANY)
if(CONFIGURE_ONLY)
  return()
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" --config "${BUILD_TYPE}"
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${WORK_DIR}/build/consumer" WORKING_DIRECTORY "${WORK_DIR}" COMMAND_ERROR_IS_FATAL ANY)
