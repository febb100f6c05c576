# Reads the JUnit file of ctest and prints the tests that were skipped, each with the reason that it printed.
function plain(text) {
  gsub(/&quot;/, "\"", text); gsub(/&apos;/, "'", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text)
  gsub(/&amp;/, "\\&", text)
  return text
}
/<testcase / {
  name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
  skipped = 0; reason = ""
}
/<skipped/ { skipped = 1 }
/SKIPPED: / && reason == "" { reason = $0; sub(/.*SKIPPED: /, "", reason); sub(/<\/system-out>.*/, "", reason) }
/<\/testcase>/ && skipped { lines[++count] = "  " plain(name) ": " (reason == "" ? "it gave no reason" : plain(reason)) }
END {
  if (count == 0) print "Not tested here: nothing, no test was skipped."
  else print "Not tested here, and why:"
  for (i = 1; i <= count; ++i) print lines[i]
}
