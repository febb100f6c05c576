#!/usr/bin/env python3
"""The safetensors format written and read by NumPy, struct and json alone: what safetensors_test.cpp reads.

    safetensors_reference.py make FOLDER     write the fixtures
    safetensors_reference.py check FILE      read a file that write_safetensors made of the tensors below

The layout follows the format's own documentation (huggingface/safetensors): eight bytes with the length of the header,
JSON padded with blanks to a multiple of eight, data. Tensors are laid out as the reference writer does: by falling
alignment (I64, F64, F32, ...), then by name.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np

ORDER = ["I64", "F64", "F32", "BF16", "F16"]
NUMPY_TYPES = {"I64": "<i8", "F64": "<f8", "F32": "<f4", "BF16": "<u2", "F16": "<f2"}
METADATA = {"format": "pt", "note": "café"}


def bfloat16(values):
    """Upper halves of floats that have nothing in the lower half."""
    bits = np.asarray(values, "<f4").view("<u4")
    assert not np.any(bits & 0xFFFF)
    return (bits >> 16).astype("<u2")


def written():
    """The tensors that write_safetensors writes in the test: name -> (dtype, array)."""
    return {
        "encoder.0.0.weight": ("F32", np.array([[1.5, -2.25, 3.125], [0.1, 1e-30, -0.0]], "<f4")),
        "bn.running_var": ("F32", np.array([0.25, 4.0], "<f4")),
        "bn.num_batches_tracked": ("I64", np.array(2**53 + 1, "<i8")),
        "double": ("F64", np.arange(6.0).reshape(1, 2, 3) / 3),
        "empty": ("F32", np.zeros((0, 5), "<f4")),
        "é \"quoted\"": ("F64", np.array([5e-324, -1e300])),
    }


def every_type():
    """All five types, the halves with a subnormal, the largest number and a zero with sign."""
    return {
        "f16": ("F16", np.array([1.0, -2.5, 2**-24, 65504.0, -0.0, 2**-14], "<f2")),
        "bf16": ("BF16", bfloat16([1.0, -3.140625, 2.0**-133, 2.0**127])),
        "i64": ("I64", np.array([-1, 2**62], "<i8")),
        "f32": ("F32", np.array([[0.1], [2.0]], "<f4")),
        "f64": ("F64", np.array([0.1, -1e300])),
    }


def file_bytes(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, array) in sorted(tensors.items(), key=lambda item: (ORDER.index(item[1][0]), item[0].encode())):
        content = array.astype(NUMPY_TYPES[dtype]).tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def read(content):
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length].decode())
    data = content[8 + length :]
    assert length % 8 == 0 and content[8:9] == b"{", "the header is padded and starts with a brace"
    metadata = header.pop("__metadata__", {})
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        assert entry["data_offsets"][0] == end, name
        end = entry["data_offsets"][1]
        array = np.frombuffer(data[slice(*entry["data_offsets"])], NUMPY_TYPES[entry["dtype"]])
        tensors[name] = (entry["dtype"], array.reshape(entry["shape"]))
    assert end == len(data)
    return tensors, metadata


def check(path):
    tensors, metadata = read(path.read_bytes())
    assert metadata == METADATA, metadata
    assert tensors.keys() == written().keys(), tensors.keys()
    for name, (dtype, array) in written().items():
        assert tensors[name][0] == dtype and tensors[name][1].shape == array.shape, name
        assert tensors[name][1].tobytes() == array.astype(NUMPY_TYPES[dtype]).tobytes(), name
    print(f"{len(tensors)} tensors equal")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    path = Path(sys.argv[2])
    if sys.argv[1] == "make":
        (path / "written.safetensors").write_bytes(file_bytes(written(), METADATA))
        (path / "every_type.safetensors").write_bytes(file_bytes(every_type()))
    else:
        check(path)


if __name__ == "__main__":
    main()
