"""Runs our programs and the peers, each in a process of its own, and takes them in turns."""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from common import NETWORKS

HERE = Path(__file__).resolve().parent


class Failure(Exception):
    """A program that did not do its work: what it said."""


class Runner:
    def __init__(self, programs, folder, profile, threads, blas, openblas_core):
        self.programs, self.folder, self.profile = programs, folder, profile
        self.environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                                DIFFARCH_BENCHMARK_DATA=str(folder / "data.npy"), NEIGHBOURS=str(profile.neighbours))
        self.environment.pop("OPENBLAS_CORETYPE", None)  # BLAS should choose its own kernels
        self.peer_environment = dict(self.environment)
        if blas:
            paths = [str(blas), os.environ.get("LD_LIBRARY_PATH", "")]
            self.peer_environment["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)
        if openblas_core:
            self.peer_environment["OPENBLAS_CORETYPE"] = openblas_core

    def openblas_core(self):
        """The processor whose kernels OpenBLAS uses for the peers; nothing without OpenBLAS."""
        run = subprocess.run([sys.executable, "-c", "import numpy; numpy.ones((2, 2)) @ numpy.ones((2, 2))"],
                             env=dict(self.peer_environment, OPENBLAS_VERBOSE="2"), capture_output=True, text=True)
        cores = [line.split(":", 1)[1].strip() for line in run.stderr.splitlines() if line.startswith("Core:")]
        return cores[0] if cores else ""

    def output(self, command, environment):
        command = [str(part) for part in command]
        run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            raise Failure(f"{Path(command[0]).name} {' '.join(command[1:4])} ended with status {run.returncode}: "
                          f"{run.stderr.strip().splitlines()[-1] if run.stderr.strip() else 'no message'}")
        return run.stdout

    def run_peer(self, side, runs):
        options = ["--quick"] if self.profile.quick else []
        for name, path in (("reference", self.profile.reference), ("kamb", self.profile.kamb)):
            options += [f"--{name}", path] if side.published and path else []
        command = [sys.executable, HERE / "peer.py", side.library, side.case, self.folder, runs, *options]
        return json.loads(self.output(command, self.peer_environment).splitlines()[-1])

    def run_ours(self, side, runs):
        program = self.programs / side.program
        if side.case in NETWORKS:
            kind, size, batch = NETWORKS[side.case]
            arguments = [size] if side.program == "convolution_floor" else [kind, size, batch]
            output = self.output([program, *arguments, self.folder if runs == "check" else runs], self.environment)
        else:
            output = self.output([program, side.case, self.folder, runs], self.environment)
        return json.loads(output) if output.strip() else {}

    def time(self, side):
        """{"seconds", "peak_mb", "own_mb"}: median of the runs after the warm-up, scaled; peak of the process, and what
        it is above that at the start, libraries loaded."""
        measured = self.run_peer(side, side.runs) if side.library else self.run_ours(side, side.runs)
        milliseconds = measured.get("step_ms", measured.get("floor_ms"))
        if milliseconds is not None:
            seconds = milliseconds / 1e3
        else:
            times = measured["seconds"]
            seconds = statistics.median(times[1:] if len(times) > 1 else times)
        result = {"seconds": seconds * side.scale}
        if "peak_mb" in measured:
            result.update(peak_mb=measured["peak_mb"], own_mb=measured["peak_mb"] - measured["before_mb"])
        if "blas" in measured:
            result["blas"] = measured["blas"]
        return result

    def difference(self, ours, peer):
        """Of the results on the same input."""
        self.run_ours(ours, "check")
        return self.run_peer(peer, "check")["difference"]

    def benchmarks(self, program, *arguments, threads=None, repetitions=1, filter=None):
        """Google Benchmark's results, the median of the repetitions: name -> object."""
        environment = dict(self.environment, OMP_NUM_THREADS=str(threads)) if threads else self.environment
        command = [self.programs / program, *arguments, "--benchmark_format=json", "--benchmark_min_time=0.1",
                   f"--benchmark_repetitions={repetitions}"]
        if filter:
            command.append(f"--benchmark_filter=^({filter})(/real_time)?$")
        results = json.loads(self.output(command, environment))["benchmarks"]
        return {result["run_name"].removesuffix("/real_time"): result for result in results
                if repetitions == 1 or result.get("aggregate_name") == "median"}

    def limits(self, names):
        """Seconds of products, flops per second of product_f32 and product_f64."""
        scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
        return {name: result.get("items_per_second") or result["real_time"] * scale[result["time_unit"]]
                for name, result in self.benchmarks("limits", filter="|".join(names)).items()}


def median_and_range(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def limit_names(group):
    """The benchmarks of `limits` that a group needs."""
    names = set()

    class Seen(dict):
        def __missing__(self, name):
            if "floor" not in name:
                names.add(name)
            return 1.0

    for limit in group.limits:
        limit.seconds(Seen())
    return sorted(names)


def measure_group(runner, group, rounds, available, say):
    """All of a group: checks, rounds in turns, and the rows of the table. Problems instead of rows when results do not
    agree, or a program fails."""
    try:
        return measure_sides(runner, group, rounds, available, say)
    except Failure as failure:
        say(str(failure))
        return {"name": group.name, "title": group.title, "problems": [str(failure)], "rows": []}


def measure_sides(runner, group, rounds, available, say):
    sides = {name: side for name, side in group.sides.items() if not side.library or side.library in available}
    rows = [row for row in group.rows if row.ours in sides and row.peer in sides]
    problems, checks = [], {}
    for row in rows:
        if row.check == 0:
            continue
        say(f"{group.title}: do {row.ours} and {row.peer} agree?")
        difference = runner.difference(sides[row.ours], sides[row.peer])
        checks[row.ours, row.peer] = difference
        if not difference <= row.check:
            problems.append(f"{row.ours} and {row.peer} differ by {difference:.1e}; expected at most {row.check:.0e}")
    if problems:
        return {"name": group.name, "title": group.title, "problems": problems, "rows": []}

    names, history = limit_names(group), []
    for number in range(group.rounds or rounds):
        measured = {}
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in order:
            say(f"{group.title}: round {number + 1}, {name}")
            measured[name] = runner.time(sides[name])
        limits = runner.limits(names) if names else {}
        if "floor" in measured:
            limits[f"{group.name} floor"] = measured["floor"]["seconds"]
        history.append({"times": measured, "limits": limits})

    def over_rounds(value):
        return median_and_range([value(one["times"], one["limits"]) for one in history])

    def bound(limit):
        ratio = over_rounds(lambda times, limits: times[limit.ours]["seconds"] / limit.seconds(limits))
        seconds = over_rounds(lambda times, limits: limit.seconds(limits))["median"]
        return {"name": limit.name, "seconds": seconds, "ratio": ratio, "wanted": limit.wanted}

    results, bounded = [], set()
    for row in rows:
        first = history[0]["times"]
        result = {"ours": row.ours, "peer": row.peer,
                  "note": "; ".join(part for part in (sides[row.peer].note, row.note) if part),
                  "ours_seconds": over_rounds(lambda times, _: times[row.ours]["seconds"])["median"],
                  "peer_seconds": over_rounds(lambda times, _: times[row.peer]["seconds"])["median"],
                  "times_as_fast": over_rounds(
                      lambda times, _: times[row.peer]["seconds"] / times[row.ours]["seconds"]),
                  "wanted": row.wanted, "difference": checks.get((row.ours, row.peer)),
                  "memory_wanted": row.memory_wanted}
        if "peak_mb" in first[row.ours] and "peak_mb" in first[row.peer]:
            for key in ("peak_mb", "own_mb"):
                result[f"ours_{key}"], result[f"peer_{key}"] = first[row.ours][key], first[row.peer][key]
            result["memory"] = result["ours_peak_mb"] / result["peer_peak_mb"]
            result["own_memory"] = result["ours_own_mb"] / max(result["peer_own_mb"], 0.1)
        result["limits"] = [bound(limit) for limit in group.limits if limit.ours == row.ours not in bounded]
        bounded.add(row.ours)  # once is enough
        results.append(result)
    outcome = {"name": group.name, "title": group.title, "problems": [], "rows": results, "rounds": history}
    if group.fraction:
        data_mb = runner.profile.n * runner.profile.d * 4 / 2**20
        outcome["memory_over_data"] = {"ratio": history[0]["times"]["diffarch"]["own_mb"] / data_mb,
                                       "wanted": group.fraction}
    return outcome
