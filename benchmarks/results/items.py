"""Per-item scores beside the document of a run: JSON Lines, compressed by gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from functools import partial
from pathlib import Path

from bddm_ref.files import DamagedFileError, write_listed


def items_file(document: Path) -> Path:
    """Name the file of items that belongs to the document of a run."""
    return document.with_name(f"{document.stem}-items.jsonl.gz")


def write_items(document: Path, text: str) -> None:
    """Write the items of a run, with their checksum.

    Args:
        document: the path of the run's document, beside which the items go.
        text: one JSON record a line.
    """
    write_listed(items_file(document), partial(Path.write_bytes, data=_compressed(text)))


def read_items(document: Path, digest: str) -> str:
    """Read the items of a run: one JSON record a line.

    Args:
        document: the path of the run's document.
        digest: SHA-256 of the uncompressed text, which the document states.

    Raises:
        DamagedFileError: the items are missing, damaged, or not those of the document.
    """
    file = items_file(document)
    if not file.is_file():
        older = file.with_suffix("")
        if older.is_file():
            raise DamagedFileError(
                f"{older} is of an older version, which did not compress items; run the "
                f"experiment again, which writes {file.name}"
            )
        raise DamagedFileError(f"{file} does not exist; run the experiment again")
    try:
        content = gzip.decompress(file.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(f"{file} is no gzip file, or a damaged one; restore it") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise DamagedFileError(f"{file} is not the one that {document.name} was made from")
    return content.decode()


def _compressed(text: str) -> bytes:
    """Compress without a time and a name, so that equal items are equal files."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()
