# Sets `variable` to a python3 that can import the packages (a list as in `import a, b`), Debian's if that on the PATH
# cannot; or to nothing.
function(diffarch_find_python variable packages)
  set(${variable} "" PARENT_SCOPE)
  foreach(candidate python3 /usr/bin/python3)
    execute_process(COMMAND ${candidate} -c "import ${packages}" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed EQUAL 0)
      set(${variable} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# diffarch_add_python_test(name packages debian_package ARGUMENT...): a test that runs Python, with these arguments, where
# a Python has the packages; else a visible skip that names the Debian package.
function(diffarch_add_python_test name packages debian_package)
  diffarch_find_python(python "${packages}")
  if(python)
    # Debian's NumPy and PyTorch may run on OpenBLAS: it should choose its own kernels.
    add_test(NAME ${name} COMMAND "${CMAKE_COMMAND}" -E env --unset=OPENBLAS_CORETYPE ${python} ${ARGN})
  else()
    diffarch_add_skipped_test(${name} "no python3 with ${packages} (${debian_package})")
  endif()
endfunction()

# A test that only says why it is none.
function(diffarch_add_skipped_test name reason)
  add_test(NAME ${name} COMMAND "${CMAKE_COMMAND}" -E echo "SKIPPED: ${reason}")
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED")
endfunction()
