#!/usr/bin/env python3
"""The program apply_denoiser against PyTorch on the same weights and inputs, through the files it reads and writes.

    apply_denoiser_reference.py check PROGRAM [--reference MODELS_PY]

U-Nets of 1 to 4 pools with both paddings, of colour and grey images, and both bottleneck networks (network_reference.py)
get random weights and running statistics; their state_dict is written as safetensors. The program's output must equal
that of the network in evaluation mode to 1e-4, largest difference over largest value. With --reference, the same for
UNet, Mlp and TwoDMlp of models.py of the published code (ItamarLevine/ArchitectureAndCreativity) with the weights and
running statistics that these get from a few steps of training.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

from legacy_reference import reference_module
from network_reference import UNet, mlp, mlp_2d
from safetensors_reference import file_bytes

LIMIT = 1e-4
HIDDEN = 12


def write_weights(path, network):
    types = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    tensors = {name: (types[tensor.dtype], tensor.numpy()) for name, tensor in network.state_dict().items()}
    path.write_bytes(file_bytes(tensors, {"format": "pt"}))


def options_of_unet(pools, channels, padding):
    return ["--arch", "unet", "--pools", pools, "--channels", channels, "--padding", padding]


def cases():
    """(name, network, options of the program, shape of the input as PyTorch has it)."""
    for pools in (1, 2, 3, 4):
        for padding in ("zeros", "circular"):
            shape = (3, 3, 16, 2 ** (pools + 1))
            yield f"unet, {pools} pools, {padding}", UNet(pools, 4, padding), options_of_unet(pools, 4, padding), shape
    grey = UNet(2, 8, "zeros", image_channels=1)
    yield "unet, grey", grey, options_of_unet(2, 8, "zeros"), (2, 1, 8, 12)
    yield "mlp", mlp(3 * 4 * 5, HIDDEN), ["--arch", "mlp", "--hidden", HIDDEN], (6, 3, 4, 5)
    yield "mlp2d", mlp_2d(3), ["--arch", "mlp2d", "--hidden", 3], (50, 2)


def cases_of_reference(path):
    models = reference_module(path)
    for pools in (1, 2, 3, 4):
        for padding in ("zeros", "circular"):
            network = models.UNet("cpu", base_channels=4, num_blocks=pools, padding_mode=padding)
            shape = (3, models.NUM_CHANNELS, 16, 2 ** (pools + 1))
            yield f"reference UNet, {pools} pools, {padding}", network, options_of_unet(pools, 4, padding), shape
    network = models.Mlp("cpu", input_shape=(3, 4, 5), hidden_dim=HIDDEN)
    yield "reference Mlp", network, ["--arch", "mlp", "--hidden", HIDDEN], (6, 3, 4, 5)
    for bottleneck in (1, 3):
        network = models.TwoDMlp("cpu", bottle_neck_dim=bottleneck)
        yield f"reference TwoDMlp, {bottleneck}", network, ["--arch", "mlp2d", "--hidden", bottleneck], (50, 2)


def randomise(network):
    """Weights of the size of PyTorch's initial ones; every other tensor away from its initial value too."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif tensor.dim() == 1:
                tensor.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
            else:
                tensor.normal_(0.0, (2.0 * tensor.shape[0] / tensor.numel()) ** 0.5)


def train(network, shape, steps=5):
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        clean = torch.rand(shape) * 2 - 1
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(0.8 * clean + 0.6 * torch.randn(shape)), clean).backward()
        optimiser.step()


def check(program, name, network, options, shape, folder):
    network.eval()
    y = torch.randn(shape)
    with torch.no_grad():
        expected = network(y)
    images = len(shape) == 4
    files = {option: folder / file for option, file in
             (("--weights", "weights.safetensors"), ("--input", "y.npy"), ("--output", "x0.npy"))}
    write_weights(files["--weights"], network)
    np.save(files["--input"], (y.permute(0, 2, 3, 1) if images else y).numpy().copy(order="C"))
    arguments = [str(argument) for argument in [*options, *(part for pair in files.items() for part in pair)]]
    run = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, f"{name}: {run.stderr}"
    x0 = np.load(files["--output"])
    expected = (expected.permute(0, 2, 3, 1) if images else expected).numpy()
    assert x0.shape == expected.shape and x0.dtype == (np.float32 if images else np.float64), (name, x0.shape, x0.dtype)
    error = np.abs(x0 - expected).max() / np.abs(expected).max()
    print(f"{name}: relative difference {error:.1e}")
    assert error < LIMIT, name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command = parser.add_subparsers(dest="command", required=True).add_parser("check")
    command.add_argument("program", type=Path)
    command.add_argument("--reference", type=Path)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    program = arguments.program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name, network, options, shape in cases():
            randomise(network)
            check(program, name, network, options, shape, Path(folder))
        for name, network, options, shape in cases_of_reference(arguments.reference) if arguments.reference else []:
            train(network, shape)
            check(program, name, network, options, shape, Path(folder))


if __name__ == "__main__":
    main()
