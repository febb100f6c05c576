#!/usr/bin/env python3
"""The closed forms against their limits and against PyTorch, in one run.

    closed_forms.py BUILD_FOLDER        e.g. build/benchmarks (preset benchmarks)

Prints every figure as a ratio. Needs NumPy; PyTorch (Debian python3-torch) when its line is wanted. Threads: as
OMP_NUM_THREADS says, for both.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N, D = 1000, 64 * 64 * 3


def run_benchmark(program, environment, repetitions):
    """Median real time in milliseconds of every benchmark of a program, interleaved at random."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            [program, f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=true",
             "--benchmark_out_format=json", f"--benchmark_out={out.name}"],
            check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results = json.load(open(out.name))["benchmarks"]
    return {r["run_name"].replace("/real_time", ""): r["real_time"] for r in results if r.get("aggregate_name") == "median"}


def torch_svd_milliseconds(x, repetitions):
    """torch.linalg.svd(centred data, full_matrices=False), as the reference code fits its linear denoiser."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    centred = torch.from_numpy(x - x.mean(axis=0))
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        torch.linalg.svd(centred, full_matrices=False)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times)), torch.__version__, torch.get_num_threads()


def main(build):
    programs = Path(build) / "benchmarks"
    generator = np.random.default_rng(1)
    x = generator.normal(size=(N, N)) / np.arange(1, N + 1) @ generator.normal(size=(N, D))
    x = x.astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npy"
        np.save(path, x)
        environment = dict(os.environ, DIFFARCH_BENCHMARK_DATA=str(path))
        fit = run_benchmark(programs / "linear_fit", environment, 5)
        sampling = run_benchmark(programs / "linear_sampling", environment, 7)
        memory = json.loads(subprocess.run([programs / "linear_fit_memory"], env=environment, check=True,
                                           capture_output=True, text=True).stdout)
    results = {
        "fit / its own two products (limit 2)": fit["fit"] / fit["own_products"],
        "fit / the two products as plain Eigen f32 products (limit 2)": fit["fit"] / fit["plain_products"],
        "4096 samples, 1000 steps / 10 steps (limit 1.1)": sampling["collapsed/1000"] / sampling["collapsed/10"],
        "64 samples with every step taken, 100 steps / 10 steps": sampling["stepwise/100"] / sampling["stepwise/10"],
        "peak memory of the fit / the data (limit 3)": memory["ratio"],
    }
    try:
        torch_time, version, threads = torch_svd_milliseconds(x, 3)
        results[f"torch.linalg.svd ({version}, {threads} threads) / fit (at least 4)"] = torch_time / fit["fit"]
    except ImportError:
        print("PyTorch is not installed (Debian python3-torch): its line is left out")
    for what, ratio in results.items():
        print(f"{what}: {ratio:.3f}")
    print(json.dumps({"fit_ms": fit, "sampling_ms": sampling, "memory": memory, "ratios": results}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
