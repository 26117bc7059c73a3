"""Recognition of files that hold neither sound nor a picture, whatever their names say."""

from __future__ import annotations

from pathlib import Path

START = 512  # bytes that are looked at
MARKS = {  # first bytes to kinds of files
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "gzip's compressed data",
    b"BZh": "bzip2's compressed data",
    b"\xfd7zXZ": "xz's compressed data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF-": "a PDF document",
    b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"8BPS": "a picture of Photoshop",
    b"\0\x05\x16\x07": "macOS's properties of another file (AppleDouble)",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
}
BRANDS = {  # of containers, whose bytes 4 to 8 are FTYP
    b"avif": "an AVIF picture",
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"mif1": "a HEIF picture",
    b"M4A ": "MPEG-4 audio",
}
FTYP = b"ftyp"
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
POINTER = b"version https://git-lfs"


def foreign(path: Path) -> str | None:
    """Say what a file is that holds neither sound nor a picture; None: it may hold one.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(START)
    if not start:
        return "it is empty"
    if not any(start):
        return f"its first {len(start)} bytes are all 0, as after a download that broke off"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(PAGES):
        return "it holds a web page or XML"
    if text.startswith(POINTER):
        return "it is a pointer of Git LFS, whose content was not fetched"
    if start[4:8] == FTYP:
        return f"it holds {BRANDS.get(start[8:12], 'an MPEG-4 container')}"
    return next(
        (f"it holds {kind}" for mark, kind in MARKS.items() if start.startswith(mark)), None
    )
