"""Publishing of a run: all files of a document change together, also when the process dies."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bddm_ref.files import DamagedFileError, write_listed
from benchmarks.core.rows import RowKey
from benchmarks.report.registry import checked
from benchmarks.results import forms, publication
from benchmarks.results.example_names import ExampleName
from benchmarks.results.schema import RunResults
from benchmarks.stages.publish import publish_run
from synthetic.runs import records_of, speech

Step = Callable[..., Any]
TABLE = {"raw": {"bddm": {3: 2.5}, "ddpm": {3: 2.0, 1000: 3.2}}}
OLD, NEW = ("first", "second", "gone"), ("first", "third")  # clips whose samples are kept
PROGRAM = """\
import os, signal, sys
from pathlib import Path
import test_publish
replace, left = os.replace, int(sys.argv[2])
def dying(*arguments, **options):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*arguments, **options)
os.replace = dying
test_publish.put(Path(sys.argv[1]), test_publish.NEW)
"""


def put(folder: Path, clips: tuple[str, ...]) -> Path:
    """Publish a run whose samples, weights and figures depend on the clips."""
    results = speech(
        TABLE,
        created=f"2026-01-0{len(clips)}T00:00:00+00:00",
        experiment={"wav_items": len(clips), "publish_weights": True},
    )
    items = "".join(
        json.dumps({**record, "failures": {}, "note": len(clips)}) + "\n"
        for record in records_of(results)
    )
    digest = hashlib.sha256(items.encode()).hexdigest()
    weights = folder.parent / "trained.safetensors"
    write_listed(weights, lambda file: file.write_text("/".join(clips)))

    def keep(sampled: object, watched: object, new: Path) -> None:
        for clip in clips:
            file = new / ExampleName("clip", RowKey("raw", "ddpm", 3), clip).file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{clip} of {len(clips)}")

    track = SimpleNamespace(scores=SimpleNamespace(keep_examples=keep))
    context: Any = SimpleNamespace(experiment=results.settings, track=track, name="speech-test")
    told = results.model_copy(update={"items_sha256": digest})
    return publish_run(told, items, ([], []), context, folder, weights)


def state(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power cuts are not tested."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with the older results."""
    put(tmp_path / "out", OLD)
    return tmp_path / "out"


@pytest.fixture
def after(tmp_path: Path) -> dict[str, bytes]:
    """The state that the newer results have in a folder of their own."""
    put(tmp_path / "other" / "out", NEW)
    return state(tmp_path / "other" / "out")


def test_a_document_lists_its_files_and_replaces_those_of_the_older_one(
    old: Path, after: dict[str, bytes]
) -> None:
    assert checked(old)
    results = RunResults.read(old / "speech.json")
    assert results.experiment_name == "speech-test"
    assert sorted(results.files or {}) == [
        "clips/raw/ddpm-3/first.flac",
        "clips/raw/ddpm-3/gone.flac",
        "clips/raw/ddpm-3/second.flac",
        "weights/speech-score.safetensors",
    ]
    assert put(old, NEW) == old / "speech.md"
    assert state(old) == after
    assert checked(old)


@pytest.mark.parametrize(
    "name", ["clips/raw/ddpm-3/first.flac", "weights/speech-score.safetensors"]
)
def test_an_altered_or_lost_example_is_found(old: Path, name: str) -> None:
    (old / name).write_text("another")
    with pytest.raises(DamagedFileError, match=r"(speech-score|first)\.\w+ (is|does)"):
        checked(old)
    (old / name).unlink()
    with pytest.raises(DamagedFileError, match=f"{name} is missing"):
        checked(old)


def test_files_of_other_documents_stay(old: Path) -> None:
    (old / "README.md").write_text("words")
    write_listed(old / "speed.json", lambda file: file.write_text("{}"))
    put(old, NEW)
    assert (old / "README.md").read_text() == "words"
    assert "speed.json" in (old / "SHA256SUMS").read_text()


def steps_of(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call ``act`` with the number of each call that changes a folder."""
    number = 0

    def counted(original: Step) -> Step:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal number
            number += 1
            act(number)
            return original(*arguments, **options)

        return step

    for name in ("replace", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))


def killed_at(step: int, folder: Path) -> bool:
    """Publish in a process that is killed before one step; tells whether the kill took place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch has threads, which do not count
        child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:

            def act(number: int) -> None:
                if number == step:
                    os.kill(os.getpid(), signal.SIGKILL)

            steps_of(patch, act)
            patch.setattr(forms, "COMPRESSED_FROM", 1)
            put(folder, NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_all_old_or_all_new_or_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "old" / "out", OLD)
    before = state(tmp_path / "old" / "out")
    with monkeypatch.context() as patch:
        patch.setattr(forms, "COMPRESSED_FROM", 1)  # the document changes its form, too
        put(tmp_path / "new" / "out", NEW)
        after = state(tmp_path / "new" / "out")
    refused, step, killed = 0, 0, True
    while killed:
        step += 1
        folder = tmp_path / str(step) / "out"
        shutil.copytree(tmp_path / "old" / "out", folder)
        killed = killed_at(step, folder)
        try:
            checked(folder)
        except DamagedFileError as error:
            assert "publishing of speech was interrupted" in str(error)  # noqa: PT017
            refused += 1
        else:
            assert state(folder) in (before, after)
        with monkeypatch.context() as patch:
            patch.setattr(forms, "COMPRESSED_FROM", 1)
            put(folder, NEW)
        assert state(folder) == after
    assert checked(folder)
    assert refused > 10
    assert step > 25


def test_another_publication_finishes_what_was_interrupted(
    old: Path, monkeypatch: pytest.MonkeyPatch, after: dict[str, bytes]
) -> None:
    before = state(old)

    def interrupted(folder: Path, hidden: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publication, "_finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            put(old, NEW)
    assert len([*old.glob(".publishing-speech-*/plan.json")]) == 1
    assert {name: before[name] for name in before} == {
        name: content for name, content in state(old).items() if not name.startswith(".")
    }
    with pytest.raises(DamagedFileError, match="publishing of speech was interrupted"):
        checked(old)
    with publication.publication(old, "other") as new:
        (new / "README.md").write_text("words")
    assert state(old) == after | {"README.md": b"words"}
    assert checked(old)


@pytest.mark.slow
def test_an_error_at_any_step_is_refused_or_changes_nothing(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: dict[str, bytes]
) -> None:
    before, step, failed = state(old), 0, True
    while failed:
        step += 1
        folder = tmp_path / str(step) / "out"
        shutil.copytree(old, folder)
        with monkeypatch.context() as patch:

            def act(number: int, step: int = step) -> None:
                if number == step:
                    raise OSError(errno.EIO, "Input/output error")

            steps_of(patch, act)
            try:
                put(folder, NEW)
                failed = False
            except OSError:
                pass
        if [*folder.glob(".publishing-*")]:
            with pytest.raises(DamagedFileError, match="was interrupted"):
                checked(folder)
            put(folder, NEW)
        else:
            assert state(folder) in (before, after)
    assert state(folder) == after


@pytest.mark.parametrize("method", ["write_text", "write_bytes", "mkdir"])
def test_a_full_disk_leaves_the_old_state_whole(
    old: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    before, number, failed = state(old), 0, True
    while failed:
        number += 1
        left = number
        original = getattr(Path, method)
        with monkeypatch.context() as patch:

            def full(path: Path, *arguments: Any, original: Step = original, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
                return original(path, *arguments, **options)

            patch.setattr(Path, method, full)
            try:
                put(old, NEW)
                failed = False
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017
        if failed:
            assert state(old) == before
    assert number > 2


def test_two_publications_do_not_disturb_each_other(old: Path) -> None:
    alive = old / ".publishing-speech-alive"
    alive.mkdir()
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys\n"
            f"file = open({str(alive / 'lock')!r}, 'w')\n"
            "fcntl.flock(file, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with held:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        put(old, NEW)
        assert alive.is_dir()  # its process lives
        held.communicate("")
    put(old, NEW)
    assert not alive.exists()


@pytest.mark.slow
def test_a_process_of_its_own_is_killed(old: Path, after: dict[str, bytes]) -> None:
    before = state(old)
    places = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(old), "15"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    if any(old.glob(".publishing-*")):
        with pytest.raises(DamagedFileError, match="was interrupted"):
            checked(old)
    else:
        assert state(old) in (before, after)
    put(old, NEW)
    assert state(old) == after
