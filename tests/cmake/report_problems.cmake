# The end of a check: fails, with one line for each of `problems`, if there are any.
if(problems)
  list(JOIN problems "\n  " text)
  message(FATAL_ERROR "\n  ${text}")
endif()
