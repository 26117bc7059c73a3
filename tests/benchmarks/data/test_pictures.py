"""One picture: what would be read in part or as something else is refused by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data.checked import UnusableFileError
from benchmarks.data.pictures import picture_check, read_picture

NOISE = np.random.default_rng(0).integers(0, 256, (12, 14, 3)).astype(np.uint8)


def png(path: Path, depth: int, colour: int, width: int = 8, height: int = 8) -> Path:
    """A PNG file of any bits a value and type of colour, whose pixels are all the same."""
    values = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = (
        b"\0" + b"\xc8\x01" * (width * values) if depth == 16 else b"\0" + b"\xc8" * width * values
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    rows = zlib.compress(row * min(height, 64))
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_refused_in_every_type_of_colour(
    tmp_path: Path, colour: int, channels: int
) -> None:
    with pytest.raises(
        UnusableFileError, match=r"x\.png has more than 8 bits a value .*; save it w"
    ):
        read_picture(png(tmp_path / "x.png", 16, colour), 8, channels)


@pytest.mark.parametrize("colour", [0, 2])
def test_8_bits_are_read(tmp_path: Path, colour: int) -> None:
    pixels = read_picture(png(tmp_path / "x.png", 8, colour), 8, 3)
    assert torch.equal(pixels, torch.full((3, 8, 8), 200, dtype=torch.uint8))


def transparent(mode: str) -> Image.Image:
    picture = Image.fromarray(NOISE).convert("RGBA")
    picture.putpixel((3, 3), (9, 9, 9, 0))
    return picture.convert(mode)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("x.png", "RGBA", {}),
        ("x.png", "LA", {}),
        ("x.webp", "RGBA", {"lossless": True}),
        ("x.png", "P", {"transparency": 0}),
        ("x.png", "RGB", {"transparency": tuple(int(v) for v in NOISE[0, 0])}),
    ],
)
def test_transparent_pixels_are_refused(
    tmp_path: Path, name: str, mode: str, options: dict[str, Any]
) -> None:
    picture = transparent(mode) if mode != "P" else Image.new("P", (14, 12))
    picture.save(tmp_path / name, **options)
    with pytest.raises(UnusableFileError, match=rf"{name} has transparent pixels; put it on a bac"):
        read_picture(tmp_path / name, 8, 3)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "1"])
def test_opaque_pictures_of_other_modes_are_converted(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(NOISE).convert(mode)
    picture.save(tmp_path / "x.png")
    wanted = np.array(picture.convert("RGB").crop((1, 0, 13, 12)))
    assert np.array_equal(read_picture(tmp_path / "x.png", 12, 3).permute(1, 2, 0), wanted)


def test_inks_are_refused(tmp_path: Path) -> None:
    Image.fromarray(NOISE).convert("CMYK").save(tmp_path / "x.jpg")
    with pytest.raises(UnusableFileError, match=r"x\.jpg has the inks of CMYK; save it as RGB"):
        read_picture(tmp_path / "x.jpg", 8, 3)


@pytest.mark.parametrize("name", ["x.png", "x.webp"])
def test_several_frames_are_refused(tmp_path: Path, name: str) -> None:
    frames = [Image.fromarray(np.roll(NOISE, i)) for i in range(3)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(
        UnusableFileError, match=rf"{name} has 3 frames; save one frame as a picture"
    ):
        read_picture(tmp_path / name, 8, 3)


@pytest.mark.parametrize("shape", [(7, 40), (40, 7), (1, 1)])
def test_pictures_that_are_too_small(tmp_path: Path, shape: tuple[int, int]) -> None:
    Image.new("RGB", shape).save(tmp_path / "x.bmp")
    told = (
        f"has {shape[0]} x {shape[1]} pixels, fewer than image.size 8; lower image.size or remove"
    )
    with pytest.raises(UnusableFileError, match=told):
        read_picture(tmp_path / "x.bmp", 8, 3)
    assert read_picture(tmp_path / "x.bmp", min(shape), 1).shape == (1, min(shape), min(shape))


@pytest.mark.parametrize("side", [20_000, 60_000, 2**31 - 1])
def test_headers_of_giants(tmp_path: Path, side: int) -> None:
    path = png(tmp_path / "x.png", 8, 2, 8, 8)
    content = bytearray(path.read_bytes())
    struct.pack_into(">II", content, 16, side, side)
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    path.write_bytes(content)
    with pytest.raises(UnusableFileError, match=r"x\.png is not a readable picture \(.+\); repl"):
        read_picture(path, 8, 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + b"x" * 600, "it holds a ZIP archive"),
        (b"GIF89a" + b"x" * 600, "it holds a GIF picture"),
        (b"\0\0\0\x1cftypheic" + b"x" * 600, "it holds a HEIC picture"),
        (b"\0\0\0\x20ftypM4A " + b"x" * 600, "it holds MPEG-4 audio"),
        (bytes(5000), "its first 512 bytes are all 0, as after a download that broke off"),
        (b"<html>Not found</html>", "it holds a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a pointer of Git LFS, .*"),
    ],
)
def test_something_else_under_the_name(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UnusableFileError, match=rf"\(none of PNG, JPEG, BMP, WEBP: .*{said}\)"):
        read_picture(tmp_path / "x.png", 8, 3)


def test_equal_pixels_are_copies_in_any_format(tmp_path: Path) -> None:
    check = picture_check(12, 3)
    for name in ("a.png", "b.bmp", "c.webp"):
        Image.fromarray(NOISE).save(tmp_path / name, lossless=True)
    Image.fromarray(np.roll(NOISE, 1)).save(tmp_path / "d.png")
    facts = {path.name: check.facts(path) for path in sorted(tmp_path.iterdir())}
    assert check.copies(facts) == [["a.png", "b.bmp", "c.webp"]]
    assert picture_check(8, 3).name != check.name != picture_check(12, 1).name
