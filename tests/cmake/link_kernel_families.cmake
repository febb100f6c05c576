# Programs of two source files that make the same network. With one family of kernels for networks they link; with two
# the linker refuses them, and its message says which two.
#   COMPILER             of all files
#   FLAGS, LIBRARIES     lists, their elements separated by |
#   SOURCE_DIR           tests/kernel_families
#   WORK_DIR             emptied first
#   FAMILIES             a list, too: NAME=DEFINITION[,DEFINITION ...]
foreach(list IN ITEMS FLAGS LIBRARIES FAMILIES)
  string(REPLACE "|" ";" ${list} "${${list}}")
endforeach()
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}")

function(compile object source)
  execute_process(COMMAND "${COMPILER}" -std=c++20 -O0 ${FLAGS} ${ARGN} -c "${SOURCE_DIR}/${source}" -o "${object}"
                  WORKING_DIRECTORY "${WORK_DIR}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(names "")
foreach(family IN LISTS FAMILIES)
  string(REGEX MATCH "^([a-z0-9_]+)=(.*)$" family "${family}")
  set(name "${CMAKE_MATCH_1}")
  string(REPLACE "," ";" definitions "${CMAKE_MATCH_2}")
  list(TRANSFORM definitions PREPEND "-D")
  compile(${name}.o part.cpp ${definitions} -DPART=${name})
  if(NOT names)
    compile(${name}_again.o part.cpp ${definitions} -DPART=${name}_again)
    compile(bystander.o bystander.cpp ${definitions})
  endif()
  list(APPEND names ${name})
endforeach()

function(link_pair first second)
  compile(main.o main.cpp -DFIRST=${first} -DSECOND=${second})
  execute_process(COMMAND "${COMPILER}" main.o ${first}.o ${second}.o ${LIBRARIES} -o "${first}_${second}"
                  WORKING_DIRECTORY "${WORK_DIR}" RESULT_VARIABLE status ERROR_VARIABLE errors)
  set(status "${status}" PARENT_SCOPE)
  set(errors "${errors}" PARENT_SCOPE)
endfunction()

list(GET names 0 first)
link_pair(${first} ${first}_again)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "one family of kernels in two source files does not link: ${errors}")
endif()
execute_process(COMMAND "${WORK_DIR}/${first}_${first}_again" COMMAND_ERROR_IS_FATAL ANY)

# A file that includes a family and makes no network goes with every other.
foreach(name IN LISTS names)
  link_pair(bystander ${name})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "a file that makes no network does not link with ${name}: ${errors}")
  endif()
endforeach()

while(names)
  list(POP_FRONT names first)
  foreach(second IN LISTS names)
    link_pair(${first} ${second})
    if(status EQUAL 0 OR NOT errors MATCHES "some_source_files_[a-zA-Z0-9_]*_and_others_[a-zA-Z0-9_]*")
      message(FATAL_ERROR "${first} and ${second} in one program: expected the linker to name both, got ${status}: ${errors}")
    endif()
    message(STATUS "${first} and ${second}: ${CMAKE_MATCH_0}")
  endforeach()
endwhile()
