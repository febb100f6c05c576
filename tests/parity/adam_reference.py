#!/usr/bin/env python3
"""torch.optim.Adam on given gradients: what adam_test.cpp compares the library's Adam with.

    adam_reference.py make FOLDER     write the fixtures

Twelve steps on 13 parameters with gradients between 1e-12 and 1e3, one always zero, with PyTorch's default options and
with others. Besides, the formula in NumPy is compared with PyTorch's parameters: to 1e-13 in f64.
"""
import sys
from pathlib import Path

import numpy as np
import torch

STEPS, PARAMETERS = 12, 13
CASES = {
    "default": dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8),
    "fast": dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4),
}


def problem():
    generator = np.random.default_rng(11)
    initial = generator.normal(size=PARAMETERS)
    initial[:4] = 0.0  # so that the smallest steps do not drown
    scale = np.concatenate([[0.0, 1e-12, 1e-6, 1e3], np.ones(PARAMETERS - 4)])
    gradients = scale * generator.normal(size=(STEPS, PARAMETERS))
    # Both types start from the same numbers.
    return initial.astype(np.float32).astype(np.float64), gradients.astype(np.float32).astype(np.float64)


def torch_adam(initial, gradients, options, dtype):
    """Parameters after every step (steps, d), and the final m and v (2, d)."""
    parameter = torch.tensor(initial, dtype=dtype, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], **options)
    trajectory = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=dtype)
        optimizer.step()
        trajectory.append(parameter.detach().numpy().copy())
    state = optimizer.state[parameter]
    return np.stack(trajectory), np.stack([state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()])


def numpy_adam(initial, gradients, lr, betas, eps):
    p, m, v, trajectory = initial.copy(), 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        p = p - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        trajectory.append(p)
    return np.stack(trajectory)


def make(folder):
    initial, gradients = problem()
    np.save(folder / "adam_initial.npy", initial)
    np.save(folder / "adam_gradients.npy", gradients)
    for name, options in CASES.items():
        for label, dtype in (("f32", torch.float32), ("f64", torch.float64)):
            trajectory, moments = torch_adam(initial, gradients, options, dtype)
            error = np.abs(trajectory - numpy_adam(initial, gradients, **options)).max()
            print(f"{name} {label}: largest difference of PyTorch {torch.__version__} to the formula {error:.1e}")
            assert error < (1e-13 if label == "f64" else 1e-6), error
            np.save(folder / f"adam_{name}_{label}.npy", trajectory)
            np.save(folder / f"adam_{name}_{label}_moments.npy", moments)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "make":
        sys.exit(__doc__)
    make(Path(sys.argv[2]))
