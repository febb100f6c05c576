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
# name in the table -> source files, whether what diffarch::compiled has is left to it, seconds wanted
CASES = {"fig2_matching_moments": (["fig2_matching_moments"], False, 8.0),
         "fig2_matching_moments with diffarch::compiled": (["fig2_matching_moments"], True, 8.0),
         "quickstart": (["quickstart"], False, 10.0),
         "quickstart with diffarch::compiled": (["quickstart"], True, 10.0),
         "diffarch::compiled itself, once, on one core": (["compiled_algebra", "compiled_models"], True, None)}


def compile_times(rounds, say):
    """name -> {"seconds": median of the rounds, "min", "max", "wanted"}: the source files with their own commands, from
    nothing: no precompiled header, no cache of objects."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "CMAKE_CXX_COMPILER_LAUNCHER"}
        say("compile times: configuring")
        subprocess.run(["cmake", "--preset", "examples", "-B", folder, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                        "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"], cwd=ROOT, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        commands = {Path(entry["file"]).stem: entry
                    for entry in json.loads((Path(folder) / "compile_commands.json").read_text())}
        times = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, (sources, uses_compiled, _) in CASES.items():
                say(f"compile times: {name}")
                seconds = 0.0
                for entry in (commands[source] for source in sources):
                    command = shlex.split(entry["command"])
                    command[command.index("-o") + 1] = os.devnull
                    if not uses_compiled:
                        command.remove("-DDIFFARCH_COMPILED")
                    start = time.perf_counter()
                    subprocess.run(command, cwd=entry["directory"], env=environment, check=True)
                    seconds += time.perf_counter() - start
                times[name].append(seconds)
    return {name: {"seconds": statistics.median(each), "min": min(each), "max": max(each), "wanted": CASES[name][2]}
            for name, each in times.items()}
