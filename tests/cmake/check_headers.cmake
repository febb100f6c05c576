# cmake -DSOURCE_DIR=<repository> -P check_headers.cmake
# What a header must not do to the program that includes it: define a macro that is not DIFFARCH_..., have a
# `using namespace` outside of a function (clang-format leaves what is in a namespace at the start of the line). And it has
# one idea, so at most 400 lines, except for:
cmake_minimum_required(VERSION 3.25)
set(longer_with_reason
    # One fit, its cross-validation and its negative form share the same factorisation.
    diffarch/denoiser/spectral_polynomial_denoiser.hpp
    # To be split.
    diffarch/data/synthetic_images.hpp diffarch/io/gnuplot.hpp diffarch/io/npy.hpp diffarch/io/png_grid.hpp
    diffarch/io/safetensors.hpp)
set(longest 400)

file(GLOB_RECURSE headers RELATIVE "${SOURCE_DIR}/include" "${SOURCE_DIR}/include/diffarch/*.hpp")
set(problems "")
foreach(header IN LISTS headers)
  file(READ "${SOURCE_DIR}/include/${header}" text)
  string(REGEX MATCHALL "\n *# *define +[A-Za-z_0-9]+" definitions "\n${text}")
  foreach(definition IN LISTS definitions)
    string(REGEX REPLACE ".*define +" "" macro "${definition}")
    if(NOT macro MATCHES "^DIFFARCH_" AND NOT text MATCHES "# *undef +${macro}")
      list(APPEND problems "${header} defines the macro ${macro}; expected a name that starts with DIFFARCH_")
    endif()
  endforeach()
  if("\n${text}" MATCHES "\nusing namespace ")
    list(APPEND problems "${header} has a using namespace outside of a function")
  endif()
  if(NOT text MATCHES "^#pragma once\n")
    list(APPEND problems "${header} does not start with #pragma once")
  endif()
  string(REGEX MATCHALL "\n" ends "${text}")
  list(LENGTH ends lines)
  if(lines GREATER longest AND NOT header IN_LIST longer_with_reason)
    list(APPEND problems "${header} has ${lines} lines, expected at most ${longest}, or a reason in check_headers.cmake")
  elseif(lines LESS_EQUAL longest AND header IN_LIST longer_with_reason)
    list(APPEND problems "${header} has ${lines} lines and needs no exception in check_headers.cmake")
  endif()
endforeach()
if(NOT headers)
  list(APPEND problems "no headers below ${SOURCE_DIR}/include/diffarch")
endif()
if(problems)
  list(JOIN problems "\n  " text)
  message(FATAL_ERROR "\n  ${text}")
endif()
list(LENGTH headers count)
message("${count} headers")
