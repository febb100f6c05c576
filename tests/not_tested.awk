# Reads the JUnit file of ctest and prints what was not tested: the tests that were skipped, each with the reason that it
# printed, and what tests that passed have warned of (Catch's WARN, with the word "tested" or "installed"), each once.
function plain(text) {
  gsub(/&quot;/, "\"", text); gsub(/&apos;/, "'", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text)
  gsub(/&amp;/, "\\&", text)
  return text
}
function add(reason) { if (!(reason in added)) lines[++count] = "  " plain(name) ": " plain(reason); added[reason] = 1 }
/<testcase / {
  name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
  skipped = 0; reason = ""; warns = 0
}
/<skipped/ { skipped = 1 }
/SKIPPED: / && reason == "" { reason = $0; sub(/.*SKIPPED: /, "", reason); sub(/<\/system-out>.*/, "", reason) }
/^warning:$/ { warns = 1; warning = ""; next }
warns && !/^  / { warns = 0; if (warning ~ /tested|installed/) add(warning) }
warns { line = $0; sub(/^ +/, "", line); warning = warning (warning == "" ? "" : " ") line }
/<\/testcase>/ && skipped { lines[++count] = "  " plain(name) ": " (reason == "" ? "it gave no reason" : plain(reason)) }
END {
  if (count == 0) print "Not tested here: nothing, no test was skipped."
  else print "Not tested here, and why:"
  for (i = 1; i <= count; ++i) print lines[i]
}
