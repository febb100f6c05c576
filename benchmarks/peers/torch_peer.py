"""The paper's procedures in PyTorch, as a user would write them: what is timed beside this library.

A case is a function of the folder with the inputs and the profile (common.py) that returns (work, compare): work() is
what is timed, compare() the difference of its results from those that our program wrote. Arrays hold one sample per
row, images height x width x channels. Prepared outside the timing: reading the inputs, and in sampling the fit.
"""
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "parity"))
import legacy_reference
import network_reference
import safetensors_reference

from common import (IDEAL_SIGMAS, NETWORKS, RANK, SAMPLES, cosine_alpha_bars, largest_difference,
                    relative_difference)

RIDGE = 1e-5


def load(folder, name):
    return torch.from_numpy(np.load(folder / f"{name}.npy"))


class LinearDenoiser:
    """Posterior mean of a Gaussian with the mean and covariance of the data, or its `rank` leading modes."""

    def __init__(self, data, rank=None):
        self.mean = data.mean(dim=0)
        _, s, vt = torch.linalg.svd(data - self.mean, full_matrices=False)
        rank = min(len(data) - 1, data.shape[1]) if rank is None else rank
        self.variances, self.modes = s[:rank] ** 2 / len(data), vt[:rank]

    def __call__(self, y, beta):
        signal = (1 - beta) ** 0.5
        gain = self.variances * signal / (self.variances * signal**2 + beta)
        return self.mean + ((y - signal * self.mean) @ self.modes.T * gain) @ self.modes


class PolynomialDenoiser:
    """Least squares on the `degree`-th powers of random projections, fitted again at every noise level to one noise
    draw of every sample. Legacy features are the paper's, without a bias and divided by their largest; otherwise
    (R y + b)^k. `targets`: what is predicted, the data by default."""

    def __init__(self, data, degree, width, is_legacy=True, targets=None):
        self.data, self.degree, self.is_legacy = data, degree, is_legacy
        self.targets = data if targets is None else targets
        self.directions = torch.randn(width, data.shape[1], dtype=data.dtype) / data.shape[1] ** 0.5
        self.biases = torch.randn(width, dtype=data.dtype)
        self.deviation = data.std()
        self.mean = self.targets.mean(dim=0)

    def features(self, y):
        if self.is_legacy:
            return legacy_reference.features(y, self.directions, self.degree, self.deviation)
        return (y @ self.directions.T + self.biases).pow(self.degree)

    def __call__(self, y, beta, noise=None):
        noise = torch.randn_like(self.data) if noise is None else noise
        h = self.features((1 - beta) ** 0.5 * self.data + beta**0.5 * noise)
        h_mean = h.mean(dim=0)
        h = h - h_mean
        count = len(h) - (1 if self.is_legacy else 0)
        covariance = h.T @ h / count + RIDGE * torch.eye(h.shape[1], dtype=h.dtype, device=h.device)
        coefficients = torch.linalg.solve(covariance, h.T @ (self.targets - self.mean) / count)
        return self.mean + (self.features(y) - h_mean) @ coefficients


def published_denoiser(models, data, degree, width):
    """PolynomialDenoiser of models.py of the published code, on flat samples. It flattens images itself."""
    model = legacy_reference.reference_module(models).PolynomialDenoiser(
        data.reshape(len(data), 3, -1, 1), torch.device("cpu"), degree, seed=1, num_features=width)
    return lambda y, beta: model(y.reshape(len(y), 3, -1, 1), beta).reshape(y.shape)


def sample(denoise, y, alpha_bars):
    """DDIM (Song et al. 2021) from y, variance preserving; denoise(y, beta) predicts x0."""
    for current, following in zip(alpha_bars[:-1], alpha_bars[1:]):
        x0_hat = denoise(y, 1 - current)
        noise = (y - current**0.5 * x0_hat) / (1 - current) ** 0.5
        y = following**0.5 * x0_hat + (1 - following) ** 0.5 * noise
    return y


def fit_case(name, rank):
    def case(folder, profile):
        data = load(folder, "data")

        def compare():
            return largest_difference(LinearDenoiser(data, rank).variances.numpy(), np.load(folder / f"{name}.npy"))

        return (lambda: LinearDenoiser(data, rank)), compare

    return case


def sampling_case(name, rank):
    def case(folder, profile):
        denoiser = LinearDenoiser(load(folder, "data"), rank)
        start = load(folder, "start")

        def work():
            return sample(denoiser, start, cosine_alpha_bars(10))

        return work, lambda: relative_difference(work().numpy(), np.load(folder / f"{name}.npy"))

    return case


def polynomial_case(name, degree, is_legacy):
    """Timed: a complete sampling with profile.peer_levels steps, each of which fits."""

    def case(folder, profile):
        data, start = load(folder, "data"), load(folder, "start")[:SAMPLES]
        width = min(1024, len(data))

        def work():
            if profile.reference and is_legacy:
                denoiser = published_denoiser(profile.reference, data, degree, width)
            else:
                denoiser = PolynomialDenoiser(data, degree, width, is_legacy)
            return sample(denoiser, start, cosine_alpha_bars(profile.peer_levels))

        def compare():
            """One prediction from the same noise, directions and biases, in f64: as many features as samples make a
            problem that is ill-conditioned in f32."""
            denoiser = PolynomialDenoiser(data.double(), degree, width, is_legacy)
            denoiser.directions = load(folder, f"{name}.directions").double()
            denoiser.biases = load(folder, f"{name}.biases").double().ravel()
            expected = denoiser(start.double(), 0.5, load(folder, "noise").double())
            return relative_difference(np.load(folder / f"{name}.npy"), expected.numpy())

        return work, compare

    return case


class PatchLevel:
    """One noise level of the local polynomial: every pixel from its own fit on the window around it, moved inside at
    the borders."""

    def __init__(self, images, size, width):
        self.images, self.size, self.width = images, size, width

    def window(self, images, row, column):
        rows, columns = (min(max(0, at - self.size // 2), images.shape[1] - self.size) for at in (row, column))
        return images[:, rows : rows + self.size, columns : columns + self.size].reshape(len(images), -1)

    def denoiser(self, row, column):
        return PolynomialDenoiser(self.window(self.images, row, column), 3, self.width, True,
                                  self.images[:, row, column])

    def predict(self, y, row, column, beta):
        return self.denoiser(row, column)(self.window(y, row, column), beta)


def square_images(flat):
    side = round((flat.shape[1] / 3) ** 0.5)
    return flat.reshape(len(flat), side, side, 3)


def patch_level_case(folder, profile):
    """Timed: profile.peer_pixels of the pixels, evenly spread."""
    images, start = square_images(load(folder, "data")), square_images(load(folder, "start")[:SAMPLES])
    side = images.shape[1]
    size, width = profile.patches[5]
    beta = 1 - cosine_alpha_bars(10)[5]
    level = PatchLevel(images, size, width)
    spread = round(profile.peer_pixels**0.5)
    places = [(2 * i + 1) * side // (2 * spread) for i in range(spread)]

    def work():
        return [level.predict(start, row, column, beta) for row in places for column in places]

    def compare():
        """At nine pixels, corners and borders among them, from the directions and the projected noise of ours: any
        noise E with R E = N gives N."""
        directions = load(folder, "patch_level.directions").double()
        noise = (torch.linalg.pinv(directions) @ load(folder, "patch_level.noise").double().T).T
        ours = square_images(torch.from_numpy(np.load(folder / "patch_level.npy")))
        exact = PatchLevel(images.double(), size, width)
        worst = 0.0
        for row in (0, side // 3, side - 1):
            for column in (0, side // 2, side - 1):
                denoiser = exact.denoiser(row, column)
                denoiser.directions = directions
                expected = denoiser(exact.window(start.double(), row, column), beta, noise)
                worst = max(worst, relative_difference(ours[:, row, column].numpy(), expected.numpy()))
        return worst

    return work, compare


def patch_case(folder, profile):
    """Timed: the pixel in the middle at each of the ten levels; work.scaled is what all pixels would take. The
    published code predicts all values of the window, ours the three of the pixel."""
    images, start = square_images(load(folder, "data")), square_images(load(folder, "start")[:SAMPLES])
    side = images.shape[1]

    def one_fit(size, width, beta):
        level = PatchLevel(images, size, width)
        y = level.window(start, side // 2, side // 2)
        if profile.reference:
            published_denoiser(profile.reference, level.window(images, side // 2, side // 2), 3, width)(y, beta)
        elif size == side:
            PolynomialDenoiser(images.flatten(1), 3, width)(y, beta)
        else:
            level.denoiser(side // 2, side // 2)(y, beta)

    def work():
        work.scaled = 0.0
        for (size, width), alpha_bar in zip(profile.patches, cosine_alpha_bars(10)):
            begin = time.perf_counter()
            one_fit(size, width, 1 - alpha_bar)
            fits = 1 if size == side else side**2
            work.scaled += fits * (time.perf_counter() - begin)

    return work, None


def ideal_case(folder, profile):
    data, noise = load(folder, "data"), load(folder, "start")
    noisy = [data[: len(noise)] + sigma * noise for sigma in IDEAL_SIGMAS]

    def work():
        return torch.cat([torch.softmax(-torch.cdist(y, data).square() / (2 * sigma**2), dim=1) @ data
                          for y, sigma in zip(noisy, IDEAL_SIGMAS)])

    return work, lambda: relative_difference(work().numpy(), np.load(folder / "ideal.npy"))


def neighbours_case(folder, profile):
    training, queries = load(folder, "training"), load(folder, "queries")

    def work():
        return torch.topk(torch.cdist(queries, training), 2, largest=False)

    return work, lambda: relative_difference(work().values.numpy(), np.load(folder / "nearest_neighbours.npy"))


def network_case(name):
    """Timed: one training step on fresh noise; profile.network_steps of them make a run."""

    def case(folder, profile):
        kind, size, batch = NETWORKS[name]
        torch.manual_seed(1)
        network = {"unet": lambda: network_reference.UNet(3, 32, "zeros"),
                   "mlp": lambda: network_reference.mlp(3 * size**2, 1000),
                   "mlp2d": lambda: network_reference.mlp_2d(1)}[kind]().train()
        shape = (batch, 2) if kind == "mlp2d" else (batch, 3, size, size)
        adam = torch.optim.Adam(network.parameters(), lr=1e-4)
        data = torch.randn(shape)

        def step(noisy, clean):
            loss = torch.nn.functional.mse_loss(network(noisy), clean)
            adam.zero_grad()
            loss.backward()
            adam.step()
            return loss.item()

        def work():
            step(0.9 * data + 0.4 * torch.randn_like(data), data)

        def compare():
            """The losses of three steps from the same weights on the same noisy batches."""
            tensors, _ = safetensors_reference.read((folder / "weights.safetensors").read_bytes())
            network.load_state_dict({key: torch.from_numpy(np.array(value)) for key, (_, value) in tensors.items()})

            def batch_of(file):
                return network_reference.from_nhwc(load(folder, file).reshape(-1), shape)

            ours = np.load(folder / "losses.npy").ravel()
            losses = [step(batch_of(f"noisy_{i}"), batch_of("clean")) for i in range(len(ours))]
            return relative_difference(np.array(losses), ours)

        return work, compare

    return case


CASES = {
    "linear_fit": fit_case("linear_fit", None),
    "rank_fit": fit_case("rank_fit", RANK),
    "linear_sampling": sampling_case("linear_sampling", None),
    "rank_sampling": sampling_case("rank_sampling", RANK),
    **{f"legacy_{k}": polynomial_case(f"legacy_{k}", k, True) for k in (3, 9, 27)},
    "single_3": polynomial_case("single_3", 3, False),
    "patch_level": patch_level_case,
    "patch": patch_case,
    "ideal": ideal_case,
    "nearest_neighbours": neighbours_case,
    **{name: network_case(name) for name in NETWORKS},
}
