"""How the cost grows along n, d, window, steps, batch and threads: Google Benchmark's times, their powers, a plot."""
import json
import shutil
import subprocess

import numpy as np

LABELS = {"n": "n, number of training samples (d = 784)", "d": "d, values of a sample (n = 1000)",
          "window": "window, pixels (100 training images of 32x32x3)", "steps": "steps of the sampler",
          "batch": "samples drawn or trained at once", "threads": "threads"}
TITLES = {"n": "Cost against the number of training samples", "d": "Cost against the dimension",
          "window": "Cost against the window", "steps": "Cost against the number of steps",
          "batch": "Cost against the batch size",
          "threads": "Time against the number of threads"}
# What theory says of large values: axis -> curve -> (power, from which value on, what holds below).
EXPECTED = {
    "n": {"linear fit": (1, 10000, "beside d^3; n^2 below d"), "ideal": (1, 1000, ""),
          "nearest neighbours": (1, 1000, "at most"), "exact polynomial level": (1, 3000, ""),
          "local score": (1, 1000, "")},
    "d": {"linear fit": (1, 12288, "beside n^3; d^2 to d^3 below n"), "linear sampling": (1, 3072, "d^2 below n"),
          "ideal": (1, 768, ""), "exact polynomial level": (1, 3072, "d^0 below the features"),
          "U-Net step": (1, 768, ""), "local score": (2, 192, "")},
    "window": {"local score": (0, 3, "its logarithm")},
    "steps": {"linear collapsed": (0, 10, ""), "linear, each step": (1, 10, ""), "ideal": (1, 10, ""),
              "exact polynomial": (1, 10, "")},
    "batch": {"linear sampling": (1, 64, ""), "ideal": (1, 64, ""), "U-Net step": (1, 4, "")},
    "threads": {curve: (-1, 1, "at best") for curve in
                ("linear fit", "linear sampling", "ideal", "nearest neighbours", "exact polynomial level",
                 "U-Net step")},
}
COLOURS = ["#7b3294", "#00874d", "#1f77b4", "#d95f02", "#000000", "#c51b7d"]


def measured_growth(runner, kernels, threads, say):
    """axis -> curve -> [(value, seconds)]."""
    quick = runner.profile.quick
    largest = {"n": 3000, "d": 3072, "window": 7, "steps": 30, "batch": 256} if quick else \
        {"n": 60000, "d": 49152, "window": 31, "steps": 1000, "batch": 4096}
    curves = {axis: {} for axis in LABELS}

    def add(axis, curve, value, seconds):
        curves[axis].setdefault(curve, []).append((value, seconds))

    def benchmark(axis, limit, threads=None):
        say(f"growth: {axis}" + (f" {threads}" if threads else ""))
        for name, result in runner.benchmarks("growth", axis, str(limit), threads=threads,
                                               repetitions=1 if quick else 3).items():
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


def legend(axis, curve, fit):
    words = f"{curve}: expected {axis}^{fit['expected']}"
    if EXPECTED[axis][curve][2]:
        words += f" ({EXPECTED[axis][curve][2]})"
    if fit["measured"] is not None:
        words += f", measured {axis}^{fit['measured']:.2f} from {fit['from']:,} on"
    return words


def plot(axis, curves, folder):
    """growth_AXIS.png: measured points, and dashed the expected power through the last. False without gnuplot."""
    if shutil.which("gnuplot") is None or not curves:
        return False
    blocks, measured, expected = [], [], []
    for number, (curve, fit) in enumerate(curves.items()):
        points, colour = fit["points"], COLOURS[number % len(COLOURS)]
        blocks.append(f"$c{number} << end\n" + "\n".join(f"{value} {seconds:g}" for value, seconds in points) + "\nend")
        measured.append(f'$c{number} using 1:2 with linespoints lc rgb "{colour}" lw 2 pt {number + 5} ps 1.4 '
                        f'title "{legend(axis, curve, fit)}"')
        if fit["measured"] is not None:
            last, seconds = points[-1]
            expected.append(f"[{fit['from']}:{last}] {seconds:g} * (x / {last}.0) ** ({fit['expected']}) with lines "
                            f'lc rgb "{colour}" lw 1.5 dt 2 notitle')
    values = sorted({value for fit in curves.values() for value, _ in fit["points"]})
    margin = 1.25 * (values[-1] / values[0]) ** 0.02
    script = "\n".join([
        'set terminal pngcairo size 1100,1000 font "Sans,14"',
        f'set output "{folder / f"growth_{axis}.png"}"',
        f'set title "{TITLES[axis]} (dashed: the expected power)" noenhanced',
        f'set xlabel "{LABELS[axis]}" noenhanced',
        'set ylabel "seconds"',
        "set logscale xy",
        'set format y "10^{%T}"',
        f"set xrange [{values[0] / margin}:{values[-1] * margin}]",
        f"set xtics ({', '.join(map(str, values))})" + (" rotate by -30" if axis in "nd" else ""),
        'set key below left Left reverse maxcols 1 noenhanced spacing 1.1 font ",12"',
        f"set bmargin {len(curves) + 7}",
        "set grid",
        *blocks,
        "plot " + ", ".join(measured + expected), ""])
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return True
