"""One case of another library, in a process of its own, with the output of our programs (measured_case.hpp):

    peer.py LIBRARY CASE FOLDER RUNS|check [--quick] [--reference MODELS_PY] [--kamb FOLDER]

Prints one JSON object: seconds of each run, or in a check the relative difference to what our program wrote.
"""
import json
import os
import re
import sys
import time
from pathlib import Path

THREADS = int(os.environ["OMP_NUM_THREADS"])  # set by whoever starts this, before the libraries start their threads


def megabytes(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s*(\d+)", status)[1]) / 1024


def blas_libraries():
    """The files that serve as BLAS in this process: OpenBLAS, or what stands as libblas."""
    files = {Path(line.split()[-1]).name for line in Path("/proc/self/maps").read_text().splitlines() if "blas" in line}
    return sorted(file for file in files if file.startswith("libopenblas")) or \
        sorted(file for file in files if file.startswith("libblas"))


def cases_of(library):
    if library == "PyTorch":
        import torch

        torch.set_num_threads(THREADS)
        torch.manual_seed(1)
        import kamb_peer
        import torch_peer

        return {**torch_peer.CASES, **kamb_peer.CASES}
    import numpy_peer

    return numpy_peer.SCIPY_CASES if library == "SciPy" else numpy_peer.SKLEARN_CASES


def main():
    import numpy  # noqa: F401, the memory it takes is not the case's

    library, name, folder, runs, *rest = sys.argv[1:]
    case = cases_of(library)[name]
    from common import NETWORKS, Profile

    given = {name: rest[rest.index(f"--{name}") + 1] for name in ("reference", "kamb") if f"--{name}" in rest}
    profile = Profile("--quick" in rest, **given)
    if library == "scikit-learn":
        import sklearn.decomposition  # noqa: F401
        import sklearn.neighbors  # noqa: F401
    before = megabytes("VmRSS")
    if library == "PyTorch":
        import torch

        # Gradients of the networks only.
        torch.set_grad_enabled(name in NETWORKS)
    work, compare = case(Path(folder), profile)
    if runs == "check":
        print(json.dumps({"difference": float(compare())}))
        return
    seconds, peak = [], 0.0
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of reading the inputs
    for run in range(int(runs)):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
        del result
        if run == 0 or name in NETWORKS:  # Adam has its memory after the first step
            peak = megabytes("VmHWM")
    if hasattr(work, "scaled"):
        seconds = [work.scaled]
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "before_mb": before, "threads": THREADS,
                      "blas": blas_libraries()}))


if __name__ == "__main__":
    main()
