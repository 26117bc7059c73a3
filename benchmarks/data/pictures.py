"""Reading of one picture, with checks of its header and its values."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from benchmarks.data.checked import Check, Facts, Groups, UnusableFileError
from benchmarks.data.foreign import foreign
from benchmarks.data.splits import together

VERSION = 1  # raised when a change here changes the facts or the refusals
FORMATS = ("PNG", "JPEG", "BMP", "WEBP")  # Pillow's other decoders see no user file
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")  # of at most 8 bits, grey or RGB
PNG_DEPTH = 24  # place of the bits of a value in a PNG file


def read_picture(path: Path, size: int, channels: int) -> Tensor:
    """Decode, convert, resize and crop one picture.

    The picture is turned by its EXIF tag, and becomes grey (Pillow's ``L``) or ``RGB``. The shorter
    side is resized to ``size`` with antialiased bicubic interpolation, and the centre ``size`` x
    ``size`` is cut out.

    Returns:
        ``(channels, size, size)`` uint8.

    Raises:
        UnusableFileError: the picture is empty, truncated, damaged or of another format; has more
            than 8 bits a value, transparent pixels, inks (CMYK) or several frames; is smaller than
            ``size``; or is so large that Pillow suspects an attack.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                _refuse_header(path, opened, size)
                upright = ImageOps.exif_transpose(opened)
                _refuse_transparency(path, upright)
                picture = upright.convert("L" if channels == 1 else "RGB")
    except (
        OSError,
        SyntaxError,  # Pillow's error for a broken PNG
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        told = f"is not a readable picture ({_reason(path, error)})"
        raise UnusableFileError(path, told, "replace or remove the file") from error
    except ValueError as error:
        if isinstance(error, UnusableFileError):
            raise
        told = f"is not a readable picture ({error})"
        raise UnusableFileError(path, told, "replace or remove the file") from error
    pixels = torch.from_numpy(np.array(_fitted(picture, size)))
    return pixels.reshape(size, size, channels).permute(2, 0, 1)


def _reason(path: Path, error: Exception) -> str:
    if not isinstance(error, UnidentifiedImageError):
        return str(error)
    told = foreign(path)
    return f"none of {', '.join(FORMATS)}" + (f": {told}" if told else "")


def _refuse_header(path: Path, opened: Image.Image, size: int) -> None:
    """Refuse what would be read in part, or as something else."""
    if opened.mode == "CMYK":
        raise UnusableFileError(path, "has the inks of CMYK", "save it as RGB")
    # Pillow reads 16-bit colours as 8 bits without a word.
    if opened.mode not in MODES or (opened.format == "PNG" and _png_depth(path) > 8):
        told = f"has more than 8 bits a value (Pillow's mode {opened.mode})"
        raise UnusableFileError(path, told, "save it with 8 bits a value")
    frames = getattr(opened, "n_frames", 1)
    if frames > 1 and opened.format != "MPO":  # whose further frames are previews
        raise UnusableFileError(path, f"has {frames} frames", "save one frame as a picture")
    if min(opened.size) < size:
        width, height = opened.size
        told = f"has {width} x {height} pixels, fewer than image.size {size}"
        raise UnusableFileError(path, told, "lower image.size or remove the picture")


def _png_depth(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(PNG_DEPTH + 1)[PNG_DEPTH]


def _refuse_transparency(path: Path, picture: Image.Image) -> None:
    """Refuse pixels that are not opaque, whose colour depends on the background."""
    if not picture.has_transparency_data:
        return
    opaque = np.array(picture.convert("RGBA").getchannel("A")).min() == 255
    if not opaque:
        raise UnusableFileError(path, "has transparent pixels", "put it on a background")


def _fitted(picture: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to ``size`` (Pillow's bicubic is antialiased); cut out the centre."""
    shorter = min(picture.size)
    width, height = (round(side * size / shorter) for side in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    return resized.crop((left, top, left + size, top + size))


def _facts(path: Path, size: int, channels: int) -> Facts:
    """Facts about a picture: the checksum of its pixels as networks see them."""
    pixels = read_picture(path, size, channels).contiguous().numpy()
    return {"content": hashlib.sha256(pixels.tobytes()).hexdigest()}


def picture_check(size: int, channels: int) -> Check:
    """The check of pictures that are read at one size, with 1 or 3 channels."""
    facts = partial(_facts, size=size, channels=channels)
    name, fields = f"pictures-{VERSION}-{size}-{channels}", frozenset({"content"})
    return Check(name, fields, facts, _copies)


def _copies(facts: Mapping[str, Facts]) -> Groups:
    """Pictures that are equal as networks see them."""
    return together({name: one["content"] for name, one in facts.items()})
