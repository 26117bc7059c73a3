"""Checksum files of many names and styles beside a file of another project."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.interop.announced import verify_if_announced

GOOD = hashlib.sha256(b"content").hexdigest()
BAD = "0" * 64


def file_in(folder: Path) -> Path:
    path = folder / "c.pt"
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.pt.sha256", "{}\n"),
        ("c.pt.sha256", "SHA256 (c.pt) = {}\n"),
        ("SHA256SUMS", "{}  ./c.pt\n"),
        ("SHA256SUMS", "SHA256 (./c.pt) = {}\n"),
        ("SHA256SUMS.txt", "{}  c.pt\r\n"),
        ("sha256sums", "{} *./c.pt\n"),
        ("sha256sum.txt", "# sums\n{}  C:\\models\\c.pt\n"),
        ("checksums.txt", "{}  weights/c.pt\n"),
        ("c.sha256", "{}\n"),
        ("c.sha256", "{}  c.pt\n"),
        ("c.pt.sha256sum", "{}  c.pt\n"),
        ("c.pt.sha256.txt", "{}\n"),
    ],
)
def test_all_names_and_styles(tmp_path: Path, name: str, text: str) -> None:
    path = file_in(tmp_path)
    (tmp_path / name).write_text(text.format(GOOD))
    verify_if_announced(path)
    (tmp_path / name).write_text(text.format(BAD))
    with pytest.raises(DamagedFileError, match=f"c.pt does not match its checksum in {name}; "):
        verify_if_announced(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.sha256", f"{BAD}  c.safetensors\n"),  # of another file with this stem
        ("sha256sums", f"{BAD}  d.pt\n"),
        ("sha256sums", f"{BAD}\n"),  # a list without names says nothing of this file
        ("checksums.txt", "d41d8cd98f00b204e9800998ecf8427e  c.pt\n"),
        ("notes.txt", f"{BAD}  c.pt\n"),
    ],
)
def test_sums_of_other_files_do_not_count(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    verify_if_announced(file_in(tmp_path))


def test_a_spoilt_checksum_file_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.sha256").write_text("d41d8cd98f00b204e9800998ecf8427e\n")
    with pytest.raises(DamagedFileError, match=r"no usable checksum in c\.sha256: .* holds MD5"):
        verify_if_announced(file_in(tmp_path))
