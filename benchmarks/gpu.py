#!/usr/bin/env python3
"""The programs gpu_* of this library, and PyTorch on the same GPU in the same run.

    python3 benchmarks/gpu.py BUILD_FOLDER [--out FOLDER]    e.g. build/benchmarks, of the preset benchmarks with
                                                            -DDIFFARCH_CUDA=ON

Each program measures itself against the target that its head states; then PyTorch does the same work as a user would
write it (benchmarks/peers/torch_peer.py), on data of the same sizes and spectrum. Times are medians by the host's
clock, the device idle before and after, two runs more to warm up. PyTorch multiplies f32 matrices in f32 and convolves
in TF32 unless told otherwise, as it comes; rows say where it was told. A Python without PyTorch, or whose PyTorch finds
no GPU, leaves the peers out. Writes gpu.json and gpu.md into --out.
"""
import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import report

PROGRAMS = ("gpu_linear_fit", "gpu_linear_sampling", "gpu_polynomial_fit", "gpu_ideal", "gpu_unet_training",
            "gpu_unet_training_tf32", "gpu_bottleneck_training")
SKIPPED = 77


def run_program(path):
    """Its lines of JSON; None without a GPU."""
    run = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode == SKIPPED:
        print(run.stdout.strip())
        return None
    if run.returncode != 0:
        raise RuntimeError(f"{path.name} ended with status {run.returncode}: {(run.stderr or run.stdout).strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


class Peers:
    """What PyTorch does where our programs report `what`: pairs of a name and the work to be timed."""

    def __init__(self, torch):
        import common
        import torch_peer

        self.torch, self.peer, self.alpha_bars = torch, torch_peer, common.cosine_alpha_bars
        torch.manual_seed(1)
        n, d = 1000, 12288
        coordinates = torch.randn(n, n) / torch.arange(1, n + 1)
        self.host_data = coordinates @ torch.randn(n, d)
        self.data = self.host_data.cuda()

    def of(self, what):
        cases = {"linear fit": self.linear_fit, "4096 linear samples on the device": self.linear_samples,
                 "a level of the exact polynomial fit": self.polynomial_level,
                 "Ideal, 256 images, n = 1000": lambda: self.ideal(self.data),
                 "Ideal, 256 images, n = 50000": lambda: self.ideal(self.torch.randn(50000, 12288, device="cuda")),
                 "training step of the U-Net": self.unet_step,
                 "training step of 50 levels of Bottleneck<1, plane>, 50 at once":
                     lambda: self.levels_step(self.peer.network_reference.mlp_2d(1), (256, 2)),
                 "training step of 50 levels of Bottleneck<100>, 50 at once":
                     lambda: self.levels_step(self.peer.network_reference.mlp(12288, 100), (128, 12288))}
        return next((case() for name, case in cases.items() if what == name or what.startswith(name + ", CUDA")), [])

    def linear_fit(self):
        torch = self.torch

        def by_eigenvectors():
            x = self.host_data.cuda().double()
            x -= x.mean(dim=0)
            variances, vectors = torch.linalg.eigh(x @ x.T)
            return variances, vectors.T.float() @ x.float()

        return [("svd", lambda: self.peer.LinearDenoiser(self.host_data.cuda())),
                ("eigenvectors of X X' in f64", by_eigenvectors)]

    def linear_samples(self):
        denoiser = self.peer.LinearDenoiser(self.data)

        def work():
            start = self.torch.randn(4096, self.data.shape[1], device="cuda")
            return self.peer.sample(denoiser, start, self.alpha_bars(10))

        return [("10 steps", work)]

    def polynomial_level(self):
        start = self.torch.randn(1, self.data.shape[1], device="cuda")
        denoiser = self.peer.PolynomialDenoiser(self.data, 3, 1024, is_legacy=False)
        denoiser.directions, denoiser.biases = denoiser.directions.cuda(), denoiser.biases.cuda()
        return [("one draw of the noise, f32", lambda: denoiser(start, 0.5))]

    def ideal(self, data):
        torch, sigma = self.torch, 1.0
        y = torch.randn(256, data.shape[1], device="cuda")
        return [("cdist, softmax, product",
                 lambda: torch.softmax(-torch.cdist(y, data).square() / (2 * sigma**2), dim=1) @ data)]

    def unet_step(self):
        torch = self.torch
        torch.backends.cudnn.benchmark = True
        work = []
        for tf32 in (False, True):
            name = "as it comes (TF32)" if tf32 else "f32"
            work.append((name, self.network_step(tf32, channels_last=False)))
            work.append((f"{name}, channels_last, fused Adam", self.network_step(tf32, channels_last=True)))
        return work

    def levels_step(self, network, shape):
        """PyTorch has one network a level: 50 steps."""
        step = self.training_step(network.cuda(), self.torch.randn(*shape, device="cuda"), fused=True)
        return [("50 levels one by one, fused Adam", lambda: [step() for _ in range(50)])]

    def network_step(self, tf32, channels_last):
        torch = self.torch
        layout = torch.channels_last if channels_last else torch.contiguous_format
        network = self.peer.network_reference.UNet(3, 32, "zeros").cuda().to(memory_format=layout)
        step = self.training_step(network, torch.randn(16, 3, 64, 64, device="cuda").to(memory_format=layout),
                                  fused=channels_last)

        def work():
            torch.backends.cudnn.allow_tf32 = tf32
            step()

        return work

    def training_step(self, network, data, fused):
        torch = self.torch
        adam = torch.optim.Adam(network.train().parameters(), lr=1e-4, fused=fused)

        def step():
            noisy = 0.9 * data + 0.4 * torch.randn_like(data)
            loss = torch.nn.functional.mse_loss(network(noisy), data)
            adam.zero_grad()
            loss.backward()
            adam.step()
            return loss.item()

        return step

    def seconds(self, work, budget=2.0):
        """Median of 3 to 50 runs."""
        times, end = [], time.perf_counter() + budget
        for run in range(52):
            self.torch.cuda.synchronize()
            start = time.perf_counter()
            work()
            self.torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
            if run >= 4 and time.perf_counter() > end:
                break
        return statistics.median(times[2:])


def make_peers():
    try:
        import torch
    except ImportError:
        print(f"gpu.py: {sys.executable} has no PyTorch: no peers", file=sys.stderr)
        return None, None
    if not torch.cuda.is_available():
        print("gpu.py: PyTorch finds no GPU: no peers", file=sys.stderr)
        return None, torch.__version__
    return Peers(torch), f"{torch.__version__}, cuDNN {torch.backends.cudnn.version()}"


HEAD = ["on the GPU", "ms", "TFLOP/s", "of what cuBLAS reaches", "wanted", "PyTorch / ours"]


def row(result):
    wanted = ""
    if "target_ms" in result:
        wanted = f"< {result['target_ms']:.3g} ms: {report.verdict(result['meets_target'])}"
    peers = "; ".join(f"{peer['name']} {peer['times_as_fast']:.3g}" for peer in result["peers"])
    return [result["what"], f"{result['ms']:.4g}", f"{result['tflops']:.3g}", f"{result['fraction_of_peak']:.2f}",
            wanted, peers]


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    arguments = parser.parse_args(argv)
    programs = [arguments.build / "benchmarks" / name for name in PROGRAMS]
    present = [path for path in programs if path.exists()]
    if not present:
        parser.error(f"{arguments.build}/benchmarks has none of {', '.join(PROGRAMS)}; configure with "
                     "-DDIFFARCH_CUDA=ON -DDIFFARCH_BUILD_BENCHMARKS=ON")
    results, device = [], None
    for path in present:
        print(path.name, file=sys.stderr, flush=True)
        lines = run_program(path)
        if lines is None:
            return SKIPPED
        device = lines[0]
        results += [dict(result, program=path.name, peers=[]) for result in lines[1:]]
    peers, version = make_peers()
    for result in results if peers else []:
        for name, work in peers.of(result["what"]):
            print(f"PyTorch: {result['what']}: {name}", file=sys.stderr, flush=True)
            milliseconds = 1e3 * peers.seconds(work)
            result["peers"].append({"name": name, "ms": milliseconds, "times_as_fast": milliseconds / result["ms"]})
    about = {**device, "system": f"{platform.system()} {platform.release()}", "PyTorch": version}
    table = report.markdown_table(HEAD, map(row, results))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "gpu.json").write_text(json.dumps({"machine": about, "results": results}, indent=1) + "\n")
    (arguments.out / "gpu.md").write_text(f"{json.dumps(about)}\n\n{table}\n")
    print(json.dumps(about), table, sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
