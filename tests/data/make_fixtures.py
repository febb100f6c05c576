#!/usr/bin/python3
"""Writes the files in fixtures/ beside this script: images and arrays as other programs write them, and what PIL and
NumPy read from them. Needs python3-pil and python3-numpy; the tests need neither."""
import io
import pathlib
import struct
import zipfile
import zlib

import numpy
from PIL import Image

folder = pathlib.Path(__file__).parent / "fixtures"
size = 16


def colours(channels):
    """Smooth bytes, so that JPEG hardly changes them."""
    row, column = numpy.mgrid[0:size, 0:size]
    return numpy.stack([(40 * k + 6 * row + (9 - 3 * k) * column) % 256 for k in range(channels)], -1).astype("u1")


def segments(data):
    """The segments of a JPEG up to the image data, and the rest."""
    found, position = [], 2
    while True:
        length = struct.unpack(">H", data[position + 2:position + 4])[0]
        end = position + 2 + length
        found.append(data[position:end])
        if data[position + 1] == 0xDA:
            return found, data[end:]
        position = end


def jpeg(image, edit):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    found, rest = segments(buffer.getvalue())
    return b"\xff\xd8" + b"".join(edit(part) for part in found) + rest


def put_jpeg(name, data):
    (folder / name).write_bytes(data)
    numpy.save(folder / name.replace(".jpg", ".npy"), numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def set_adobe(transform):
    """APP14 with another transform, or without it."""
    def edit(part):
        if part[1] != 0xEE:
            return part
        return b"" if transform is None else part[:-1] + bytes([transform])
    return edit


def call_rgb(keep_jfif, adobe=None):
    """Components called R, G and B, where they were 1, 2 and 3."""
    def edit(part):
        part = bytearray(part)
        if part[1] == 0xE0:
            tag = b"" if adobe is None else b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([adobe])
            return (bytes(part) if keep_jfif else b"") + tag
        if part[1] in (0xC0, 0xC2):
            for i in range(3):
                part[10 + 3 * i] = b"RGB"[i]
        if part[1] == 0xDA:
            for i in range(3):
                part[5 + 2 * i] = b"RGB"[i]
        return bytes(part)
    return edit


def jpegs():
    cmyk = Image.fromarray(colours(4), "CMYK")
    put_jpeg("cmyk.jpg", jpeg(cmyk, lambda part: part))
    put_jpeg("cmyk_no_marker.jpg", jpeg(cmyk, set_adobe(None)))
    put_jpeg("ycck.jpg", jpeg(cmyk, set_adobe(2)))
    put_jpeg("ycck_called_ycc.jpg", jpeg(cmyk, set_adobe(1)))
    rgb = Image.fromarray(colours(3), "RGB")
    put_jpeg("rgb_by_name.jpg", jpeg(rgb, call_rgb(False)))
    put_jpeg("ycc_by_jfif.jpg", jpeg(rgb, call_rgb(True)))
    put_jpeg("ycc_by_adobe.jpg", jpeg(rgb, call_rgb(False, 1)))
    put_jpeg("rgb_by_adobe.jpg", jpeg(rgb, call_rgb(False, 0)))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png16(array):
    height, width = array.shape[:2]
    colour = 2 if array.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def pngs():
    twelve_bits = (numpy.arange(size * size).reshape(size, size) * 16 + 5) % 4096
    (folder / "gray16.png").write_bytes(png16(twelve_bits))
    assert (numpy.asarray(Image.open(folder / "gray16.png")) == twelve_bits).all()
    numpy.save(folder / "gray16.npy", twelve_bits.astype("<u2"))
    rgb = Image.fromarray(colours(3), "RGB")
    palette = rgb.quantize(7)
    for name, image in (("rgb", rgb), ("gray", rgb.convert("L")), ("gray_alpha", Image.fromarray(colours(2), "LA")),
                        ("rgba", Image.fromarray(colours(4), "RGBA")), ("palette", palette)):
        image.save(folder / f"{name}.png")
    palette.save(folder / "palette_alpha.png", transparency=2)
    for name in ("rgb", "gray", "gray_alpha", "rgba", "palette", "palette_alpha"):
        numpy.save(folder / f"{name}.npy", numpy.asarray(Image.open(folder / f"{name}.png").convert("RGB")))


def zip64(name, content):
    """An archive whose every size and place is in the fields of zip64, as of files beyond 4 GiB."""
    crc, length, none = zlib.crc32(content), len(content), 0xFFFFFFFF
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 45, 0, 0, 0, 0x21, crc, none, none, len(name), 20) + name
    local += struct.pack("<HHQQ", 1, 16, length, length)
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 45, 45, 0, 0, 0, 0x21, crc, none, none, len(name), 28, 0, 0,
                          0, 0, none) + name + struct.pack("<HHQQQ", 1, 24, length, length, 0)
    begin = len(local) + length
    end = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1, len(central), begin)
    end += struct.pack("<IIQI", 0x07064b50, 0, begin + len(central), 1)
    return local + content + central + end + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 65535, 65535, none, none, 0)


def arrays():
    images = numpy.linspace(-1, 1, 2 * 3 * 4 * 3, dtype="<f4").reshape(2, 3, 4, 3)
    numpy.savez(folder / "stored.npz", images)
    numpy.savez_compressed(folder / "deflated.npz", x_train=images, y_train=numpy.arange(2), x_test=-images)
    npy = io.BytesIO()
    numpy.save(npy, images)
    (folder / "zip64.npz").write_bytes(zip64(b"images.npy", npy.getvalue()))
    assert (numpy.load(folder / "zip64.npz")["images"] == images).all()

    # Every type of both byte orders, with the numbers that it holds as f8.
    types = {}
    for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
        values = numpy.array([[0, 1, 5], [100, 77, 3]], "f8")
        if kind[0] == "f":
            values = values / 3 - 20
        elif kind[0] == "i":
            values = values - 50
        elif kind[0] == "u":
            values = values * 2 + 30
        else:
            values = values % 2
        for order, name in (("<", "little"), (">", "big")):
            stored = values.astype(order + kind)
            types[f"{kind}_{name}"] = stored
            types[f"{kind}_{name}_fortran"] = numpy.asfortranarray(stored)
            types[f"{kind}_{name}_right"] = stored.astype("<f8")
    numpy.savez_compressed(folder / "types.npz", **types)


folder.mkdir(exist_ok=True)
jpegs()
pngs()
arrays()

# What PIL's ImageOps.exif_transpose makes of 0 1 2 / 3 4 5, for the table in exif_orientation_test.cpp.
if __name__ == "__main__":
    from PIL import ImageOps
    for orientation in range(1, 9):
        image = Image.fromarray(numpy.arange(6, dtype="u1").reshape(2, 3), "L")
        image.getexif()[0x0112] = orientation
        print(orientation, numpy.asarray(ImageOps.exif_transpose(image)).tolist())
