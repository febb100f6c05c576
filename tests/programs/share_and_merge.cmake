# cmake -DPROGRAM=... -DMERGE=merge_weights -DARGUMENTS=a,b,c -DOUT=folder -P share_and_merge.cmake
#
# Trains two levels in one process and in two, each with a folder of its own, merges these, and samples from the merged
# weights: the samples must be byte for byte those of the one process.
string(REPLACE "," ";" ARGUMENTS "${ARGUMENTS}")
file(REMOVE_RECURSE "${OUT}")
set(ENV{NO_COLOR} 1)

function(run expected_status)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL expected_status)
    message(FATAL_ERROR "status ${status}, expected ${expected_status}\n${output}")
  endif()
endfunction()

run(0 "${PROGRAM}" ${ARGUMENTS} --save-npy --out "${OUT}/one")
run(0 "${PROGRAM}" ${ARGUMENTS} --levels 1:2 --out "${OUT}/b")
run(2 "${MERGE}" "${OUT}/b/weights" --output "${OUT}/all")  # level 0 is missing
run(1 "${PROGRAM}" ${ARGUMENTS} --weights "${OUT}/all" --out "${OUT}/sampled")
run(0 "${PROGRAM}" ${ARGUMENTS} --levels 0:1 --out "${OUT}/a")
run(0 "${MERGE}" "${OUT}/a/weights" --output "${OUT}/all")
run(0 "${PROGRAM}" ${ARGUMENTS} --weights "${OUT}/all" --save-npy --out "${OUT}/sampled")
file(SHA256 "${OUT}/one/h_100.npy" expected)
file(SHA256 "${OUT}/sampled/h_100.npy" found)
if(NOT expected STREQUAL found)
  message(FATAL_ERROR "the samples of the merged weights differ")
endif()
