#!/usr/bin/env python3
"""This library against PyTorch, NumPy / SciPy and scikit-learn, in one run on one machine.

    python3 benchmarks/peers BUILD_FOLDER [options]       e.g. build/benchmarks (preset benchmarks); see also run.sh

For every case both sides first work on the same input and must agree; then they take turns, each in a process of its
own with the same number of threads, for several rounds. A ratio is the median over the rounds, with the least and the
largest. Beside it: peak memory of the process, and the limit: the products (or bare convolutions) that the case cannot
do without, measured in the same rounds. Then how the cost grows, and how long the compiler takes. Writes into --out
    peers.json        every number of every round, the machine and all versions
    peers.md          the table
    growth_AXIS.png   cost against n, d, window, steps, batch and threads
A library that is not installed is left out, and named. Targets that are missed are printed as MISSED; a case whose
results do not agree is not timed, and the program then ends with status 1.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def arguments_of(argv):
    parser = argparse.ArgumentParser(prog="peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="build folder of the preset benchmarks")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does everything work?")
    parser.add_argument("--rounds", type=int, default=0, help="3, with --quick 1")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "2")),
                        help="of both sides")
    parser.add_argument("--cases", default="", help="only these groups (see --list), separated by commas, and "
                        "neither growth nor compile times")
    parser.add_argument("--list", action="store_true", help="the groups, and end")
    parser.add_argument("--skip", default="", help="any of peers, growth and compile, separated by commas")
    parser.add_argument("--blas", type=Path, help="folder with the libblas.so.3 and liblapack.so.3 that the peers use; "
                        "without it OpenBLAS where Debian has it, else the one that the system chose")
    parser.add_argument("--openblas-core", default="", help="processor whose kernels OpenBLAS takes for the peers, where "
                        "it does not know this one: SKYLAKEX, HASWELL, ...")
    parser.add_argument("--reference", type=Path, help="models.py of the published code (ItamarLevine/"
                        "ArchitectureAndCreativity): its polynomials beside our own in PyTorch, with the targets that "
                        "were set for it")
    parser.add_argument("--kamb", type=Path, help="folder of the published code of Kamb and Ganguli 2024, \"An analytic "
                        "theory of creativity in convolutional diffusion models\": its modules beside ours")
    parser.add_argument("--out", type=Path, default=Path("results/peers"))
    arguments = parser.parse_args(argv)
    if arguments.threads < 1 or arguments.rounds < 0:
        parser.error("--threads and --rounds: expected at least 1")
    unknown = set(filter(None, arguments.skip.split(","))) - {"peers", "growth", "compile"}
    if unknown:
        parser.error(f"--skip: {', '.join(sorted(unknown))}; expected peers, growth or compile")
    return parser, arguments


def openblas():
    """The folder where Debian's OpenBLAS is, or None: first the one with OpenMP, whose threads are PyTorch's."""
    found = sorted(Path("/usr/lib").glob("*/openblas-*/libblas.so.3"))
    return found[0].parent if found else None


def write_inputs(folder, profile):
    """The same for all sides: images with a spectrum like that of natural ones, 1 / k^2; starts of samples; noise."""
    import numpy as np

    generator = np.random.default_rng(1)
    n, d = profile.n, profile.d
    data = generator.normal(size=(n, n)) / np.arange(1, n + 1) @ generator.normal(size=(n, d))
    arrays = {"data": data, "start": generator.normal(size=(profile.starts, d)), "noise": generator.normal(size=(n, d))}
    arrays.update(images_for_neighbours(profile, generator))
    if profile.kamb:
        arrays.update(images_for_local_posteriors(profile))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array, np.float32))


def images_for_neighbours(profile, generator):
    """Fashion-MNIST where Debian has it, else vectors of the same size."""
    import gzip

    import numpy as np

    def images(part):
        path = Path("/usr/share/datasets/fashion-mnist") / f"{part}-images-idx3-ubyte.gz"
        with gzip.open(path) as file:
            values = np.frombuffer(file.read(), np.uint8, offset=16)
        return (values.astype(np.float32) / np.float32(127.5) - np.float32(1)).reshape(-1, 784)

    try:
        training, queries = images("train"), images("t10k")
        profile.neighbour_data = "Fashion-MNIST"
    except FileNotFoundError:
        drawn = generator.normal(size=(70000, 64)) @ (generator.normal(size=(64, 784)) / np.arange(1, 65)[:, None])
        training, queries = drawn[:60000], drawn[60000:]
        profile.neighbour_data = "vectors in 64 dimensions"
    return {"training": training[: profile.neighbours], "queries": queries[: profile.queries]}


def images_for_local_posteriors(profile):
    """Colour images whose amplitudes fall as 1 / frequency, with values in (-1, 1); and another one with noise."""
    import numpy as np
    from common import LOCAL_SIDE, local_beta

    generator = np.random.default_rng(2)
    frequency = np.hypot(np.fft.fftfreq(LOCAL_SIDE)[:, None], np.fft.rfftfreq(LOCAL_SIDE))
    frequency[0, 0] = 1 / LOCAL_SIDE
    white = generator.normal(size=(profile.local_images + 1, 3, LOCAL_SIDE, LOCAL_SIDE))
    smooth = np.fft.irfft2(np.fft.rfft2(white) / frequency, s=(LOCAL_SIDE, LOCAL_SIDE))
    mix = np.array([[1, 0.25, 0.1], [1, 0, -0.2], [1, -0.25, 0.1]])  # channels of natural images are alike
    images = np.tanh(0.6 * np.einsum("ck,nkhw->nhwc", mix, smooth / smooth.std())).reshape(len(white), -1)
    noisy = (1 - local_beta()) ** 0.5 * images[-1:] + local_beta() ** 0.5 * generator.normal(size=(1, images.shape[1]))
    return {"local_images": images[:-1], "local_part": images[: profile.local_part], "local_noisy": noisy}


def certificates_time(build, say):
    """Of the program, on one core, where the preset examples has built it."""
    program = build.resolve().parent / "examples" / "examples" / "certificates"
    if not program.exists():
        return None
    say("certificates")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([program, "--out", folder], env=dict(os.environ, OMP_NUM_THREADS="1"), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {"seconds": time.perf_counter() - start, "wanted": 60.0}


def main(argv):
    parser, arguments = arguments_of(argv)
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.exit(f"peers: {sys.executable} has no NumPy; install python3-numpy, python3-scipy, python3-sklearn and "
                 "python3-torch, and run this with /usr/bin/python3")
    import cases
    import compile_times
    import growth
    import machine
    import measure
    import report
    from common import Profile

    profile = Profile(arguments.quick, *(str(path.resolve()) if path else None
                                         for path in (arguments.reference, arguments.kamb)))
    programs = arguments.build / "benchmarks"
    kernels = {"oneDNN": "training_step_onednn", "oneDNN bf16": "training_step_bf16", "Eigen": "training_step"}
    kernels = {name: program for name, program in kernels.items() if (programs / program).exists()}
    needed = ["closed_forms", "local_posteriors", "polynomials", "limits", "growth", "training_step"]
    missing = [name for name in needed if not (programs / name).exists()]
    if missing:
        parser.error(f"{programs} has no {', '.join(missing)}; build the preset benchmarks first")
    groups = cases.groups(profile, kernels)
    if arguments.list:
        for group in groups:
            print(f"{group.name:20} {group.title}")
        return 0
    names = set(filter(None, arguments.cases.split(",")))
    if names - {group.name for group in groups}:
        parser.error(f"--cases: no {', '.join(sorted(names - {group.name for group in groups}))}; see --list")
    groups = [group for group in groups if not names or group.name in names]
    skip = {"growth", "compile"} if names else set(filter(None, arguments.skip.split(",")))
    rounds = arguments.rounds or profile.rounds

    begin = time.perf_counter()

    def say(what):
        print(f"[{time.perf_counter() - begin:5.0f} s] {what}", file=sys.stderr, flush=True)

    about = machine.machine(arguments.build, arguments.threads)
    packages = {"PyTorch": "python3-torch", "SciPy": "python3-scipy", "scikit-learn": "python3-sklearn"}
    available = packages.keys() & about.keys()
    for name in packages.keys() - available:
        say(f"{name} is not installed (Debian {packages[name]}): its rows are left out")
    blas = arguments.blas or openblas()
    results = {"machine": about, "quick": arguments.quick, "groups": [], "problems": []}

    def attempt(what, work):
        """work(), or None with a problem that is reported at the end: what was measured before is not lost."""
        try:
            return work()
        except (measure.Failure, subprocess.CalledProcessError) as failure:
            results["problems"].append(f"{what}: {failure}")
            say(results["problems"][-1])
            return None

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_inputs(folder, profile)
        runner = measure.Runner(programs.resolve(), folder, profile, arguments.threads, blas, arguments.openblas_core)
        if "peers" not in skip:
            for group in groups:
                results["groups"].append(measure.measure_group(runner, group, rounds, available, say))
        used = {name for group in results["groups"] for one in group.get("rounds", [])
                for side in one["times"].values() for name in side.get("blas", [])}
        about["blas"] = ", ".join(sorted(used)) or "none"
        if any("openblas" in name for name in used):
            core = runner.openblas_core()
            about["blas"] += f" with the kernels of {core}" if core else ""
            if core == "Prescott":
                say("OpenBLAS does not know this processor and takes its slowest kernels: be fair to the peers by "
                    "--openblas-core SKYLAKEX (AVX-512) or HASWELL (AVX2)")
        elif used:
            say("the peers ran on the reference BLAS, which is slow: install libopenblas0-openmp to be fair to them")
        results["neighbours"] = profile.neighbour_data
        if "growth" not in skip:
            curves = attempt("growth", lambda: growth.measured_growth(runner, kernels, arguments.threads, say))
            results["growth"] = growth.powers(curves or {})
    if "compile" not in skip:
        results["compile_times"] = attempt("compile times", lambda: compile_times.compile_times(rounds, say)) or {}
        certificates = attempt("certificates", lambda: certificates_time(arguments.build, say))
        if certificates:
            results["certificates"] = certificates
    about["load_average_at_end"] = os.getloadavg()[0]
    results["minutes"] = (time.perf_counter() - begin) / 60

    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "peers.json").write_text(json.dumps(results, indent=1) + "\n")
    comparisons, others = list(report.comparison_rows(results["groups"])), list(report.other_rows(results))
    head = report.machine_text(about) + (" (--quick: small sizes, the ratios say little)" if arguments.quick else "")
    print(head)
    if comparisons:
        print("\n" + report.comparison_text(comparisons))
    if others:
        print("\n" + report.plain_table(report.OTHER_HEAD, others))
    for problem in results["problems"]:
        print(f"NOT MEASURED: {problem}")
    print("\n" + report.ELSEWHERE)
    tables = [(report.COMPARISON_HEAD, comparisons), (report.OTHER_HEAD, others)]
    markdown = "\n\n".join([head, *(report.markdown_table(columns, rows) for columns, rows in tables if rows),
                            report.ELSEWHERE])
    (arguments.out / "peers.md").write_text(markdown + "\n")
    for axis, curves in results.get("growth", {}).items():
        if not growth.plot(axis, curves, arguments.out):
            say("gnuplot is not installed (Debian gnuplot-nox): no plots; the numbers are in peers.json")
            break
    missed, failed = report.misses(results)
    print(f"\n{missed} targets missed; {results['minutes']:.1f} minutes; results in {arguments.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
