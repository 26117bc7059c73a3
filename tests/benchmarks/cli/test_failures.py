"""Mistakes of users are one sentence; faults of the project say so and can show their trace."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bddm_ref.files import DamagedFileError, write_atomically
from benchmarks.cli import app
from benchmarks.cli.app import main
from benchmarks.cli.base import Command
from benchmarks.core.errors import ExperimentError, UserError
from benchmarks.data.debian import DataUnavailableError
from benchmarks.runtime.room import mount_of

CPU_MEMORY = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the command ``data`` raise an error."""

    @dataclass(frozen=True, kw_only=True)
    class Failing(Command):
        """Fail."""

        def run(self) -> int:
            raise error

    monkeypatch.setitem(app.COMMANDS, "data", Failing)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("a\x1b[31m.wav is no WAV"), "a\\x1b[31m.wav is no WAV"),
        (DamagedFileError("\u202egnp.exe"), "\\u202egnp.exe"),
        (FileNotFoundError(2, "No such file", "\x1b]0;title\x07"), "\\x1b]0;title\\x07"),
        (KeyError("\x9b2J"), "KeyError: '\\x9b2J'"),
        (RuntimeError("\x1b[2J\rok"), "RuntimeError: \\x1b[2J ok"),
        (UserError("\udcff"), "\\udcff"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--traceback"]])
def test_no_control_character_reaches_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    sentence: str,
    options: list[str],
) -> None:
    fails_with(monkeypatch, error)
    assert main(["data", *options]) in (2, 3)
    said = capsys.readouterr().err
    assert sentence in said
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("mended by you"), "mended by you"),
        (ExperimentError("rows: none"), "rows: none"),
        (DataUnavailableError("use --data"), "use --data"),
        (DamagedFileError("a.json is altered"), "a.json is altered"),
        (FloatingPointError("lower the rate"), "lower the rate"),
        (FileNotFoundError(2, "No such file", "a"), "[Errno 2] No such file: 'a'"),
        (ModuleNotFoundError("No module named 'x'", name="x"), "No module named 'x'; install that"),
        (ImportError("torchaudio does not fit"), "torchaudio does not fit"),
        (torch.OutOfMemoryError("CUDA out of memory."), "CUDA out of memory.; lower batch_items"),
        (RuntimeError(CPU_MEMORY), f"{CPU_MEMORY}; lower batch_items"),
        (MemoryError(), "no memory is left; lower batch_items"),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    sentence: str,
) -> None:
    fails_with(monkeypatch, error)
    assert main(["data"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {sentence}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        ValueError("shapes\ndiffer"),
        RuntimeError("shapes differ"),
        KeyError("shapes differ"),
        PermissionError("shapes differ"),  # the closed test split: it names no file
        ModuleNotFoundError("shapes differ", name="benchmarks.gone"),
    ],
)
def test_any_other_error_is_a_fault_of_the_project(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    fails_with(monkeypatch, error)
    assert main(["data"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: this is a fault of the benchmark, not of your input: ")
    assert type(error).__name__ in said
    assert "shapes differ" in said
    assert said.endswith("; the same command with --traceback shows where\n")
    assert said.count("\n") == 1
    assert main(["data", "--traceback"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last)")
    assert "raise error" in said
    assert "--traceback" not in said


def test_an_interrupted_command_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())
    assert main(["data"]) == 130
    assert capsys.readouterr().err == "interrupted; the same command goes on from here\n"


def of_library(error: Exception, path: Path) -> Exception:
    """An error as ``write_atomically`` passes it on."""

    def write(temporary: Path) -> None:
        raise error

    try:
        write_atomically(path, write)
    except Exception as passed:
        return passed
    raise AssertionError


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, code: int
) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    path = tmp_path / "work" / "a.safetensors"
    words = os.strerror(code)
    outer = RuntimeError("the stage failed")
    outer.__cause__ = of_library(OSError(code, words), path)
    for error in (
        OSError(code, words, str(path)),
        of_library(OSError(code, words), path),
        of_library(RuntimeError(f'IoError(Os {{ code: {code}, message: "{words}" }})'), path),
        outer,
    ):
        fails_with(monkeypatch, error)
        assert main(["data"]) == 2
        assert capsys.readouterr().err == (
            f"error: {path} cannot be written: the disk mounted at {mount_of(path)} is full "
            f"({free} bytes free); finished work is kept: free some space, and repeat the same "
            "command\n"
        )


def test_an_error_without_words_on_a_disk_without_room_is_of_the_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")
    fails_with(monkeypatch, of_library(error, tmp_path / "a.pt"))
    assert main(["data"]) == 3
    assert "this is a fault of the benchmark" in capsys.readouterr().err
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    assert main(["data"]) == 2
    assert f"{tmp_path / 'a.pt'} cannot be written: the disk" in capsys.readouterr().err


def test_a_sentence_about_a_full_disk_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = UserError("--results: nothing can be written to a")
    error.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fails_with(monkeypatch, error)
    assert main(["data"]) == 2
    assert capsys.readouterr().err == "error: --results: nothing can be written to a\n"


def test_a_real_full_device_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        with Path("/dev/full").open("w") as file:
            file.write("x")
    except OSError as error:
        found = error
    assert found.errno == errno.ENOSPC
    fails_with(monkeypatch, found)
    assert main(["data"]) == 2
    assert "is full" in capsys.readouterr().err
