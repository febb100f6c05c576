# cmake -DPROGRAM=... -DARGUMENTS=a,b,c -DOUT=folder -P compare_backends.cmake
#
# The program prints the same numbers with --backend cpu and --backend cuda.
string(REPLACE "," ";" ARGUMENTS "${ARGUMENTS}")
set(ENV{NO_COLOR} 1)
foreach(backend cpu cuda)
  file(REMOVE_RECURSE "${OUT}")
  execute_process(COMMAND "${PROGRAM}" ${ARGUMENTS} --backend ${backend} --out "${OUT}" RESULT_VARIABLE status
                  OUTPUT_VARIABLE ${backend} ERROR_VARIABLE errors)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "--backend ${backend}: status ${status}\n${${backend}}${errors}")
  endif()
endforeach()
if(NOT cpu STREQUAL cuda)
  message(FATAL_ERROR "with --backend cpu:\n${cpu}\nwith --backend cuda:\n${cuda}")
endif()
