#!/usr/bin/env python3
"""The two nearest training images of 1000 queries against scikit-learn's brute force, in one run.

    nearest_neighbours.py BUILD_FOLDER [--rounds 5]            e.g. build/benchmarks (preset benchmarks)

60,000 training images of Fashion-MNIST (d = 784, f32) and the first 1000 test images; and with --gaussian as many
vectors without structure, the worst case, where no subspace helps. Sides take turns; the ratio is that of the best
times, with the worst ratio of a round beside it. Both must find the same neighbours. Needs NumPy and scikit-learn
(Debian python3-sklearn), and the Debian package dataset-fashion-mnist. Threads: as OMP_NUM_THREADS says, 2 without it,
for both. scikit-learn's BLAS should choose its own kernels: leave OPENBLAS_CORETYPE unset.
"""
import argparse
import gzip
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

THREADS = os.environ.setdefault("OMP_NUM_THREADS", "2")  # before NumPy starts its own
os.environ.setdefault("OPENBLAS_NUM_THREADS", THREADS)

import numpy as np
import sklearn
from sklearn.neighbors import NearestNeighbors

WANTED = 2.0
QUERIES = 1000
FOLDER = Path("/usr/share/datasets/fashion-mnist")


def images(name):
    """Pixels v / 127.5 - 1, (n, 784)."""
    with gzip.open(FOLDER / f"{name}-images-idx3-ubyte.gz") as file:
        values = np.frombuffer(file.read(), np.uint8, offset=16)
    return (values.astype(np.float32) / np.float32(127.5) - np.float32(1)).reshape(-1, 784)


def compare(what, program, training, queries, rounds):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "training.npy", Path(folder) / "queries.npy"]
        for path, data in zip(paths, (training, queries)):
            np.save(path, data)
        peer = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(training)
        peer.kneighbors(queries[:100])  # warm-up
        own_times, peer_times = [], []
        for _ in range(rounds):
            output = subprocess.run([program, "2", *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
            ours = [json.loads(line) for line in output.splitlines()]
            own_times.append(min(run["seconds"] for run in ours))
            times = []
            for _ in range(2):
                start = time.perf_counter()
                distances, indices = peer.kneighbors(queries)
                times.append(time.perf_counter() - start)
            peer_times.append(min(times))
    # scikit-learn measures by expanded squares: its distances have the rounding of those.
    difference = abs(ours[0]["distance_sum"] / distances.sum() - 1)
    ratio = min(peer_times) / min(own_times)
    worst = min(theirs / own for theirs, own in zip(peer_times, own_times))
    print(f"{what}: {min(own_times):.3f} s, scikit-learn {min(peer_times):.3f} s, ratio {ratio:.2f} (worst round "
          f"{worst:.2f}); indices {'agree' if ours[0]['index_sum'] == indices.sum() else 'DIFFER'}, "
          f"distances to {difference:.1e}")
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gaussian", action="store_true", help="also vectors without structure")
    arguments = parser.parse_args()
    program = arguments.build / "benchmarks" / "nearest_neighbours"
    print(f"scikit-learn {sklearn.__version__}, {THREADS} threads")
    ratio = compare("Fashion-MNIST", program, images("train"), images("t10k")[:QUERIES], arguments.rounds)
    print(f"scikit-learn / diffarch: {ratio:.2f} (at least {WANTED}: {'met' if ratio >= WANTED else 'MISSED'})")
    if arguments.gaussian:
        generator = np.random.default_rng(1)
        x = generator.normal(size=(60000 + QUERIES, 784)).astype(np.float32)
        compare("Gaussian vectors", program, x[QUERIES:], x[:QUERIES], arguments.rounds)


if __name__ == "__main__":
    main()
