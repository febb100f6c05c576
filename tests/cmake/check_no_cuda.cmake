# cmake -DCOMPILER=... -DSOURCE_DIR=... -DWORK_DIR=... "-DINCLUDES=a;b" "-DDEFINITIONS=A;B" -P check_no_cuda.cmake
#
# A program that includes <diffarch/diffarch.hpp>, with every optional library, must reach no header of the CUDA backend
# or of the CUDA toolkit.
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY "${WORK_DIR}")
file(WRITE "${WORK_DIR}/reaches_no_cuda.cpp" "#include <diffarch/diffarch.hpp>\n")
list(FILTER INCLUDES EXCLUDE REGEX "^$")
list(FILTER DEFINITIONS EXCLUDE REGEX "^$")
list(TRANSFORM INCLUDES PREPEND "-I")
list(TRANSFORM DEFINITIONS PREPEND "-D")
execute_process(COMMAND "${COMPILER}" -std=c++20 -M ${INCLUDES} ${DEFINITIONS} "${WORK_DIR}/reaches_no_cuda.cpp"
                OUTPUT_VARIABLE headers ERROR_VARIABLE errors RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the preprocessor failed:\n${errors}")
endif()
string(REGEX REPLACE "[ \\\n]+" ";" headers "${headers}")
list(LENGTH headers count)
if(NOT headers MATCHES "diffarch/core/batch.hpp" OR count LESS 100)
  message(FATAL_ERROR "expected a list of headers, got ${count}: ${headers}")
endif()
set(reached "")
foreach(header IN LISTS headers)
  # The source tree may lie anywhere.
  string(REPLACE "${SOURCE_DIR}" "" below "${header}")
  if(below MATCHES "diffarch/cuda/|cuda_runtime|cublas|cusolver|cudnn|cuda\\.h|crt/host_")
    list(APPEND reached "${header}")
  endif()
endforeach()
if(reached)
  message(FATAL_ERROR "diffarch/diffarch.hpp reaches headers of CUDA: ${reached}")
endif()
message("${count} headers, none of CUDA")
