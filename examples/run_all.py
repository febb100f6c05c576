#!/usr/bin/env python3
"""Runs every example program, from the cheapest to the dearest, and makes one page of what they found (report.py).

    run_all.py --programs FOLDER [--out RESULTS] [--data DIR] [--quick]

What is complete with the same options is skipped, trainings that were interrupted continue, and a program that fails
does not stop the others: the page says so, and the status is 1 at the end. examples/run.sh --all builds first.
"""
import argparse
import datetime
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import report
from reporting.elements import ReportError, read_json, shown, write_whole

UNETS = ["--networks", "pools_1,pools_2,pools_3", "--local", "PatchPosterior,uncalibrated,LocalScore,receptive field"]
# EquivariantLocalScore takes a thousand times the time of LocalScore.
MAPPED = ["--architectures", "linear,rank_10,polynomial,patch_polynomial,bottleneck_100,local,default,circular,global,"
                             "local_score,patch_posterior,ideal,plane"]


class Job:
    """How a program is run. `weights`: its networks that figure 1 trains under another name, or the same."""

    def __init__(self, program, options=(), quick=("--quick",), images=True, trains=False, weights=None):
        self.program, self.options, self.quick = program, list(options), list(quick)
        self.images, self.trains, self.weights = images, trains, weights or {}

    def arguments(self, data, quick):
        """All options that decide the numbers; `data` are those of the training images."""
        chosen = self.quick if quick else self.options
        return [*chosen, *(data if self.images else [])]


JOBS = [
    Job("fig2_matching_moments", images=False),
    Job("fig5_linear_bottleneck"),
    Job("fig6_linear_resampled"),
    Job("fig3_polynomial_2d", quick=["--quick", "--samples", "500"], images=False),
    Job("certificates", quick=[], images=False),  # half a minute in any case
    Job("fig4_bottleneck_2d", quick=["--quick", "--samples", "500", "--steps", "10"], images=False, trains=True),
    Job("fig7_polynomial_images", quick=["--quick", "--steps", "10", "--width", "100"]),
    Job("fig8_patch_polynomial", quick=["--quick", "--steps", "3", "--patch-sizes", "64,21,3", "--widths", "40,16,8"]),
    Job("spectrum_schedules"),  # a minute and a half
    Job("fig9_bottleneck_images", trains=True),
    Job("fig1_unet", trains=True),
    Job("compare_denoisers", UNETS, ["--quick", "--networks", "pools_1", "--local", "LocalScore"], trains=True,
        weights={"pools_1": "local", "pools_2": "default", "pools_3": "global"}),
    Job("creativity_map", MAPPED, trains=True,
        weights={name: name for name in ("local", "default", "circular", "global")}),
]
LENDER = "fig1_unet"
STOPPED = (129, 130, 143, -1, -2, -15)  # by Ctrl-C or its like: what is there is worth a page, the rest another run
assert sorted(job.program for job in JOBS) == sorted(report.PROGRAMS)


def is_complete(results, program, arguments):
    """Whether the last run ended well, with these options, and its numbers are still there."""
    try:
        record = report.read_record(results, program)
        read_json(report.json_path(results, program), program)
    except ReportError:
        return False
    return record.get("status") == 0 and record.get("arguments") == list(map(shown, arguments))


def borrow_weights(results, job, data, quick):
    """Copies the networks that figure 1 has trained with the same options: they need not be trained again."""
    lender = next(one for one in JOBS if one.program == LENDER)
    if not job.weights or not is_complete(results, LENDER, lender.arguments(data, quick)):
        return
    for own, lent in job.weights.items():
        source, target = results / LENDER / "weights" / lent, results / job.program / "weights" / own
        if source.is_dir() and not target.exists():
            unfinished = target.with_name(target.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(source, unfinished)
            unfinished.rename(target)


def run(command):
    """Status and last line on stderr, which is passed on. Ctrl-C reaches the program, too: we wait until it ends."""
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    except OSError as problem:
        return 127, f"{command[0]}: {problem.strerror}"
    last = ""
    while True:
        try:
            for line in process.stderr:
                sys.stderr.write(line)
                last = line.strip() or last
            return process.wait(), last
        except KeyboardInterrupt:
            continue


def data_arguments(options):
    """The training images, and what their file does not say of them."""
    named = [f"--{name}={getattr(options, name)}" for name in ("range", "layout", "channels") if getattr(options, name)]
    return [*(["--data", options.data] if options.data else []), *named]


def names_data(data):
    """A folder or a file, an array of a .npz file (FILE.npz:NAME), or a set that the programs know."""
    return data in ("fashion-mnist", "synthetic") or Path(data).exists() or (
        ".npz:" in data.lower() and Path(data[:data.lower().rindex(".npz:") + 4]).exists())


def run_job(results, job, programs, options, number):
    """Runs one program and notes how it ended. Returns its status."""
    data = data_arguments(options)
    arguments = job.arguments(data, options.quick)
    folder = results / job.program
    place = f"[{number}/{len(JOBS)}] {job.program}"
    if is_complete(results, job.program, arguments):
        print(f"{place}: complete", flush=True)
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    borrow_weights(results, job, data, options.quick)
    full = [*arguments, *(["--resume"] if job.trains else []), "--out", str(folder)]
    print(f"{place} {shown(shlex.join(arguments))}", flush=True)
    start = time.monotonic()
    status, last = run([str(programs / job.program), *full])
    again = ["examples/run.sh", "--all", *(["--quick"] if options.quick else []),
             *data, *(["--out", str(options.out)] if options.out else [])]
    record = {"program": job.program, "arguments": list(map(shown, arguments)),
              "command": [shown(word) for word in (f"{report.BUILT_IN}/{job.program}", *full)],
              "all": shown(shlex.join(again)), "status": status, "error": last if status else "",
              "seconds": round(time.monotonic() - start, 1), "date": datetime.date.today().isoformat()}
    write_whole(report.record_path(results, job.program), json.dumps(record, indent=2) + "\n")
    if status:
        print(f"{place}: FAILED, status {status}", flush=True)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True, help="the folder with the built programs")
    parser.add_argument("--out", type=Path, help="results (default: results, with --quick results/quick)")
    parser.add_argument("--data", help="training images, instead of Fashion-MNIST: what the programs take")
    for name in ("range", "layout", "channels"):
        parser.add_argument(f"--{name}", help="of --data; see the --help of a program")
    parser.add_argument("--quick", action="store_true", help="a small run of each program, to see that it works")
    parser.add_argument("--check", action="store_true", help="check the options and run nothing")
    options = parser.parse_args()
    if options.data and not names_data(options.data):
        parser.error(f"--data {shown(options.data)}: does not exist")
    if options.check:
        return
    results = options.out or Path("results/quick" if options.quick else "results")
    failed = []
    status = 0
    try:
        for number, job in enumerate(JOBS, 1):
            status = run_job(results, job, options.programs, options, number)
            if status:
                failed.append(job.program)
            if status in STOPPED:
                break
        report.write_report(results, results / "report.html")
    except (ReportError, OSError) as problem:
        sys.exit(f"run_all.py: error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
    if failed:
        sys.exit(130 if status in STOPPED else f"run_all.py: error: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
