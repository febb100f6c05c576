#!/usr/bin/env python3
"""U-Nets and bottleneck networks evaluated by PyTorch: what the library's networks are compared with.

    network_reference.py make FOLDER                 write the fixtures that network_parity_test.cpp reads
    network_reference.py check-reference MODELS_PY   compare the networks below with UNet, Mlp and TwoDMlp of models.py of
                                                     the published code (ItamarLevine/ArchitectureAndCreativity): the
                                                     same tensor names and shapes, the same outputs and gradients

Weights and inputs are sines that both sides compute, so only results are stored. With the trainable tensors in the order
of their names, number t, element k (in PyTorch's memory order, both from 0):
    weight = scale * sin(12.9898 (k + 1) + 78.233 (t + 1)),  scale = 1 / sqrt(fan-in), fan-in = elements / shape[0];
    a tensor of rank 1 or of shape (1, C, 1, 1): 0.1 sin(...), plus 1 for the weights of a batch norm and gammas.
Networks whose name ends in "told" are told a noise level: sigma is 0.05, 1 and 20 for the samples in turn.
The input is sin(0.7391 (k + 1)^1.1) in NHWC order, the loss sum(y * sin(0.913 (k + 1)^1.1)).
A fixture is one column: the output in training, the gradient of the input (both NHWC), the gradients of the trainable
tensors in the order of their names, the running statistics after this one step in the order of their names, the output
in evaluation. Evaluated in f64, stored in f32.
"""
from pathlib import Path

import numpy as np
import torch
from torch import nn

from legacy_reference import reference_module, run_command_line


class BiasFreeNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gammas = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("running_sd", torch.ones(1, channels, 1, 1))

    def forward(self, x):
        if not self.training:
            return self.gammas * x / self.running_sd
        deviation = (x.var(dim=(0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        self.running_sd = 0.9 * self.running_sd + 0.1 * deviation.detach()
        return self.gammas * x / deviation


def level_features(sigmas):
    """cos and sin of pi k / 16 log sigma, k = 1 ... 8, one after the other: (n, 16)."""
    angles = sigmas.log().clamp(-8, 8)[:, None] * torch.arange(1, 9) * (torch.pi / 16)
    return torch.stack([angles.cos(), angles.sin()], dim=2).flatten(1)


class Modulated(nn.Sequential):
    """Layers, then a scale and a shift of each channel that depend on the noise levels that `tell` was given."""

    def __init__(self, *layers, channels):
        super().__init__(*layers)
        self.level = nn.Linear(16, 2 * channels)

    def forward(self, x):
        for name, layer in self.named_children():
            x = x if name == "level" else layer(x)
        scale, shift = self.level(self.features).reshape(len(x), 2, -1, *[1] * (x.dim() - 2)).unbind(1)
        return (1 + scale) * x + shift


def tell(network, sigmas):
    for module in network.modules():
        if isinstance(module, Modulated):
            module.features = level_features(sigmas)


class UNet(nn.Module):
    """Level b has channels * 2^b channels; no batch norm after the very first convolution."""

    def __init__(self, pools, channels, padding, image_channels=3, norm=nn.BatchNorm2d, told=False):
        super().__init__()

        def block(*widths, plain_first=False, told=told):
            layers = []
            for i, (before, after) in enumerate(zip(widths, widths[1:])):
                layers.append(nn.Conv2d(before, after, 3, padding=1, bias=False, padding_mode=padding))
                layers += [nn.ReLU()] if plain_first and i == 0 else [norm(after), nn.ReLU()]
            return Modulated(*layers, channels=widths[-1]) if told else nn.Sequential(*layers)

        width = [channels * 2**b for b in range(pools + 1)]
        self.pools = pools
        self.encoder, self.decoder, self.upsample = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for b in range(pools):
            self.encoder[str(b)] = block(width[b - 1] if b else image_channels, width[b], width[b], plain_first=b == 0)
            self.upsample[str(b)] = nn.ConvTranspose2d(width[b + 1], width[b], 2, stride=2, bias=False)
            self.decoder[str(b)] = block(2 * width[b], width[b], *([width[b]] if b else []), told=told and b > 0)
        last = nn.Conv2d(channels, image_channels, 3, padding=1, bias=False, padding_mode=padding)
        self.decoder["0"].append(last)
        self.mid_block = block(width[-2], width[-1], width[-1])

    def forward(self, x):
        skips = []
        for b in range(self.pools):
            skips.append(self.encoder[str(b)](x))
            x = nn.functional.avg_pool2d(skips[-1], 2)
        x = self.mid_block(x)
        for b in reversed(range(self.pools)):
            x = self.decoder[str(b)](torch.cat([self.upsample[str(b)](x), skips[b]], dim=1))
        return x


class Autoencoder(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        return self.decoder(self.encoder(x.flatten(1))).reshape(x.shape)


def mlp(d, hidden):
    layers = [nn.Linear(d, hidden)]
    for _ in range(8):
        layers += [nn.LeakyReLU(0.2), nn.Linear(hidden, hidden)]
    return Autoencoder(nn.Sequential(*layers, nn.ReLU()), nn.Sequential(nn.Linear(hidden, d), nn.Tanh()))


def mlp_2d(bottleneck, told=False):
    layers = [nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, bottleneck), nn.LeakyReLU(0.2)]
    encoder = Modulated(*layers, channels=bottleneck) if told else nn.Sequential(*layers)
    return Autoencoder(encoder, nn.Sequential(nn.Linear(bottleneck, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2)))


def cases():
    """name -> (network, shape of the input)."""
    result = {}
    for pools in (1, 2, 3, 4):
        for padding in ("zeros", "circular"):
            side = 2**pools * (2 if pools < 4 else 1)
            result[f"unet_{pools}_{padding}"] = UNet(pools, 2, padding), (3, 3, 2 * side, side)
    result["unet_grey"] = UNet(2, 4, "zeros", image_channels=1), (2, 1, 8, 8)
    result["unet_bias_free"] = UNet(2, 4, "circular", norm=BiasFreeNorm), (2, 3, 8, 8)
    # The order of a flattened image is C x H x W in PyTorch and H x W x C here: one pixel has the same.
    result["mlp"] = mlp(30, 12), (5, 30, 1, 1)
    result["mlp_2d"] = mlp_2d(3), (9, 2)
    result["unet_told"] = UNet(2, 2, "zeros", told=True), (3, 3, 8, 8)
    result["mlp_2d_told"] = mlp_2d(3, told=True), (9, 2)
    return {name: (network.double(), shape) for name, (network, shape) in result.items()}


def sine(numbers, factor, power=1.0, offset=0.0):
    return torch.from_numpy(np.sin(factor * np.arange(1, numbers + 1, dtype=np.float64) ** power + offset))


def set_weights(network):
    with torch.no_grad():
        for t, (name, tensor) in enumerate(sorted(network.named_parameters())):
            waves = sine(tensor.numel(), 12.9898, offset=78.233 * (t + 1)).reshape(tensor.shape)
            channelwise = tensor.dim() == 1 or tensor.shape[0] == 1 and name.endswith("gammas")
            # Batch norms' weights have rank 1, those of convolutions and linear layers do not.
            one = name.endswith("gammas") or tensor.dim() == 1 and name.endswith("weight")
            scale = 0.1 if channelwise else (tensor.shape[0] / tensor.numel()) ** 0.5
            tensor.copy_(scale * waves + (1.0 if one else 0.0))


def nhwc(images):
    return (images.permute(0, 2, 3, 1) if images.dim() == 4 else images).reshape(-1)


def from_nhwc(numbers, shape):
    if len(shape) == 2:
        return numbers.reshape(shape)
    n, c, h, w = shape
    return numbers.reshape(n, h, w, c).permute(0, 3, 1, 2)


def results(network, shape):
    network.train()
    tell(network, torch.tensor([0.05, 1.0, 20.0], dtype=torch.float64)[torch.arange(shape[0]) % 3])
    numbers = int(np.prod(shape))
    x = from_nhwc(sine(numbers, 0.7391, 1.1), shape).clone().requires_grad_()
    y = network(x)
    (y * from_nhwc(sine(numbers, 0.913, 1.1), shape)).sum().backward()
    gradients = [p.grad for _, p in sorted(network.named_parameters())]
    statistics = [b for name, b in sorted(network.named_buffers()) if "running" in name]
    network.eval()
    evaluated = network(x)
    parts = [nhwc(y), nhwc(x.grad), *gradients, *statistics, nhwc(evaluated)]
    return torch.cat([part.detach().reshape(-1) for part in parts])


def training_losses(network, shape):
    """Losses of 12 steps of Adam (learning rate 3e-3) on the mean squared error, in f32, another batch at each step."""
    network = network.float().train()
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    numbers = int(np.prod(shape))
    losses = []
    for step in range(12):
        clean = from_nhwc(sine(numbers, 0.7391 + 0.01 * step, 1.1), shape)
        noisy = 0.8 * clean + 0.6 * from_nhwc(sine(numbers, 0.913 + 0.01 * step, 1.1), shape)
        loss = torch.nn.functional.mse_loss(network(noisy.float()), clean.float())
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return np.array(losses)


def make(folder):
    for name in ("unet_3_zeros", "unet_2_circular", "mlp", "mlp_2d"):
        network, shape = cases()[name]
        set_weights(network)
        np.save(folder / f"network_losses_{name}.npy", training_losses(network, shape)[None, :])
    for name, (network, shape) in cases().items():
        set_weights(network)
        np.save(folder / f"network_{name}.npy", results(network, shape).numpy().astype(np.float32)[None, :])


def check_reference(path):
    reference = reference_module(path)
    for name, (network, shape) in cases().items():
        if name.endswith("told"):
            continue  # the published networks are blind
        if name.startswith("unet"):
            reference.NUM_CHANNELS = shape[1]
            normalization = "regular" if "bias_free" not in name else "bias_free"
            padding = "zeros" if name.endswith(("zeros", "grey")) else "circular"
            width = network.encoder["0"][0].out_channels
            other = reference.UNet("cpu", base_channels=width, num_blocks=network.pools, padding_mode=padding,
                                   normalization=normalization)
        elif name == "mlp":
            other = reference.Mlp("cpu", input_shape=shape[1:], hidden_dim=12)
        else:
            other = reference.TwoDMlp("cpu", bottle_neck_dim=3)
        other = other.double()
        names = {key: value.shape for key, value in network.state_dict().items()}
        assert names == {key: value.shape for key, value in other.state_dict().items()}, name
        values = []
        for each in (network, other):
            set_weights(each)
            values.append(results(each, shape))
        error = float((values[0] - values[1]).abs().max() / values[1].abs().max())
        print(f"{name}: relative difference to the reference code {error:.2e}")
        assert error < 1e-9, name


if __name__ == "__main__":
    run_command_line(__doc__, make, check_reference)
