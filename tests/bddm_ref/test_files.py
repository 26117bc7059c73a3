"""One SHA256SUMS a folder: written, read, and never ahead of or behind its files."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from bddm_ref.files import (
    SUMS,
    DamagedFileError,
    checksum_file,
    checksums_of,
    listed_in,
    remove_listed,
    sha256_of,
    verify_checksum,
    write_listed,
    write_with_checksum,
)


def written(path: Path, text: str) -> Path:
    write_listed(path, partial(Path.write_text, data=text))
    return path


def names(folder: Path) -> list[str]:
    return [name for _, name in listed_in(folder / SUMS)]


def test_files_of_a_folder_share_one_list(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "b.json"):
        verify_checksum(written(tmp_path / "new" / name, name * 3))
    assert names(tmp_path / "new") == ["a.json", "b.json"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [SUMS, "a.json", "b.json"]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_sha256sum_reads_the_list_and_writes_one_that_is_read(tmp_path: Path) -> None:
    written(tmp_path / "a b.json", "1")
    written(tmp_path / "c.json", "2")
    check = partial(subprocess.run, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert check(["sha256sum", "-c", SUMS]).stdout == "a b.json: OK\nc.json: OK\n"
    printed = check(["sha256sum", "--binary", "a b.json", "c.json"]).stdout
    (tmp_path / SUMS).write_text(printed)
    verify_checksum(tmp_path / "a b.json")
    (tmp_path / SUMS).write_text(check(["sha256sum", "./a b.json", "./c.json"]).stdout)
    verify_checksum(tmp_path / "a b.json")
    (tmp_path / "c.json").write_text("3")
    assert check(["sha256sum", "-c", SUMS]).returncode == 1
    with pytest.raises(DamagedFileError, match=r"does not match its checksum in SHA256SUMS"):
        verify_checksum(tmp_path / "c.json")


def test_a_file_listed_nowhere_is_refused_with_both_ways(tmp_path: Path) -> None:
    written(tmp_path / "a.json", "1")
    (tmp_path / "b.json").write_text("2")
    with pytest.raises(DamagedFileError, match=r"into b\.json\.sha256, or add it to SHA256SUMS"):
        verify_checksum(tmp_path / "b.json")


@pytest.mark.parametrize("line", ["1234  a.json", "words", "f" * 64 + " a.json", "\xff\xfe"])
def test_a_damaged_list_is_refused_and_left(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "a.json", "1")
    before = (tmp_path / SUMS).read_text() + line + "\n"
    (tmp_path / SUMS).write_text(before, encoding="latin-1")
    kept = (tmp_path / SUMS).read_bytes()
    with pytest.raises(DamagedFileError, match=r"SHA256SUMS, line 2 is not of the form"):
        verify_checksum(path)
    with pytest.raises(DamagedFileError, match=r"SHA256SUMS, line 2 is not of the form"):
        written(tmp_path / "b.json", "2")
    assert (tmp_path / SUMS).read_bytes() == kept
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("lost", ["nothing", "the file", "its line"])
def test_a_file_is_removed_with_its_line(tmp_path: Path, lost: str) -> None:
    path, other = written(tmp_path / "a.json", "1"), written(tmp_path / "b.json", "2")
    if lost == "the file":
        path.unlink()
    if lost == "its line":
        (tmp_path / SUMS).write_text(f"{sha256_of(other)}  b.json\n")
    remove_listed(path)
    assert names(tmp_path) == ["b.json"]
    assert not path.exists()
    verify_checksum(other)


def test_nothing_is_removed_where_nothing_is(tmp_path: Path) -> None:
    remove_listed(tmp_path / "a.json")
    assert [*tmp_path.iterdir()] == []


def test_a_checksum_file_of_its_own_counts_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", "1")
    checksum_file(path).write_text(f"{'0' * 64}  a.json\n")
    with pytest.raises(DamagedFileError, match=r"checksum in a\.json\.sha256"):
        verify_checksum(path)
    checksum_file(path).write_text("")
    with pytest.raises(DamagedFileError, match=r"checksum in a\.json\.sha256"):
        verify_checksum(path)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_whatever_is_interrupted_leaves_a_file_that_a_sum_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, beside: bool
) -> None:
    """A writer killed before any of the three renames; the old sum may stand beside the file."""
    path, other = tmp_path / "a.json", written(tmp_path / "b.json", "other")
    write_old = write_with_checksum if beside else write_listed
    write_old(path, partial(Path.write_text, data="old"))
    renames = itertools.count(1)
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if next(renames) == fails_at:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        written(path, "new")
    monkeypatch.undo()
    assert path.read_text() == ("new" if fails_at == 3 else "old")
    verify_checksum(path)
    verify_checksum(other)
    written(path, "newest")
    assert checksums_of(path) == [sha256_of(path)]
    assert names(tmp_path) == ["a.json", "b.json"]
    assert not checksum_file(path).exists()


def test_writers_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    count, together = 12, threading.Barrier(12)

    def write(i: int) -> None:
        together.wait()
        written(tmp_path / f"{i:02}.json", str(i))

    threads = [threading.Thread(target=write, args=[i]) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == [f"{i:02}.json" for i in range(count)]
    for path in tmp_path.glob("*.json"):
        verify_checksum(path)
