#!/usr/bin/env python3
"""Writes a few small valid files for every reader, from which the fuzzers start: make_seeds.py FOLDER"""
import gzip
import json
import pathlib
import struct
import sys
import zlib

import numpy


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def png(height, width, colour, depth=8, interlace=0):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    line = (width * channels * depth + 7) // 8
    rows = b"".join(bytes([row % 5]) + bytes((17 * i + row) % 256 for i in range(line)) for row in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
            + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def exif(order, orientation):
    """A TIFF block of two tags, the second of which is Orientation."""
    head = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 8)
    tags = struct.pack(order + "HHIHH", 0x0100, 3, 1, 640, 0) + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "H", 2) + tags + struct.pack(order + "I", 0)


def jpeg(blocks):
    """Gray JPEG of 8 x 8 blocks in a row, without contrast: every block is a code of one bit for a zero and one for its end."""
    def segment(marker, body):
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    one_code = bytes([1] + 15 * [0] + [0])
    data = int("00" * blocks + "1" * (-2 * blocks % 8), 2).to_bytes((2 * blocks + 7) // 8, "big")
    return (b"\xff\xd8" + segment(0xDB, bytes([0]) + 64 * b"\1")
            + segment(0xC0, struct.pack(">BHHBBBB", 8, 8, 8 * blocks, 1, 1, 0x11, 0))
            + segment(0xC4, b"\x00" + one_code) + segment(0xC4, b"\x10" + one_code)
            + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + data + b"\xff\xd9")


def network_tensors():
    """The tensors of the Mlp(2, 2) that fuzz_checkpoint.cpp has."""
    tensors = {}
    for layer in range(9):
        tensors[f"encoder.{2 * layer}.weight"] = ("F32", [2, 2], numpy.eye(2, dtype="<f4").tobytes())
        tensors[f"encoder.{2 * layer}.bias"] = ("F32", [2], bytes(8))
    tensors["decoder.0.weight"] = ("F32", [2, 2], numpy.eye(2, dtype="<f4").tobytes())
    tensors["decoder.0.bias"] = ("F32", [2], bytes(8))
    return tensors


def checkpoint():
    fingerprint = "sigma 1, samples 4, batch size 2, learning rate 0.0001, averaging decay 0, seed 0"
    parameters = 9 * 6 + 6
    tensors = network_tensors()
    for name, count in (("adam.mean", parameters), ("adam.mean_squared", parameters), ("average", 0)):
        tensors["training." + name] = ("F32", [count], bytes(4 * count))
    for name, count in (("losses", 0), ("epoch_loss", 1)):
        tensors["training." + name] = ("F64", [count], bytes(8 * count))
    tensors["training.counts"] = ("I64", [4], bytes(32))
    return safetensors(tensors, {"diffarch.training": fingerprint})


def main():
    folder = pathlib.Path(sys.argv[1])

    def put(reader, name, content):
        (folder / reader).mkdir(parents=True, exist_ok=True)
        (folder / reader / name).write_bytes(content)

    for name, array in (("f4", numpy.linspace(-1, 1, 24, dtype="<f4").reshape(2, 3, 4)),
                        ("f8_fortran", numpy.asfortranarray(numpy.eye(3))),
                        ("u1", numpy.arange(24, dtype="u1").reshape(2, 2, 2, 3)), ("i8", numpy.arange(4, dtype="<i8"))):
        (folder / "npy").mkdir(parents=True, exist_ok=True)
        numpy.save(folder / "npy" / name, array)
    for dtype in (">f4", "<f2", ">u2", "|b1", "<i2"):
        numpy.save(folder / "npy" / ("big_" * (dtype[0] == ">") + dtype[1:]), numpy.ones((2, 2, 2, 3), dtype))
    for name, save in (("stored", numpy.savez), ("deflated", numpy.savez_compressed)):
        (folder / "npz").mkdir(parents=True, exist_ok=True)
        save(folder / "npz" / name, numpy.linspace(-1, 1, 24, dtype="<f4").reshape(2, 2, 2, 3))
        save(folder / "npz" / (name + "_two"), a=numpy.arange(4), b=numpy.ones((2, 3), "u1"))
    for order in ("<", ">"):
        for orientation in (3, 6):
            put("exif", f"{'big' if order == '>' else 'little'}_{orientation}", exif(order, orientation))
    put("safetensors", "all", safetensors(
        {"a": ("F32", [2, 2], bytes(16)), "b": ("F64", [1], bytes(8)), "c": ("I64", [], bytes(8)),
         "d": ("F16", [3], bytes(6)), "e": ("BF16", [1, 2], bytes(4))}, {"key": "value"}))
    put("safetensors", "other_types", safetensors(
        {"a": ("I32", [2], bytes(8)), "b": ("BOOL", [3], bytes(3)), "c": ("U16", [2], bytes(4)), "d": ("U64", [1], bytes(8)),
         "e": ("F8_E4M3", [5], bytes(5)), "f": ("OF_A_LATER_YEAR", [7], bytes(4)), "g": ("F32", [1], bytes(4))}))
    put("safetensors", "empty", safetensors({}))
    images = struct.pack(">IIII", 0x803, 2, 3, 2) + bytes(range(12))
    labels = struct.pack(">II", 0x801, 3) + bytes([1, 2, 3])
    for name, content in (("images", images), ("labels", labels)):
        put("idx", name, content)
        put("idx", name + ".gz", gzip.compress(content, mtime=0))
    for name, content in (("gray", png(4, 3, 0)), ("rgb", png(3, 4, 2)), ("palette", png(4, 4, 3, 4)),
                          ("alpha", png(2, 2, 6)), ("rgb16", png(2, 3, 2, 16)), ("gray_alpha", png(3, 3, 4))):
        put("image", name + ".png", content)
    put("image", "gray.jpg", jpeg(3))
    photo = jpeg(2)
    block = b"Exif\0\0" + exif(">", 6)
    put("image", "photo.jpg", photo[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + photo[2:])
    put("exif", "photo.jpg", photo[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + photo[2:])
    for name, content in (("gray", png(4, 3, 0, 16)), ("rgb", png(3, 4, 2, 16)), ("alpha", png(2, 2, 6, 16)),
                          ("gray_alpha", png(3, 3, 4, 16)), ("wide", png(1, 9, 0, 16))):
        put("png16", name + ".png", content)
    put("checkpoint", "weights", safetensors(network_tensors()))
    put("checkpoint", "checkpoint", checkpoint())
    put("description", "training.json", json.dumps(
        {"architecture": "Bottleneck<2>", "shape": [1, 2, 1], "scalar": "F32", "levels": [[0.5, 0.8], [0.9, 0.4]],
         "epochs": 2, "batch_size": 2, "learning_rate": 1e-4, "averaging_decay": 0.0, "warm_start": False, "seed": 0,
         "samples": 4, "data_checksum": 7}).encode())


if __name__ == "__main__":
    main()
