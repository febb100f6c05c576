# cmake -DCOMMAND=a,b,c -DMESSAGE=regex [-DSTATUS=regex] -DOUT=folder [-DKEEPS=ON] -P mpi_failure.cmake
#
# The command (mpirun ... program ...) must fail, and exactly one line on stderr must be the program's message, which
# matches the regular expression. With KEEPS a checkpoint must be left in OUT, in one of
# five runs at least, since a process may fail before another has one; without it no file may be.
string(REPLACE "," ";" COMMAND "${COMMAND}")
if(NOT STATUS)
  set(STATUS "[1-9][0-9]*")
endif()
set(ENV{NO_COLOR} 1)
foreach(attempt RANGE 1 5)
  file(REMOVE_RECURSE "${OUT}")
  execute_process(COMMAND ${COMMAND} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT status MATCHES "^(${STATUS})$")
    message(FATAL_ERROR "status ${status}, expected ${STATUS}\n${output}${errors}")
  endif()
  string(REPLACE ";" "." errors "${errors}")  # or a message would be several elements of a list
  string(REGEX MATCHALL "[^\n]*(error:|--resume|not expected)[^\n]*" messages "${errors}")
  list(LENGTH messages count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "expected one message, got ${count}:\n${errors}")
  endif()
  if(NOT messages MATCHES "${MESSAGE}")
    message(FATAL_ERROR "expected a message that matches '${MESSAGE}', got:\n${messages}")
  endif()
  file(GLOB_RECURSE left "${OUT}/*")
  if(NOT KEEPS AND left)
    message(FATAL_ERROR "files left behind: ${left}")
  endif()
  if(NOT KEEPS OR left MATCHES "checkpoint.safetensors")
    return()
  endif()
endforeach()
message(FATAL_ERROR "no checkpoint was kept: ${left}")
