# cmake -DCOMPILER=... -DNM=... -DWORK_DIR=... "-DINCLUDES=a;b" "-DDEFINITIONS=A;B" -P check_light_headers.cmake
#
# A program that only includes <diffarch/diffarch.hpp>, with every optional library, instantiates no loop, product or sum of
# Eigen's and none of nlohmann-json's ordered objects: functions of the headers that use them are templates. g++ is told to
# keep every inline function, so that what they instantiate is among the symbols of the object.
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY "${WORK_DIR}")
list(FILTER INCLUDES EXCLUDE REGEX "^$")
list(FILTER DEFINITIONS EXCLUDE REGEX "^$")
list(TRANSFORM INCLUDES PREPEND "-I")
list(TRANSFORM DEFINITIONS PREPEND "-D")
set(work "Eigen::internal::(call_(dense_)?assignment|generic_product_impl|gebp_kernel|redux_impl)|nlohmann.*ordered_map")

# The symbols of a source file that match `work`, in `result`.
function(find_work name text result)
  file(WRITE "${WORK_DIR}/${name}.cpp" "${text}\n")
  execute_process(COMMAND "${COMPILER}" -std=c++20 -O0 -fkeep-inline-functions ${INCLUDES} ${DEFINITIONS}
                          -c "${WORK_DIR}/${name}.cpp" -o "${WORK_DIR}/${name}.o"
                  ERROR_VARIABLE errors RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the compiler failed:\n${errors}")
  endif()
  execute_process(COMMAND "${NM}" -C "${WORK_DIR}/${name}.o" COMMAND grep -E "${work}" OUTPUT_VARIABLE symbols
                  ERROR_VARIABLE errors)
  if(errors)
    message(FATAL_ERROR "nm or grep failed:\n${errors}")
  endif()
  string(REPLACE "\n" ";" symbols "${symbols}")
  set(${result} "${symbols}" PARENT_SCOPE)
endfunction()

find_work(uses_eigen "#include <Eigen/Core>\nEigen::MatrixXd f(Eigen::MatrixXd a) { return a * a; }" found)
if(found STREQUAL "")
  message(FATAL_ERROR "a product of Eigen's is not among the symbols: this check would find nothing")
endif()
find_work(includes_only "#include <diffarch/diffarch.hpp>" found)
if(NOT found STREQUAL "")
  list(LENGTH found count)
  list(SUBLIST found 0 4 first)
  list(JOIN first "\n  " first)
  message(FATAL_ERROR "including diffarch/diffarch.hpp instantiates ${count} functions, among them\n  ${first}\n"
                      "Make the function that uses them a template: of its scalar, or of types that depend on one "
                      "(detail::Dependent)")
endif()
