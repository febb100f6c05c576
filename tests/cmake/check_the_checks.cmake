# cmake -DWORK_DIR=<folder> -P check_the_checks.cmake
# check_rooms.cmake and check_headers.cmake pass a small tree that keeps their rules, and name each violation planted in it.
cmake_minimum_required(VERSION 3.25)

# The tree: `core` knows nobody, `solver` knows core.
function(plant)
  file(REMOVE_RECURSE "${WORK_DIR}")
  file(WRITE "${WORK_DIR}/.github/docs/architecture.md"
       "| Room | What is in it | May include |\n|---|---|---|\n| `core` | a | nothing |\n| `solver` | b | `core` |\n")
  file(WRITE "${WORK_DIR}/include/diffarch/core/a.hpp" "#pragma once\n#define DIFFARCH_A 1\n")
  file(WRITE "${WORK_DIR}/include/diffarch/solver/b.hpp" "#pragma once\n#include \"diffarch/core/a.hpp\"\n")
endfunction()

function(expect script message)
  execute_process(COMMAND "${CMAKE_COMMAND}" "-DSOURCE_DIR=${WORK_DIR}" -P "${CMAKE_CURRENT_LIST_DIR}/${script}.cmake"
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  if(message STREQUAL "" AND NOT status EQUAL 0)
    message(FATAL_ERROR "${script}: expected success, got: ${output}")
  elseif(NOT message STREQUAL "" AND (status EQUAL 0 OR NOT output MATCHES "${message}"))
    message(FATAL_ERROR "${script}: expected the failure '${message}', got ${status}: ${output}")
  endif()
endfunction()

plant()
expect(check_rooms "")
expect(check_headers "")

file(APPEND "${WORK_DIR}/include/diffarch/core/a.hpp" "# include <diffarch/solver/b.hpp>\n")
expect(check_rooms "diffarch/core/a.hpp includes diffarch/solver/b.hpp, but core may not include solver")

plant()
file(APPEND "${WORK_DIR}/include/diffarch/core/a.hpp" "#include \"diffarch/diffarch.hpp\"\n")
expect(check_rooms "includes diffarch/diffarch.hpp, which belongs to no room")

plant()
file(WRITE "${WORK_DIR}/include/diffarch/nn/c.hpp" "#pragma once\n")
expect(check_rooms "include/diffarch/nn is not in the table")

# A folder without a row belongs to the room around it; one with a row is a room of its own, and part of it from outside.
plant()
file(WRITE "${WORK_DIR}/include/diffarch/solver/family/c.hpp" "#pragma once\n#include \"diffarch/solver/b.hpp\"\n")
file(APPEND "${WORK_DIR}/include/diffarch/solver/b.hpp" "#include \"diffarch/solver/family/c.hpp\"\n")
expect(check_rooms "")
file(APPEND "${WORK_DIR}/.github/docs/architecture.md" "| `solver/family` | c | `solver` |\n")
expect(check_rooms "diffarch/solver/b.hpp includes diffarch/solver/family/c.hpp, but solver may not include solver/family")
file(APPEND "${WORK_DIR}/.github/docs/architecture.md" "| `io` | d | `core` `solver` |\n")
file(WRITE "${WORK_DIR}/include/diffarch/solver/b.hpp" "#pragma once\n")
file(WRITE "${WORK_DIR}/include/diffarch/io/d.hpp" "#pragma once\n#include \"diffarch/solver/family/c.hpp\"\n")
expect(check_rooms "")

plant()
file(WRITE "${WORK_DIR}/.github/docs/architecture.md" "| `core` | a | `solver` |\n| `solver` | b | `core` |\n")
expect(check_rooms "make a circle, or lead to no room: core, solver")

plant()
file(APPEND "${WORK_DIR}/include/diffarch/core/a.hpp" "#define LEAKED(x) x\n")
expect(check_headers "diffarch/core/a.hpp defines the macro LEAKED")

plant()
file(APPEND "${WORK_DIR}/include/diffarch/core/a.hpp" "namespace diffarch {\nusing namespace std;\n}\n")
expect(check_headers "diffarch/core/a.hpp has a using namespace")

plant()
string(REPEAT "// a line\n" 400 lines)
file(APPEND "${WORK_DIR}/include/diffarch/core/a.hpp" "${lines}")
expect(check_headers "diffarch/core/a.hpp has 402 lines")
