"""What both sides of a comparison must agree on."""
import numpy as np

RANK = 100
SAMPLES = 16  # of the polynomials
IDEAL_SIGMAS = (0.1, 1.0, 10.0)
# name -> kind, pixels of a side, batch
NETWORKS = {"unet64": ("unet", 64, 16), "unet32": ("unet", 32, 16), "mlp": ("mlp", 64, 128), "mlp2d": ("mlp2d", 1, 256)}
# The local posteriors: pixels of a side, width of the window, time of the published schedule, minibatches of a part of
# the images.
LOCAL_SIDE, LOCAL_WINDOW, LOCAL_TIME, LOCAL_BATCHES = 32, 7, 0.5, 2
PATCHES = list(zip((64, 55, 45, 35, 27, 21, 15, 11, 7, 3), (1024, 1024, 512, 256, 128, 128, 64, 32, 16, 8)))


class Profile:
    """Sizes of a run. quick: minutes, to see that everything works; its ratios say little."""

    def __init__(self, quick=False, reference=None, kamb=None):
        self.quick = quick
        self.reference = reference  # models.py of the published code, or None
        self.kamb = kamb  # folder of the published code of local score machines, or None
        self.side = 32 if quick else 64
        self.n = 300 if quick else 1000
        self.starts = 64 if quick else 256
        self.neighbours, self.queries = (6000, 100) if quick else (60000, 1000)
        self.peer_levels = 2 if quick else 5  # of the 50 that PyTorch would fit
        self.peer_pixels = 4 if quick else 64  # of all that PyTorch would fit
        self.local_images, self.local_part = (200, 20) if quick else (1000, 100)  # all, and those of the slow modules
        self.rounds = 1 if quick else 3
        self.patches = [(max(1, int(size * self.side / 64 + 0.5)), width) for size, width in PATCHES]

    @property
    def d(self):
        return 3 * self.side**2


def cosine_alpha_bars(steps, s=0.008, train_steps=1000, max_beta=0.999):
    """Nichol and Dhariwal (2021), eq. 17, on every (train_steps / steps)-th level, ending at alpha_bar = 1."""
    t = np.arange(train_steps + 1) / train_steps
    f = np.cos((t + s) / (1 + s) * np.pi / 2) ** 2
    beta = np.minimum(1 - f[1:] / f[:-1], max_beta)
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - beta)])
    index = np.round(train_steps * (steps - np.arange(steps + 1)) / steps).astype(int)
    return [float(value) for value in alpha_bar[index]]


def local_beta():
    """cosine_noise_schedule of the published code: noise^2 at LOCAL_TIME, variance preserving."""
    return float(1 - np.cos(LOCAL_TIME / 1.008 * np.pi / 2) ** 2)


def largest_difference(variances, ours):
    """Of the variances of modes, relative to the largest. Ours leave out those that are zero to rounding."""
    ours = np.asarray(ours).ravel()
    assert len(ours) <= len(variances), (len(ours), len(variances))
    return float(np.abs(np.asarray(variances)[: len(ours)] - ours).max() / ours.max())


def relative_difference(value, reference):
    """Euclidean norm of the difference over that of the reference."""
    value, reference = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    assert value.shape == reference.shape, (value.shape, reference.shape)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))
