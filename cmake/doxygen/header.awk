# What the comments of a header mean, in Doxygen's words; no line is added or taken away, so that line numbers hold.
#   - The contents of namespace diffarch are in the group of the header's room: its folder, nn_layers for nn/layers, and
#     denoiser for all families of denoisers.
#   - Formulas and code stand indented in comments, which Markdown would run together: they become verbatim blocks. An
#     indented text that goes on an item of a list, or a sentence, stays text.
{ lines[NR] = $0 }

function item(line) { return line ~ /^ *\/\/\/ +- / }
function indented(line) { return line ~ /^ *\/\/\/   +[^ ]/ }

END {
  room = FILENAME
  sub(/^.*include\/diffarch\//, "", room)
  if (room !~ /\//) room = "library"
  sub(/\/[^\/]*$/, "", room)
  sub(/^denoiser\/.*/, "denoiser", room)
  sub(/\//, "_", room)
  in_list = 0
  for (i = 1; i <= NR; ++i) {
    line = lines[i]
    if (line ~ /^namespace diffarch[a-z:]* \{/)
      sub(/\{/, "{ /** \\addtogroup " room " */ /** @{ */", line)
    else if (line ~ /^\}  \/\/ namespace diffarch/)
      line = "/** @} */ " line
    else if (item(line))
      in_list = 1
    else if (!indented(line))
      in_list = 0
    if (!in_list && indented(line)) {
      end = i
      looks_exact = 0
      for (; end <= NR && indented(lines[end]); ++end)
        if (lines[end] ~ /=|;$/) looks_exact = 1
      for (start = i; i < end; ++i) {
        line = lines[i]
        if (looks_exact && i == start) sub(/\/\/\/ /, "/// @verbatim ", line)
        print line (looks_exact && i == end - 1 ? " @endverbatim" : "")
      }
      --i
      continue
    }
    print line
  }
}
