"""Checksums of a results folder: every listed file is there, every file that owes one is listed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bddm_ref.files import SUMS, DamagedFileError, checksum_file, write_listed, write_with_checksum
from benchmarks.results.store import OWE_CHECKSUMS, verify_checksums

FILES = ("speech.json", "speech-items.jsonl.gz", "weights/net.safetensors", "a/b/theory.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files with checksums, and a page and a plot, which have none."""
    for name in FILES:
        write_listed(tmp_path / name, partial(Path.write_text, data=name))
    (tmp_path / "speech.md").write_text("page")
    (tmp_path / "plot.svg").write_text("plot")
    return tmp_path


def test_files_of_all_folders_are_counted(folder: Path) -> None:
    assert verify_checksums(folder) == len(FILES)
    write_with_checksum(folder / "mine.txt", partial(Path.write_text, data="mine"))
    assert verify_checksums(folder) == len(FILES) + 1


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("other")
    with pytest.raises(DamagedFileError, match=rf"{name} does not match its checksum"):
        verify_checksums(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_listed_file_that_is_missing_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DamagedFileError, match=rf"{name} is missing, and .*{SUMS} lists it"):
        verify_checksums(folder)


@pytest.mark.parametrize("ending", OWE_CHECKSUMS)
@pytest.mark.parametrize("place", ["", "weights", "elsewhere"])
def test_a_file_that_owes_a_checksum_is_refused_unlisted(
    folder: Path, ending: str, place: str
) -> None:
    file = folder / place / f"more{ending}"
    file.parent.mkdir(exist_ok=True)
    file.write_text("more")
    with pytest.raises(DamagedFileError, match=rf"more{ending} has no checksum"):
        verify_checksums(folder)


def test_a_list_that_is_damaged_or_lost_is_refused(folder: Path) -> None:
    sums = folder / "weights" / SUMS
    text = sums.read_text()
    sums.write_text(text + "# a note\n")
    with pytest.raises(DamagedFileError, match=r"SHA256SUMS, line 2 is not of the form"):
        verify_checksums(folder)
    sums.unlink()
    with pytest.raises(DamagedFileError, match=r"net\.safetensors has no checksum"):
        verify_checksums(folder)


def test_a_checksum_file_without_its_file_is_refused(folder: Path) -> None:
    checksum_file(folder / "lost.txt").write_text(f"{'0' * 64}  lost.txt\n")
    with pytest.raises(DamagedFileError, match=r"lost\.txt does not exist"):
        verify_checksums(folder)
