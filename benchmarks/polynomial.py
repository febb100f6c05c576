#!/usr/bin/env python3
"""Polynomials on random features against the published reference code in PyTorch, in one run.

    polynomial.py BUILD_FOLDER --reference MODELS_PY [--patch]     e.g. build/benchmarks (preset benchmarks)

MODELS_PY: models.py of ItamarLevine/ArchitectureAndCreativity. Both sides fit n = 1000 images of 64 x 64 x 3 with 1024
features and draw 16 samples with 50 DDIM steps of the cosine schedule, in f32. Prints every figure as a ratio with its
limit. Needs NumPy and PyTorch (Debian python3-torch). Threads: as OMP_NUM_THREADS says, 2 without it, for both.
PyTorch's BLAS should choose its own kernels: leave OPENBLAS_CORETYPE unset.

The reference fits again at every level, so its time is that of a level times the number of levels: --reference-levels
of them are run, as a complete sampling with so many steps, and scaled to 50. --patch measures the patch denoiser: of the
reference, one pixel at each window width, times the 64 * 64 pixels that it fits one by one (the whole image has one fit).
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", "2"))  # before PyTorch starts its own

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "parity"))
from legacy_reference import reference_module

N, SIDE, CHANNELS = 1000, 64, 3
SAMPLES, STEPS, WIDTH = 16, 50, 1024
DEVICE = torch.device("cpu")


def benchmark_data():
    """Images with a falling spectrum, (n, d)."""
    generator = np.random.default_rng(1)
    d = SIDE * SIDE * CHANNELS
    x = generator.normal(size=(N, N)) / np.arange(1, N + 1) @ generator.normal(size=(N, d))
    return x.astype(np.float32)


def cosine_alpha_bars(steps, s=0.008, train_steps=1000, max_beta=0.999):
    """Nichol and Dhariwal (2021), eq. 17, on every (train_steps / steps)-th level, ending at alpha_bar = 1."""
    t = np.arange(train_steps + 1) / train_steps
    f = np.cos((t + s) / (1 + s) * np.pi / 2) ** 2
    beta = np.minimum(1 - f[1:] / f[:-1], max_beta)
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - beta)])
    index = np.round(train_steps * (steps - np.arange(steps + 1)) / steps).astype(int)
    return [float(value) for value in alpha_bar[index]]


def sample(denoise, y, alpha_bars):
    """DDIM (Song et al. 2021) from y, variance preserving. denoise(y, beta) predicts x0."""
    for current, following in zip(alpha_bars[:-1], alpha_bars[1:]):
        x0_hat = denoise(y, 1 - current)
        noise = (y - current**0.5 * x0_hat) / (1 - current) ** 0.5
        y = following**0.5 * x0_hat + (1 - following) ** 0.5 * noise
    return y


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@torch.no_grad()
def reference_sampling_seconds(reference, images, degree, levels):
    """Of STEPS levels, from a sampling with `levels` steps."""
    model = reference.PolynomialDenoiser(images, DEVICE, degree, seed=1, num_features=WIDTH)
    start = torch.randn(SAMPLES, CHANNELS, SIDE, SIDE)
    model(start, 0.5)  # warm-up
    return STEPS / levels * seconds(lambda: sample(model, start, cosine_alpha_bars(levels)))


@torch.no_grad()
def reference_patch_seconds(reference, images, degree=3):
    """Of one sampling, one level for each window width of the reference, with the time of one pixel at each."""
    table = reference.PolynomialPatchDenoiser(images, DEVICE, degree, patch_size=SIDE)
    y = torch.randn(SAMPLES, CHANNELS, SIDE, SIDE)

    def pixel(size, width):
        begin = SIDE // 2 - size // 2
        window = (..., slice(begin, begin + size), slice(begin, begin + size))
        patches = images[window]
        reference.PolynomialDenoiser(patches, DEVICE, degree, num_features=width)(y[window], 0.5)

    pixel(8, 8)  # warm-up
    total, pixels = 0.0, []
    for size, width in zip(table.patch_sizes, table.num_fs):
        one = float(np.median([seconds(lambda: pixel(size, width)) for _ in range(3)]))
        pixels.append({"patch_size": size, "width": width, "pixel_seconds": one})
        total += one * (1 if size == SIDE else SIDE * SIDE)
    return total, pixels


def report(what, ratio, wanted, at_least=True):
    met = ratio >= wanted if at_least else ratio < wanted
    print(f"{what}: {ratio:.2f} ({'at least' if at_least else 'below'} {wanted}: {'met' if met else 'MISSED'})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--patch", action="store_true")
    parser.add_argument("--reference-levels", type=int, default=10, help="levels of the reference that are run (10)")
    arguments = parser.parse_args()
    if not 1 <= arguments.reference_levels <= STEPS:
        parser.error(f"--reference-levels: expected 1 to {STEPS}")
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    reference = reference_module(arguments.reference)
    x = benchmark_data()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npy"
        np.save(path, x)
        command = [arguments.build / "benchmarks" / "polynomial_sampling"] + (["patch"] if arguments.patch else [])
        environment = dict(os.environ, DIFFARCH_BENCHMARK_DATA=str(path))
        ours = json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)
    images = torch.from_numpy(x).reshape(N, CHANNELS, SIDE, SIDE)

    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    if arguments.patch:
        total, pixels = reference_patch_seconds(reference, images)
        own = ours["fit_seconds"] + ours["sample_seconds"]
        limit = ours["gemm_cholesky_limit_seconds"]
        print(f"reference: {total:.0f} s for {len(pixels)} levels, extrapolated from one pixel of each (median of 3)")
        report("reference / fit and sampling", total / own, 100)
        report("fit and sampling / its own products and factorisations", own / limit, 2, at_least=False)
        print(json.dumps({"diffarch": ours, "reference_seconds": total, "reference_pixels": pixels}))
        return
    levels = arguments.reference_levels
    peer = {degree: reference_sampling_seconds(reference, images, degree, levels) for degree in (3, 27)}
    note = "" if levels == STEPS else f", {levels} levels run and scaled by {STEPS / levels:g}"
    print(f"reference: degree 3 {peer[3]:.1f} s, degree 27 {peer[27]:.1f} s for {STEPS} levels{note}")
    report("reference, degree 3 / legacy", peer[3] / ours["legacy"], 15)
    report("reference, degree 3 / single draw", peer[3] / ours["single_draw"], 15)
    report("reference, degree 3 / exact average, degree 3", peer[3] / ours["exact_3"], 8)
    report("reference, degree 27 / exact average, degree 27", peer[27] / ours["exact_27"], 1)
    print(json.dumps({"diffarch": ours, "reference": {"degree_3": peer[3], "degree_27": peer[27]}}))


if __name__ == "__main__":
    main()
