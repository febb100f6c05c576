#!/usr/bin/env python3
"""Training steps of the networks against PyTorch, in one run.

    training.py BUILD_FOLDER [--rounds 3]                  e.g. build/benchmarks (preset benchmarks)

A step: fresh noise on a batch, forward, backward, Adam, f32, the same networks on both sides: the U-Net of figure 1
(base 32, 3 pools, batch 16, at 64 and 32 pixels), the bottleneck of figure 9 (h = 1000, batch 128) and that of figure 4
(batch 256). Sides take turns for several rounds; the ratio is that of the best medians. For the U-Nets also: ours / the
bare oneDNN convolutions of the step, and peak memory, each side in a process of its own. Needs PyTorch (Debian
python3-torch). Threads: as OMP_NUM_THREADS says, 2 without it, for both.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", "2"))  # before PyTorch starts its own

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "parity"))
from network_reference import UNet, mlp, mlp_2d

# name -> (network, shape of a batch, steps of a round, the largest ratio wanted)
CASES = {
    "unet64": (lambda: UNet(3, 32, "zeros"), (16, 3, 64, 64), 8, 0.42),
    "unet32": (lambda: UNet(3, 32, "zeros"), (16, 3, 32, 32), 20, 0.42),
    "mlp": (lambda: mlp(12288, 1000), (128, 12288, 1, 1), 10, 0.25),
    "mlp2d": (lambda: mlp_2d(1), (256, 2), 500, 0.03),
}


class TorchCase:
    def __init__(self, make, shape):
        torch.manual_seed(1)
        self.network = make().train()
        self.adam = torch.optim.Adam(self.network.parameters(), lr=1e-4)
        self.data = torch.randn(shape)

    def step(self):
        noisy = 0.9 * self.data + 0.4 * torch.randn_like(self.data)
        loss = torch.nn.functional.mse_loss(self.network(noisy), self.data)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()

    @staticmethod
    def peak_mb(case):
        """Of a process that does a few steps: in all, and beyond what importing PyTorch takes."""
        code = (f"import re, training as t\n"
                f"mb = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) / 1024\n"
                f"t.torch.set_num_threads(t.THREADS); before = mb(); c = t.TorchCase(*t.CASES['{case}'][:2])\n"
                f"[c.step() for _ in range(5)]; print(mb(), mb() - before)")
        output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                                cwd=Path(__file__).resolve().parent).stdout
        return [float(value) for value in output.split()]

    def median_ms(self, steps):
        for _ in range(2):
            self.step()
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=",".join(CASES))
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    folder = arguments.build / "benchmarks"
    programs = {"Eigen": folder / "training_step", "oneDNN": folder / "training_step_onednn",
                "oneDNN bf16": folder / "training_step_bf16"}
    floor = folder / "convolution_floor"
    programs = {name: path for name, path in programs.items() if path.exists()}
    if not programs:
        sys.exit(f"training.py: no training_step in {arguments.build}/benchmarks; build the preset benchmarks first")
    report = {}
    for case in arguments.cases.split(","):
        make, shape, steps, limit = CASES[case]
        peer = TorchCase(make, shape)
        is_unet = case.startswith("unet")
        commands = {name: [path, case, str(steps)] for name, path in programs.items()}
        if is_unet and floor.exists():
            commands["bare convolutions"] = [floor, case[4:], str(steps)]
        best = dict.fromkeys(["PyTorch", *commands], float("inf"))
        memory = {}
        for _ in range(arguments.rounds):
            best["PyTorch"] = min(best["PyTorch"], peer.median_ms(steps))
            for name, command in commands.items():
                result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                best[name] = min(best[name], result.get("step_ms", result.get("floor_ms")))
                memory[name] = result.get("peak_mb")
        report[case] = {"milliseconds": best}
        for name in programs:
            ratio = best[name] / best["PyTorch"]
            verdict = f", {'met' if ratio <= limit else 'not met'}" if name == "oneDNN" or len(programs) == 1 else ""
            print(f"{case}: {name} / PyTorch {ratio:.3f} (wanted: at most {limit}{verdict})", flush=True)
            if "bare convolutions" in best:
                print(f"{case}: {name} / bare convolutions in f32 {best[name] / best['bare convolutions']:.2f}", flush=True)
        if is_unet:
            total, beyond = TorchCase.peak_mb(case)
            report[case]["peak_mb"] = {"PyTorch": total, "PyTorch beyond its import": beyond, **memory}
            for name in programs:
                print(f"{case}: peak memory, {name} / PyTorch {memory[name] / total:.2f}, / PyTorch beyond its import "
                      f"{memory[name] / beyond:.2f}", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
