"""Seconds that the compiler takes for figure 2 and quickstart, with the flags of the preset examples."""
import json
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WANTED = {"fig2_matching_moments": 8.0, "quickstart": 10.0}


def compile_times(rounds, say):
    """program -> {"seconds": median of the rounds, "min", "max", "wanted"}: the source file with its own command, from
    nothing: no precompiled header, no cache of objects."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "CMAKE_CXX_COMPILER_LAUNCHER"}
        say("compile times: configuring")
        subprocess.run(["cmake", "--preset", "examples", "-B", folder, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                        "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"], cwd=ROOT, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        commands = {Path(entry["file"]).stem: entry
                    for entry in json.loads((Path(folder) / "compile_commands.json").read_text())}
        times = {program: [] for program in WANTED}
        for _ in range(rounds):
            for program in WANTED:
                say(f"compile times: {program}")
                entry = commands[program]
                command = shlex.split(entry["command"])
                command[command.index("-o") + 1] = os.devnull
                start = time.perf_counter()
                subprocess.run(command, cwd=entry["directory"], env=environment, check=True)
                times[program].append(time.perf_counter() - start)
    return {program: {"seconds": statistics.median(each), "min": min(each), "max": max(each),
                      "wanted": WANTED[program]} for program, each in times.items()}
