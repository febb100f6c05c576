#!/usr/bin/env python3
"""The linear family evaluated by NumPy alone: what the library's samples are compared with.

    linear_reference.py make FOLDER       write the fixtures that linear_parity_test.cpp reads
    linear_reference.py check PROGRAM     run fig5_linear_bottleneck on random images in f64 and compare every sample

Samples of N DDIM steps are evaluated twice, independently of each other and of the library:
  - in closed form from a singular value decomposition: out = mu + sum_k u_k G(lambda_k) (u_k.x_T / sqrt(alpha_bar_T)
    - u_k.mu), G(lambda) = prod_i (lambda + sigma_i sigma_{i+1}) / (lambda + sigma_i^2);
  - step by step with the dense denoiser mu + Sigma (Sigma + sigma^2 I)^-1 (y - mu) in VE coordinates.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def cosine_sigmas(steps, s=0.008, train_steps=1000, max_beta=0.999):
    """Nichol and Dhariwal (2021), eq. 17, on every (train_steps / steps)-th level, ending at sigma = 0."""
    t = np.arange(train_steps + 1) / train_steps
    f = np.cos((t + s) / (1 + s) * np.pi / 2) ** 2
    beta = np.minimum(1 - f[1:] / f[:-1], max_beta)
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - beta)])
    index = np.round(train_steps * (steps - np.arange(steps + 1)) / steps).astype(int)
    return np.sqrt((1 - alpha_bar[index]) / alpha_bar[index])


def closed_form(x, noise, sigmas, rank=None):
    """x (n, d), noise (m, d) -> samples (m, d)."""
    mu = x.mean(axis=0)
    _, s, vt = np.linalg.svd(x - mu, full_matrices=False)
    rank = min(x.shape[0] - 1, x.shape[1]) if rank is None else rank
    u, lam = vt[:rank], s[:rank] ** 2 / x.shape[0]
    gain = np.prod((lam[:, None] + sigmas[:-1] * sigmas[1:]) / (lam[:, None] + sigmas[:-1] ** 2), axis=1)
    coordinates = noise @ u.T * np.sqrt(1 + sigmas[0] ** 2) - u @ mu
    return mu + (coordinates * gain) @ u


def step_by_step(x, noise, sigmas, rank=None):
    mu = x.mean(axis=0)
    covariance = (x - mu).T @ (x - mu) / x.shape[0]
    if rank is not None:
        lam, u = np.linalg.eigh(covariance)
        covariance = (u[:, -rank:] * lam[-rank:]) @ u[:, -rank:].T
    y = noise * np.sqrt(1 + sigmas[0] ** 2)
    for sigma, following in zip(sigmas[:-1], sigmas[1:]):
        wiener = np.linalg.solve(covariance + sigma**2 * np.eye(len(mu)), covariance).T
        x0_hat = mu + (y - mu) @ wiener.T
        y = x0_hat + following / sigma * (y - x0_hat)
    return y


def relative_error(value, reference):
    return np.linalg.norm(value - reference) / np.linalg.norm(reference)


def random_images(generator, n, height, width, channels):
    """Images with a falling spectrum: smooth random fields in [-1, 1]."""
    d = height * width * channels
    mixing = generator.normal(size=(d, d)) * (1.0 / np.arange(1, d + 1))
    images = 0.2 + 0.5 * generator.normal(size=(n, d)) @ mixing.T / np.sqrt(d)
    return np.clip(images, -1, 1).reshape(n, height, width, channels)


def make(folder):
    generator = np.random.default_rng(2024)
    sigmas = cosine_sigmas(10)
    np.save(folder / "cosine10_sigmas.npy", sigmas)
    # "wide": fewer images than values, the Gram route; "tall": more images than values, the covariance route.
    for name, n, shape, rank in [("wide", 8, (3, 2, 3), 3), ("tall", 40, (2, 2, 2), 3)]:
        images = random_images(generator, n, *shape)
        x = images.reshape(n, -1)
        noise = generator.normal(size=(5, *shape))
        np.save(folder / f"{name}_images.npy", images)
        np.save(folder / f"{name}_noise.npy", noise)
        for label, k in [("linear", None), (f"rank_{rank}", rank)]:
            samples = closed_form(x, noise.reshape(5, -1), sigmas, k)
            error = relative_error(step_by_step(x, noise.reshape(5, -1), sigmas, k), samples)
            assert error < 1e-10, f"the two NumPy evaluations disagree by {error}"
            np.save(folder / f"{name}_{label}_samples.npy", samples.reshape(noise.shape))


def check(program):
    generator = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = random_images(generator, 60, 8, 8, 3)
        np.save(folder / "images.npy", images)
        command = [program, "--data", str(folder / "images.npy"), "--dtype", "f64", "--range", "-1:1"]
        command += ["--ranks", "5,20", "--samples", "7", "--measured", "200", "--save-npy", "--seed", "3"]
        command += ["--out", str(folder / "out")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        sigmas = np.array(json.loads((folder / "out" / "fig5_linear_bottleneck.json").read_text())["sigmas"])
        noise = np.load(folder / "out" / "noise.npy")
        assert noise.shape == (7, 8, 8, 3), noise.shape
        for row, rank in [("rank_5", 5), ("rank_20", 20), ("linear", None)]:
            samples = np.load(folder / "out" / f"{row}.npy")
            assert samples.dtype == np.float64 and samples.shape == noise.shape, (samples.dtype, samples.shape)
            expected = closed_form(images.reshape(60, -1), noise.reshape(7, -1), sigmas, rank)
            error = relative_error(samples.reshape(7, -1), expected)
            print(f"{row}: relative difference to NumPy {error:.2e}")
            assert error < 1e-10, error


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    elif len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        sys.exit(__doc__)
