#!/usr/bin/env python3
"""The Legacy random features evaluated by PyTorch alone: what the library's predictions are compared with.

    legacy_reference.py make FOLDER                 write the fixtures that legacy_parity_test.cpp reads
    legacy_reference.py check-reference MODELS_PY   compare the formula below with PolynomialDenoiser of models.py of
                                                    the published code (ItamarLevine/ArchitectureAndCreativity)

With directions R (p, d), training data X (n, d), noise E (n, d), and t = beta = 1 - alpha_bar:
    h(y) = (R y / max_j |r_j . y|)^degree / std(X),   std unbiased, over all elements,
    D(y) = mean(X) + Cov(x, h) (Cov(h) + 1e-5)^-1 (h(y) - mean h),   h of sqrt(1 - t) X + sqrt(t) E, over n - 1.

Measured with PyTorch 1.13 and the published models.py, its noise replaced by E: in f64 the largest relative difference
is 1.7e-15, so the formula is the reference's; in f32 it is 1.1e-6, the rounding of either side (f32 against f64: 1.8e-6).
"""
import argparse
import importlib.util
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import torch

N, DIMENSION, WIDTH, INPUTS = 60, 48, 24, 5
RIDGE = 1e-5
CASES = [(degree, t) for degree in (3, 27) for t in (0.3, 0.9)]


def features(samples, directions, degree, deviation):
    """h of every sample: (n, d) -> (n, p)."""
    a = samples @ directions.T
    largest = a.abs().amax(dim=1, keepdim=True)
    return (a / largest).pow(degree) / deviation


def denoise(data, directions, noise, inputs, degree, t):
    deviation = ((data - data.mean()).square().sum() / (data.numel() - 1)).sqrt()
    h = features((1 - t) ** 0.5 * data + t**0.5 * noise, directions, degree, deviation)
    h_mean, data_mean = h.mean(dim=0), data.mean(dim=0)
    h = h - h_mean
    normal_equations = h.T @ h / (len(data) - 1) + RIDGE * torch.eye(h.shape[1], dtype=h.dtype)
    right_side = h.T @ (data - data_mean) / (len(data) - 1)
    map_to_data = torch.cholesky_solve(right_side, torch.linalg.cholesky(normal_equations))
    return data_mean + (features(inputs, directions, degree, deviation) - h_mean) @ map_to_data


def problem():
    """Data with a falling spectrum, directions, noise and inputs, f32: all from one seeded generator."""
    generator = np.random.default_rng(78)
    mixing = generator.normal(size=(DIMENSION, DIMENSION)) / np.sqrt(np.arange(1, DIMENSION + 1))
    arrays = {
        "data": 0.1 + 0.3 * generator.normal(size=(N, DIMENSION)) @ mixing.T / 2,
        "directions": generator.normal(size=(WIDTH, DIMENSION)) / np.sqrt(DIMENSION),
        "noise": generator.normal(size=(N, DIMENSION)),
        "inputs": generator.normal(size=(INPUTS, DIMENSION)),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def tensors(dtype):
    return {name: torch.from_numpy(array).to(dtype) for name, array in problem().items()}


def relative_error(value, reference):
    value, reference = value.double(), reference.double()
    return float((value - reference).norm() / reference.norm())


def make(folder):
    for name, array in problem().items():
        np.save(folder / f"legacy_{name}.npy", array)
    for degree, t in CASES:
        single = denoise(**tensors(torch.float32), degree=degree, t=t)
        double = denoise(**tensors(torch.float64), degree=degree, t=t)
        error = relative_error(single, double)
        print(f"degree {degree}, t = {t}: relative difference of f32 to f64 {error:.2e}")
        # A tenth of the tolerance of the parity test: the rounding of the fixture itself must not decide it.
        assert error < 1e-5, error
        np.save(folder / f"legacy_degree_{degree}_t_{round(10 * t)}.npy", single.numpy())


def reference_module(path):
    """The reference's models.py, without the packages that only its other classes need."""
    names = ["matplotlib", "matplotlib.pyplot", "sympy", "sympy.benchmarks", "sympy.benchmarks.bench_meijerint",
             "sklearn", "sklearn.decomposition", "torchvision", "torchvision.transforms"]
    stubs = {name: types.ModuleType(name) for name in names}
    stubs["sympy.benchmarks.bench_meijerint"].alpha = None
    stubs["sklearn.decomposition"].PCA = None
    spec = importlib.util.spec_from_file_location("reference_models", path)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, stubs):
        spec.loader.exec_module(module)
    return module


def check_reference(path):
    reference = reference_module(path).PolynomialDenoiser
    for dtype, limit in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        torch.set_default_dtype(dtype)  # the reference builds its identity matrix in the default type
        values = tensors(dtype)
        for degree, t in CASES:
            model = reference(values["data"], torch.device("cpu"), degree, num_features=WIDTH)
            assert model.rand_mat.shape == values["directions"].shape, model.rand_mat.shape
            model.rand_mat = values["directions"]
            with mock.patch.object(torch, "randn_like", lambda like: values["noise"]):
                expected = model(values["inputs"], t)
            error = relative_error(denoise(**values, degree=degree, t=t), expected)
            print(f"{dtype}, degree {degree}, t = {t}: relative difference to the reference code {error:.2e}")
            assert error < limit, error


def run_command_line(description, make, check_reference):
    """`make FOLDER` writes the fixtures, `check-reference MODELS_PY` compares with the published code."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make").add_argument("folder", type=Path)
    commands.add_parser("check-reference").add_argument("models", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.folder)
    else:
        check_reference(arguments.models)


if __name__ == "__main__":
    run_command_line(__doc__, make, check_reference)
