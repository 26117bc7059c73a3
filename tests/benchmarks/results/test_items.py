"""Items beside a document: compressed the same way each time, and read as they were written."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError, verify_checksum
from benchmarks.results.items import items_file, read_items, write_items

TEXT = '{"row": "raw/ddim-3", "item": "é"}\n' * 50
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "speech.json"
    write_items(path, TEXT)
    return path


def test_items_are_smaller_and_come_back(document: Path) -> None:
    file = items_file(document)
    assert file == document.with_name("speech-items.jsonl.gz")
    assert file.stat().st_size < len(TEXT.encode()) / 5
    assert read_items(document, DIGEST) == TEXT == gzip.decompress(file.read_bytes()).decode()
    verify_checksum(file)


def test_equal_items_are_equal_files(document: Path, tmp_path: Path) -> None:
    """The header has neither a time nor a name."""
    other = tmp_path / "elsewhere" / "images.json"
    write_items(other, TEXT)
    assert items_file(other).read_bytes() == items_file(document).read_bytes()
    assert items_file(other).read_bytes()[3:8] == bytes(5)  # no flags, no time


def test_other_items_are_refused(document: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"gz is not the one that speech\.json was made"):
        read_items(document, "0" * 64)


@pytest.mark.parametrize("damage", ["cut", "flip", "text"])
def test_damaged_items_are_refused(document: Path, damage: str) -> None:
    content = bytearray(items_file(document).read_bytes())
    if damage == "flip":
        content[-6] ^= 1  # in the sum that gzip keeps
    items_file(document).write_bytes(
        {"cut": content[:-9], "flip": content, "text": TEXT.encode()}[damage]
    )
    with pytest.raises(DamagedFileError, match=r"gz is no gzip file, or a damaged one"):
        read_items(document, DIGEST)


def test_items_of_an_older_version_and_none(document: Path) -> None:
    items_file(document).unlink()
    with pytest.raises(DamagedFileError, match=r"jsonl\.gz does not exist; run the experiment"):
        read_items(document, DIGEST)
    items_file(document).with_suffix("").write_text(TEXT)
    with pytest.raises(DamagedFileError, match=r"jsonl is of an older version, which did not"):
        read_items(document, DIGEST)
