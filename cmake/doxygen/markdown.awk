# Formulas as GitHub writes them, $...$ in a line and blocks ```math, become Doxygen's \f$...\f$ and \f[...\f].
/^```math *$/ { in_math = 1; print "\\f["; next }
/^```/ && in_math { in_math = 0; print "\\f]"; next }
/^```/ { in_code = !in_code }
in_code || in_math { print; next }
{
  line = $0
  result = ""
  while (match(line, /`[^`]*`|\$[^$]+\$/)) {
    part = substr(line, RSTART, RLENGTH)
    if (part ~ /^\$/) part = "\\f$" substr(part, 2, length(part) - 2) "\\f$"
    result = result substr(line, 1, RSTART - 1) part
    line = substr(line, RSTART + RLENGTH)
  }
  print result line
}
