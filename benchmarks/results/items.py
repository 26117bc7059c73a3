"""Per-item scores beside the document of a run: JSON Lines, compressed by gzip."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from bddm_ref.files import DamagedFileError, write_listed
from benchmarks.results.forms import beside, compressed, decompressed


def items_file(document: Path) -> Path:
    """Name the file of items that belongs to the document of a run."""
    return beside(document, "-items.jsonl.gz")


def write_items(document: Path, text: str) -> None:
    """Write the items of a run, with their checksum.

    Args:
        document: the path of the run's document, beside which the items go.
        text: one JSON record a line.
    """
    write_listed(items_file(document), partial(Path.write_bytes, data=compressed(text)))


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
    text = decompressed(file)
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise DamagedFileError(f"{file} is not the one that {document.name} was made from")
    return text
