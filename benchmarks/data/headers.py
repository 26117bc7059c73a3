"""Headers of WAV and FLAC files, read for what libsndfile passes over in silence."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Literal

UNKNOWN = 0xFFFFFFFF  # size of a chunk whose writer could not go back to fill it in
MOST_CHUNKS = 10_000  # that are looked through for the samples
PLAIN = (1, 3, 0xFFFE)  # formats whose values have one width: integers, floats, and either
FORMAT = "HHIIHH"  # format, channels, rate, bytes a second, bytes a frame, bits a value
FORMAT_BYTES = 16
STREAMINFO = 34  # bytes of FLAC's first block of metadata, which ends with the checksum


def missing_bytes(path: Path) -> int:
    """Bytes that the data chunk of a WAV file promises and the file lacks; 0 for other files.

    libsndfile shortens such a recording without a word.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        form = file.read(12)
        if len(form) < 12 or form[:4] not in (b"RIFF", b"RIFX", b"RF64") or form[8:] != b"WAVE":
            return 0
        promised = _data_size(file, "big" if form[:4] == b"RIFX" else "little")
        if promised is None:
            return 0
        start = file.tell()
    return max(0, start + promised - path.stat().st_size)


def contradiction(path: Path) -> str | None:
    """Say how the format chunk of a WAV file contradicts itself; None: it does not, or is missing.

    libsndfile believes one of the numbers, and may read noise.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        form = file.read(12)
        if form[:4] not in (b"RIFF", b"RIFX", b"RF64") or form[8:] != b"WAVE":
            return None
        order: Literal["big", "little"] = "big" if form[:4] == b"RIFX" else "little"
        chunk = _format_chunk(file, order)
    if chunk is None:
        return None
    layout = (">" if order == "big" else "<") + FORMAT
    kind, channels, _, _, frame, bits = struct.unpack(layout, chunk)
    wanted = channels * -(-bits // 8)
    # libsndfile knows values of 24 bits in 32.
    if kind not in PLAIN or frame == wanted or (bits, frame) == (24, 4 * channels):
        return None
    return f"{channels} x {bits} bits are {wanted} bytes, and it states {frame} bytes a frame"


def _format_chunk(file: BinaryIO, order: Literal["big", "little"]) -> bytes | None:
    """The first bytes of the chunk that describes the samples; None: there is none."""
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        start, size = file.tell(), int.from_bytes(header[4:], order)
        if header[:4] == b"fmt ":
            chunk = file.read(FORMAT_BYTES)
            return chunk if len(chunk) == FORMAT_BYTES else None
        file.seek(start + size + size % 2)
    return None


def _data_size(file: BinaryIO, order: Literal["big", "little"]) -> int | None:
    """Size of the data chunk, whose first byte comes next in the file; None: it is not stated."""
    long_size = None
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        name, size = header[:4], int.from_bytes(header[4:], order)
        if name == b"data":
            return long_size if size == UNKNOWN else size
        start = file.tell()
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            long_size = struct.unpack("<QQ", sizes)[1]
        file.seek(start + size + size % 2)
    return None


def flac_md5(path: Path) -> bytes | None:
    """The MD5 of the decoded samples that a FLAC file states; None: it states none.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"fLaC":  # tags may come first
            return None
        file.read(4)
        stated = file.read(STREAMINFO)[-16:]
    return stated if any(stated) else None
