"""Places that cannot hold a run's files are refused before the run."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.core.errors import UserError
from benchmarks.runtime.room import existing, mount_of, refuse_long_names, refuse_unusable_place


def test_a_new_folder_is_usable_and_not_made(tmp_path: Path) -> None:
    refuse_unusable_place(tmp_path, "--results")
    refuse_unusable_place(tmp_path / "a" / "b", "--results")
    assert [*tmp_path.iterdir()] == []
    assert existing(tmp_path / "a" / "b") == tmp_path.resolve()
    assert mount_of(tmp_path / "a").is_mount()


@pytest.mark.parametrize("name", ["file", "file/below", "file/far/below"])
def test_a_file_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=f"--workspace: {tmp_path}/file is a file, not a folder"):
        refuse_unusable_place(tmp_path / name, "--workspace")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_takes_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(**options: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    said = rf"--results: nothing can be written to {tmp_path} \({os.strerror(code)}\)"
    with pytest.raises(UserError, match=said):
        refuse_unusable_place(tmp_path / "new", "--results")


def test_a_disk_that_is_all_but_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 99_999_999
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    said = f"mounted at {mount_of(tmp_path)}, has 99999999 bytes free; a run needs at least 1000"
    with pytest.raises(UserError, match=said):
        refuse_unusable_place(tmp_path, "--results")
    free += 1
    refuse_unusable_place(tmp_path, "--results")


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_names_are_measured_in_bytes(tmp_path: Path, letter: str) -> None:
    most = (os.pathconf(tmp_path, "PC_NAME_MAX") - 16) // len(letter.encode())
    refuse_long_names(tmp_path, {f"wav/{letter * most}.wav", "b.wav"}, "shorten it")
    (tmp_path / f".{letter * most}.wav.1234567").write_text("as long as temporary names are")
    with pytest.raises(UserError, match=rf"a file called {letter}+\.wav would need .*; shorten it"):
        refuse_long_names(tmp_path / "new", {f"{letter * (most + 1)}.wav"}, "shorten it")
    refuse_long_names(tmp_path, [], "shorten it")
