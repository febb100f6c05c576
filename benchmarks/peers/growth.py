"""How the cost grows along n, d, steps, batch and threads: Google Benchmark's times, the powers they follow, a plot."""
import json
import shutil
import subprocess

import numpy as np

LABELS = {"n": "n, number of training samples (d = 784)", "d": "d, values of a sample (n = 1000)",
          "steps": "steps of the sampler", "batch": "samples drawn or trained at once", "threads": "threads"}
TITLES = {"n": "Cost against the number of training samples", "d": "Cost against the dimension",
          "steps": "Cost against the number of steps", "batch": "Cost against the batch size",
          "threads": "Time against the number of threads"}
# What theory says of large values: axis -> curve -> (power, from which value on, words for the legend).
EXPECTED = {
    "n": {"linear fit": (1, 3000, "n, n^2 below d"), "ideal": (1, 1000, "n"),
          "nearest neighbours": (1, 1000, "n at most"), "exact polynomial level": (1, 3000, "n")},
    "d": {"linear fit": (1, 3072, "d, d^3 below n"), "linear sampling": (1, 3072, "d, d^2 below n"),
          "ideal": (1, 768, "d"), "exact polynomial level": (1, 3072, "d"), "U-Net step": (1, 192, "d")},
    "steps": {"linear collapsed": (0, 10, "steps^0"), "linear, each step": (1, 10, "steps"), "ideal": (1, 10, "steps"),
              "exact polynomial": (1, 10, "steps")},
    "batch": {"linear sampling": (1, 64, "batch"), "ideal": (1, 64, "batch"), "U-Net step": (1, 4, "batch")},
    "threads": {curve: (-1, 1, "1 / threads") for curve in
                ("linear fit", "linear sampling", "ideal", "nearest neighbours", "exact polynomial level",
                 "U-Net step")},
}


def measured_growth(runner, kernels, threads, say):
    """axis -> curve -> [(value, seconds)]."""
    quick = runner.profile.quick
    largest = {"n": 3000, "d": 3072, "steps": 30, "batch": 256} if quick else \
        {"n": 60000, "d": 49152, "steps": 1000, "batch": 4096}
    curves = {axis: {} for axis in LABELS}

    def add(axis, curve, value, seconds):
        curves[axis].setdefault(curve, []).append((value, seconds))

    def benchmark(axis, limit, threads=None):
        say(f"growth: {axis}" + (f" {threads}" if threads else ""))
        for name, result in runner.benchmarks("growth", axis, str(limit), threads=threads, min_time=0.05).items():
            _, curve, value = name.split("/")
            add(axis, curve, int(value), result["real_time"])

    step_program = kernels.get("oneDNN", kernels["Eigen"])

    def unet_step(axis, value, size, batch, threads=None):
        say(f"growth: {axis}, U-Net step, {value}")
        environment = dict(runner.environment, OMP_NUM_THREADS=str(threads)) if threads else runner.environment
        steps = 2 if quick else 5
        output = runner.output([runner.programs / step_program, "unet", size, batch, steps], environment)
        add(axis, "U-Net step", value, json.loads(output)["step_ms"] / 1e3)

    for axis, limit in largest.items():
        benchmark(axis, limit)
    for size in (8, 16, 32) if quick else (8, 16, 32, 64):
        unet_step("d", 3 * size**2, size, 16)
    for batch in (1, 4, 16) if quick else (1, 4, 16, 64):
        unet_step("batch", batch, 32, batch)
    counts = [1]
    while 2 * counts[-1] <= threads:
        counts.append(2 * counts[-1])
    for count in counts + ([threads] if threads not in counts else []):
        benchmark("threads", 1, threads=count)
        unet_step("threads", count, 32, 16, threads=count)
    return curves


def power(points):
    """Least-squares slope of log seconds over log value, None of fewer than two."""
    if len(points) < 2:
        return None
    values, seconds = np.log(np.array(points)).T
    return float(np.polyfit(values, seconds, 1)[0])


def powers(curves):
    """axis -> curve -> {"expected", "from", "measured", "points"}."""
    result = {}
    for axis, of_axis in curves.items():
        result[axis] = {}
        for curve, points in of_axis.items():
            expected, first, _ = EXPECTED[axis][curve]
            points = sorted(points)
            result[axis][curve] = {"expected": expected, "from": first, "points": points,
                                   "measured": power([point for point in points if point[0] >= first])}
    return result


def plot(axis, curves, folder):
    """growth_AXIS.png: measured points, and dashed the expected power through the last. False without gnuplot."""
    if shutil.which("gnuplot") is None or not curves:
        return False
    blocks, measured, expected = [], [], []
    for number, (curve, fit) in enumerate(curves.items()):
        points = fit["points"]
        blocks.append(f"$c{number} << end\n" + "\n".join(f"{value} {seconds:g}" for value, seconds in points) + "\nend")
        words = EXPECTED[axis][curve][2]
        if fit["measured"] is None:
            found = f"expected {words}"
        else:
            found = f"measured power {fit['measured']:.2f} from {fit['from']:,} on, expected {words}"
        measured.append(f'$c{number} using 1:2 with linespoints lt {number + 1} lw 2 pt {number + 5} ps 1.4 '
                        f'title "{curve}: {found}"')
        last, seconds = points[-1]
        if fit["measured"] is not None:
            expected.append(f"[{fit['from']}:{last}] {seconds:g} * (x / {last}.0) ** {fit['expected']} with lines "
                            f"lt {number + 1} lw 1 dt 2 notitle")
    script = f"""set terminal pngcairo size 1100,900 font "Sans,14"
set output "{folder / f'growth_{axis}.png'}"
set title "{TITLES[axis]} (dashed: the expected power)" noenhanced
set xlabel "{LABELS[axis]}" noenhanced
set ylabel "seconds"
set logscale xy
set format y "10^{{%T}}"
set key below left Left reverse maxcols 1 noenhanced
set grid
set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03
{"set xtics (" + ", ".join(str(v) for v in sorted({p[0] for c in curves.values() for p in c["points"]})) + ")"}
{"set xtics rotate by -30" if axis in "nd" else ""}
""" + "\n".join(blocks) + "\nplot " + ", ".join(measured + [f"{part}" for part in expected]) + "\n"
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return True
