# cmake -DPROGRAM=... -DARGUMENTS=a,b,c -DOUT=folder [-DMESSAGE=regex] [-DFILES=a,b] [-DFILE_SIZE=n] [-DMAY_LEAVE=regex] -P run_program.cmake
#
# With MESSAGE: the program must exit with a non-zero status, print exactly one line on stderr that matches the regular
# expression, and leave no file in OUT. Without: it must succeed and have written FILES, none of them empty.
# With both, either will do: what needs hardware says so where there is none.
# MAY_LEAVE: such files, whole ones, may be left by a failure (regular expression).
# FILE_SIZE: no file may become larger, in KiB, as on a full disk.
# --out OUT is added to the arguments, unless they name a file by --output.
string(REPLACE "," ";" ARGUMENTS "${ARGUMENTS}")
string(REPLACE "," ";" FILES "${FILES}")
file(REMOVE_RECURSE "${OUT}")
set(ENV{NO_COLOR} 1)
if(NOT ARGUMENTS MATCHES "(^|;)--output;")
  list(APPEND ARGUMENTS --out "${OUT}")
endif()
set(command "${PROGRAM}")
if(DEFINED FILE_SIZE)
  # No semicolon, which would end an element of the list.
  set(command sh -c "trap '' XFSZ && ulimit -f $((2 * ${FILE_SIZE})) && exec \"$0\" \"$@\"" "${PROGRAM}")
endif()
execute_process(COMMAND ${command} ${ARGUMENTS} RESULT_VARIABLE status OUTPUT_VARIABLE output
                ERROR_VARIABLE errors)
if(MESSAGE AND NOT (FILES AND status EQUAL 0))
  string(REGEX REPLACE "\n$" "" errors "${errors}")
  if(status EQUAL 0 OR NOT status MATCHES "^[0-9]+$")
    message(FATAL_ERROR "expected a failure, got status ${status}\n${output}${errors}")
  endif()
  if(errors MATCHES "\n")
    message(FATAL_ERROR "expected one line on stderr, got:\n${errors}")
  endif()
  if(NOT errors MATCHES "${MESSAGE}")
    message(FATAL_ERROR "expected a message that matches '${MESSAGE}', got:\n${errors}")
  endif()
  file(GLOB_RECURSE left "${OUT}/*")
  if(DEFINED MAY_LEAVE)
    list(FILTER left EXCLUDE REGEX "${MAY_LEAVE}")
  endif()
  if(left)
    message(FATAL_ERROR "files left behind: ${left}")
  endif()
else()
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "status ${status}\n${output}${errors}")
  endif()
  foreach(file ${FILES})
    if(NOT EXISTS "${OUT}/${file}")
      message(FATAL_ERROR "${OUT}/${file} was not written\n${output}${errors}")
    endif()
    file(SIZE "${OUT}/${file}" size)
    if(size EQUAL 0)
      message(FATAL_ERROR "${OUT}/${file} is empty")
    endif()
  endforeach()
endif()
