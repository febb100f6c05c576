"""The same in NumPy with SciPy, and what scikit-learn does. Cases as in torch_peer.py."""
import numpy as np
import scipy.linalg
import scipy.special

from common import IDEAL_SIGMAS, RANK, cosine_alpha_bars, largest_difference, relative_difference


def load(folder, name):
    return np.load(folder / f"{name}.npy")


def modes_of(data):
    """Mean, variances and modes (as rows) by the singular value decomposition of the centred data."""
    mean = data.mean(axis=0)
    _, s, vt = scipy.linalg.svd(data - mean, full_matrices=False, overwrite_a=True, check_finite=False)
    rank = min(len(data) - 1, data.shape[1])
    return mean, s[:rank] ** 2 / len(data), vt[:rank]


def linear_fit(folder, profile):
    data = load(folder, "data")
    return (lambda: modes_of(data)), lambda: largest_difference(modes_of(data)[1], load(folder, "linear_fit"))


def linear_sampling(folder, profile):
    mean, variances, modes = modes_of(load(folder, "data"))
    start = load(folder, "start")

    def work():
        y = start
        alpha_bars = np.float32(cosine_alpha_bars(10))
        for current, following in zip(alpha_bars[:-1], alpha_bars[1:]):
            signal, noise = np.sqrt(current), np.sqrt(1 - current)
            gain = variances * signal / (variances * signal**2 + noise**2)
            x0_hat = mean + ((y - signal * mean) @ modes.T * gain) @ modes
            y = np.sqrt(following) * x0_hat + np.sqrt(1 - following) / noise * (y - signal * x0_hat)
        return y

    return work, lambda: relative_difference(work(), load(folder, "linear_sampling"))


def ideal(folder, profile):
    data, noise = load(folder, "data"), load(folder, "start")
    noisy = [data[: len(noise)] + np.float32(sigma) * noise for sigma in IDEAL_SIGMAS]

    def work():
        predictions = []
        norms = np.square(data).sum(axis=1)
        for y, sigma in zip(noisy, IDEAL_SIGMAS):  # |y|^2 is the same for all samples: softmax does not see it
            weights = scipy.special.softmax((y @ data.T - norms / 2) / np.float32(sigma**2), axis=1)
            predictions.append(weights @ data)
        return np.concatenate(predictions)

    return work, lambda: relative_difference(work(), load(folder, "ideal"))


def rank_fit(folder, profile):
    from sklearn.decomposition import PCA

    data = load(folder, "data")

    def work():  # the exact solver for few modes; the randomised one approximates
        return PCA(RANK, svd_solver="arpack", random_state=1).fit(data)

    def compare():
        return largest_difference(work().singular_values_**2 / len(data), load(folder, "rank_fit"))

    return work, compare


def nearest_neighbours(folder, profile):
    from sklearn.neighbors import NearestNeighbors

    queries = load(folder, "queries")
    search = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(load(folder, "training"))

    def work():
        return search.kneighbors(queries)

    return work, lambda: relative_difference(work()[0], load(folder, "nearest_neighbours"))


SCIPY_CASES = {"linear_fit": linear_fit, "linear_sampling": linear_sampling, "ideal": ideal}
SKLEARN_CASES = {"rank_fit": rank_fit, "nearest_neighbours": nearest_neighbours}
