#!/bin/sh
# signal_when_training.sh SIGNAL FOLDER COMMAND...
#
# Runs the command and sends it the signal as soon as there is a checkpoint of a training in FOLDER.
signal=$1
folder=$2
shift 2
"$@" &
process=$!
until ls "$folder"/weights/*/*.checkpoint.safetensors >/dev/null 2>&1; do
  kill -0 $process 2>/dev/null || break
  sleep 0.02
done
kill -"$signal" $process
wait $process
