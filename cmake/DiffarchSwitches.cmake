# Switches of optional libraries, each a cache variable DIFFARCH_<LIBRARY> that is AUTO, ON or OFF.

# diffarch_switch(name default help): the cache variable. Its value may be written as CMake writes yes and no, too.
function(diffarch_switch name default help)
  set(${name} ${default} CACHE STRING "${help}: AUTO (where it is installed), ON (an error where it is not) or OFF")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  string(TOUPPER "${${name}}" value)
  if(NOT value MATCHES "^(AUTO|ON|YES|TRUE|Y|1|OFF|NO|FALSE|N|0)$")
    message(FATAL_ERROR "${name} is '${${name}}': expected AUTO, ON or OFF")
  endif()
endfunction()

# diffarch_is_wanted(switch variable): whether the library is looked for.
macro(diffarch_is_wanted switch variable)
  string(TOUPPER "${${switch}}" ${variable})
  if(${variable} STREQUAL "AUTO")
    set(${variable} ON)
  endif()
endmacro()

# diffarch_require(switch found library): an error when the switch is ON and the library was not found. `library` names it
# and how to get it.
function(diffarch_require switch found library)
  string(TOUPPER "${${switch}}" value)
  if(value STREQUAL "AUTO" OR NOT value OR found)
    return()
  endif()
  message(FATAL_ERROR "diffarch: ${switch} is ${${switch}}, but ${library} was not found. Install it, or configure with "
                      "-D${switch}=AUTO to do without")
endfunction()
