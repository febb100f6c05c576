"""The published modules of local score machines (utils/idealscore.py of Kamb and Ganguli 2024, "An analytic theory of
creativity in convolutional diffusion models"), from a copy that --kamb names.

Their file imports torchvision and matplotlib for data and pictures that nothing here uses: empty modules stand in for
the two. What they return is a score; Tweedie's formula makes it the prediction x0_hat that ours is.

They are asked where they are right: one noisy image (of several the modules divide by sums of another shape, or share
one maximum among all images, far from which weights vanish) and minibatches of one size (LocalScoreModule and
LocalEquivScoreModule sum means over minibatches). The images of LocalEquivScoreModule are given to it continued by
their other side: it takes patches inside its images only, while the noisy image is circular, and so it knows all
patches of circular images. equivariant_local_score_inside is the module on the images as they are.
"""
import sys
import types
from pathlib import Path

import numpy as np
import torch

from common import LOCAL_BATCHES, LOCAL_SIDE, LOCAL_TIME, LOCAL_WINDOW, local_beta, relative_difference

MODULES = {"local_score": "LocalScoreModule", "equivariant_local_score": "LocalEquivScoreModule",
           "equivariant_local_score_inside": "LocalEquivScoreModule",
           "bordered_local_score": "LocalEquivBordersScoreModule"}


class Nothing(types.ModuleType):
    """A module with any name in it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name)


def published(folder):
    for name in ("torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.models", "matplotlib",
                 "matplotlib.pyplot", "matplotlib.cm"):
        sys.modules.setdefault(name, Nothing(name))
    sys.path.insert(0, str(Path(folder) / "utils"))
    import idealscore

    return idealscore


def images_of(folder, name):
    """(n, channels, height, width)."""
    flat = torch.from_numpy(np.load(folder / f"{name}.npy"))
    return flat.reshape(len(flat), LOCAL_SIDE, LOCAL_SIDE, 3).permute(0, 3, 1, 2).contiguous()


def kamb_case(name):
    def case(folder, profile):
        # LocalScoreModule takes its time to all images, the others to a part, which cases.py scales.
        images = images_of(folder, "local_images" if name == "local_score" else "local_part")
        part = images_of(folder, "local_part")
        noisy = images_of(folder, "local_noisy")
        code = published(profile.kamb)

        def prediction(images):
            if name == "equivariant_local_score":
                images = torch.nn.functional.pad(images, (LOCAL_WINDOW // 2,) * 4, mode="circular")
            data = torch.utils.data.TensorDataset(images, torch.zeros(len(images)))
            machine = getattr(code, MODULES[name])(data, kernel_size=LOCAL_WINDOW, image_size=LOCAL_SIDE, channels=3,
                                                   batch_size=len(part) // LOCAL_BATCHES,
                                                   schedule=code.cosine_noise_schedule)
            score = machine(torch.tensor([LOCAL_TIME]), noisy, device=torch.device("cpu"))
            return (noisy + local_beta() * score) / (1 - local_beta()) ** 0.5

        def compare():
            theirs = prediction(part).permute(0, 2, 3, 1).reshape(1, -1)
            return relative_difference(np.load(folder / f"{name}.npy"), theirs.numpy())

        return (lambda: prediction(images)), compare

    return case


CASES = {name: kamb_case(name) for name in MODULES}
