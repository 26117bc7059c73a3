"""The two forms of a document: ``NAME.json``, or ``NAME.json.gz`` where the text is large.

A document keeps the name ``NAME.json`` wherever people or programs name it. The size of its text
alone decides how it lies on disk, so that readers find it in either form.
"""

from __future__ import annotations

import gzip
import io
import zlib
from functools import partial
from pathlib import Path

from bddm_ref.files import DamagedFileError, remove_listed, write_listed

JSON, GZIP = ".json", ".gz"
COMPRESSED_FROM = 1_000_000  # bytes; a larger document is compressed


def beside(document: Path, ending: str) -> Path:
    """Name the file that belongs to a document: ``NAME`` with another ending.

    Args:
        document: the path of the document, in either form.
        ending: the part after ``NAME``, as ``.md`` or ``-items.jsonl.gz``.
    """
    name = document.name.removesuffix(GZIP).removesuffix(JSON)
    return document.with_name(f"{name}{ending}")


def document_file(folder: Path, name: str) -> Path:
    """Find the file of a document.

    Args:
        folder: the folder that holds the document.
        name: ``NAME.json``; the name of the other form means the same document.

    Returns:
        The form that is there, else the path of ``NAME.json``.

    Raises:
        DamagedFileError: both forms are there, so that nobody knows which one is valid.
    """
    plain = folder / name.removesuffix(GZIP)
    packed = plain.with_name(f"{plain.name}{GZIP}")
    if not packed.is_file():
        return plain
    if plain.is_file():
        raise DamagedFileError(
            f"{plain} and {packed.name} are two forms of one document; remove the older one, and "
            "its checksum"
        )
    return packed


def document_files(folder: Path) -> list[Path]:
    """List the JSON files in a folder, but not below it, in either form.

    Raises:
        DamagedFileError: both forms of one document are there.
    """
    found = (path for form in (JSON, JSON + GZIP) for path in folder.glob(f"*{form}"))
    return sorted({document_file(folder, path.name) for path in found})


def write_text(document: Path, text: str) -> Path:
    """Write the form that suits the size of a text, with its checksum, and remove the other form.

    Args:
        document: the path of the document, in either form.
        text: the content; compressed if it has more than ``COMPRESSED_FROM`` bytes.

    Returns:
        The file that was written.
    """
    plain, packed = (beside(document, form) for form in (JSON, JSON + GZIP))
    content = text.encode()
    if len(content) > COMPRESSED_FROM:
        file, other, content = packed, plain, compressed(text)
    else:
        file, other = plain, packed
    write_listed(file, partial(Path.write_bytes, data=content))
    remove_listed(other)  # afterwards: an interruption may leave both forms, but never none
    return file


def read_text(file: Path) -> str:
    """Read the text of a JSON file in either form.

    Raises:
        DamagedFileError: the file is compressed, and damaged.
    """
    return decompressed(file) if file.suffix == GZIP else file.read_text()


def compressed(text: str) -> bytes:
    """Compress a text without a time and a name, so that equal texts are equal files."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def decompressed(file: Path) -> str:
    """Read a text that :func:`compressed` made.

    Raises:
        DamagedFileError: the file is no gzip file, or a damaged one.
    """
    try:
        return gzip.decompress(file.read_bytes()).decode()
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{file} is no gzip file, or a damaged one; restore it") from error
