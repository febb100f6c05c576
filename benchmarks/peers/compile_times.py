"""CPU seconds that the compiler takes, with the flags of the preset examples: what a header costs a program that only
includes it, and what figure 2 and quickstart cost, each as a ratio to a program without this library, in turns with it."""
import json
import os
import re
import resource
import shlex
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN, SOLVER = "the foreign headers of diffarch.hpp", "Eigen/Dense with one eigensolver"
# name in the table -> source, whether what diffarch::compiled has is left to it, what it is compared with, ratio wanted
CASES = {FOREIGN: ("foreign", False, None, None),
         "diffarch.hpp alone": ("umbrella", False, FOREIGN, 2.0),
         "linear.hpp alone": ("linear", False, FOREIGN, None),
         "networks.hpp alone": ("networks", False, FOREIGN, None),
         "analysis.hpp alone": ("analysis", False, FOREIGN, None),
         SOLVER: ("solver", False, None, None),
         "quickstart": ("quickstart", False, SOLVER, 2.85),
         "quickstart with diffarch::compiled": ("quickstart", True, SOLVER, None),
         "fig2_matching_moments": ("fig2_matching_moments", False, SOLVER, 3.3),
         "fig2_matching_moments with diffarch::compiled": ("fig2_matching_moments", True, SOLVER, None),
         "diffarch::compiled itself, once, on one core": ("compiled", True, SOLVER, None)}


def foreign_headers():
    """The headers of other libraries that the headers of diffarch.hpp include: not those of CUDA, MPI and oneDNN, which
    have targets of their own."""
    names = set()
    for path in (ROOT / "include" / "diffarch").rglob("*.hpp"):
        if not {"cuda", "mpi"} & set(path.relative_to(ROOT).parts) and "onednn" not in path.name:
            names |= set(re.findall(r"^ *# *include <([^>]+)>", path.read_text(), re.MULTILINE))
    return sorted(names - {"omp.h"})


def written_sources(folder):
    """name -> a source file that is written here, compiled like quickstart."""
    texts = {"foreign": [f"#include <{name}>" for name in foreign_headers()],
             "solver": ["#include <Eigen/Dense>",
                        "Eigen::VectorXd eigenvalues(const Eigen::MatrixXd& m) {",
                        "  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(m).eigenvalues();", "}"],
             "umbrella": ["#include <diffarch/diffarch.hpp>"],
             **{name: [f"#include <diffarch/{name}.hpp>"] for name in ("linear", "networks", "analysis")}}
    for name, lines in texts.items():
        (folder / f"{name}.cpp").write_text("\n".join(lines) + "\n")
    return {name: folder / f"{name}.cpp" for name in texts}


def cpu_seconds(command, folder, environment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compile_times(rounds, say):
    """name -> {"seconds": median of the rounds, "min", "max", "against", "ratio": median of the ratios of the rounds,
    "wanted"}: the source files with their own commands, from nothing: no precompiled header, no cache of objects."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = {name: value for name, value in os.environ.items() if name != "CMAKE_CXX_COMPILER_LAUNCHER"}
        say("compile times: configuring")
        subprocess.run(["cmake", "--preset", "examples", "-B", folder, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                        "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"], cwd=ROOT, env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        commands = {Path(entry["file"]).stem: entry
                    for entry in json.loads((folder / "compile_commands.json").read_text())}
        sources = {stem: Path(entry["file"]) for stem, entry in commands.items()} | written_sources(folder)
        # diffarch::json and diffarch::zlib as well, so that the umbrella header includes all that needs no GPU.
        optional = ["-DDIFFARCH_HAS_JSON", "-DDIFFARCH_HAS_ZLIB"]
        times = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, (stem, uses_compiled, _, _) in CASES.items():
                say(f"compile times: {name}")
                seconds = 0.0
                for part in ["compiled_algebra", "compiled_models"] if stem == "compiled" else [stem]:
                    entry = commands[part if part in commands else "quickstart"]
                    command = shlex.split(entry["command"])
                    command[command.index("-o") + 1] = os.devnull
                    command[command.index("-c") + 1] = str(sources[part])
                    command += optional if part not in commands else []
                    if not uses_compiled:
                        command = [option for option in command if option != "-DDIFFARCH_COMPILED"]
                    seconds += cpu_seconds(command, entry["directory"], environment)
                times[name].append(seconds)
    results = {}
    for name, each in times.items():
        _, _, against, wanted = CASES[name]
        results[name] = {"seconds": statistics.median(each), "min": min(each), "max": max(each), "wanted": wanted}
        if against:
            ratios = [ours / theirs for ours, theirs in zip(each, times[against])]
            results[name] |= {"against": against, "ratio": statistics.median(ratios)}
    return results
