# cmake -DPROGRAM=... -DARGUMENTS=a,b,c -DOUT=folder -P kill_and_resume.cmake
#
# Trains once without interruption, and once killed ten times at random moments, with SIGKILL and, every third time, with
# SIGINT, each time resumed. Both must end in byte for byte the same weights; SIGINT must end in a message and status
# 130. ARGUMENTS must train for some seconds and ask for frequent checkpoints.
string(REPLACE "," ";" ARGUMENTS "${ARGUMENTS}")
file(REMOVE_RECURSE "${OUT}")
set(ENV{NO_COLOR} 1)

execute_process(COMMAND "${PROGRAM}" ${ARGUMENTS} --train-only --out "${OUT}/whole" RESULT_VARIABLE status
                OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "status ${status} of the run without interruption\n${output}")
endif()

set(command "${PROGRAM}" ${ARGUMENTS} --train-only --resume --out "${OUT}/killed")
set(interruptions 0)
foreach(attempt RANGE 1 10)
  string(RANDOM LENGTH 1 ALPHABET 1234567 tenths)
  string(RANDOM LENGTH 2 ALPHABET 0123456789 fraction)
  math(EXPR is_interrupt "${attempt} % 3")
  if(is_interrupt EQUAL 0)
    set(signal INT)
  else()
    set(signal KILL)
  endif()
  execute_process(COMMAND timeout -s ${signal} "0.${tenths}${fraction}" ${command} RESULT_VARIABLE status
                  OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  message(STATUS "SIG${signal} after 0.${tenths}${fraction} s: status ${status}")
  if(status EQUAL 0)
    continue()  # it was faster
  endif()
  math(EXPR interruptions "${interruptions} + 1")
  # timeout's own status: 124, or 137 when it killed. Anything else is the program's, and wrong.
  if(NOT status MATCHES "^(124|137)$|Killed|killed")
    message(FATAL_ERROR "status ${status}\n${output}${errors}")
  endif()
  if(signal STREQUAL "INT" AND NOT errors MATCHES "stopped in level .*--resume")
    # Before the training began nobody listens yet: then there must be no message at all.
    if(errors MATCHES "error")
      message(FATAL_ERROR "SIGINT ended in\n${errors}")
    endif()
  endif()
endforeach()
if(interruptions LESS 3)
  message(FATAL_ERROR "only ${interruptions} of ten runs were interrupted: train longer")
endif()

execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "status ${status} of the last run\n${output}")
endif()
file(GLOB_RECURSE expected RELATIVE "${OUT}/whole/weights" "${OUT}/whole/weights/*")
file(GLOB_RECURSE found RELATIVE "${OUT}/killed/weights" "${OUT}/killed/weights/*")
if(NOT expected STREQUAL found)
  message(FATAL_ERROR "files differ: expected ${expected}, found ${found}")
endif()
foreach(name IN LISTS expected)
  file(SHA256 "${OUT}/whole/weights/${name}" whole)
  file(SHA256 "${OUT}/killed/weights/${name}" killed)
  if(NOT whole STREQUAL killed)
    message(FATAL_ERROR "${name} differs after ${interruptions} interruptions")
  endif()
endforeach()
list(LENGTH expected count)
message(STATUS "${count} files are the same after ${interruptions} interruptions")
