"""Publishing in one step: the files of a document replace older ones together, or not at all.

All files are first written into a hidden folder below the results folder. A plan then lists the
steps that are left, which only rename and remove files, the document last. An interruption before
the plan leaves the older files as they were. An interruption after the plan leaves the hidden
folder, which ``check`` refuses, and the next publication finishes its steps.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from bddm_ref.files import SUMS, DamagedFileError, checksum_file, listed_in, write_atomically
from benchmarks.results.forms import GZIP, JSON

HIDDEN = ".publishing-"  # start of the name of a hidden folder
NEW, LISTS, PLAN = "new", "sums", "plan.json"  # in a hidden folder: files, lists of sums, steps
LOCK = "lock"  # there, too; locked while its process lives
Step = tuple[Literal["move", "remove"], str, str]
"""A file of the results folder, or one of the hidden folder and its place in the results folder."""


@contextmanager
def publication(
    folder: Path, name: str, older: Callable[[], Iterable[str]] = tuple
) -> Iterator[Path]:
    """Give a folder to write into; its files then replace those of the results folder in one step.

    An error in the body leaves the results folder as it was.

    Args:
        folder: the results folder.
        name: the name of the document or page, without an ending.
        older: lists the files of the earlier document, relative to ``folder``. Those that are not
            written again are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder):
        _finish_interrupted(folder)
    hidden = Path(tempfile.mkdtemp(prefix=f"{HIDDEN}{name}-", dir=folder))
    try:
        with _held(hidden / LOCK):
            (hidden / NEW).mkdir()
            yield hidden / NEW
            with _held(folder):  # two publications must not lose lines of one list of checksums
                _write_plan(folder, hidden, name, older())
                _finish(folder, hidden)
    finally:
        if not (hidden / PLAN).exists():
            shutil.rmtree(hidden, ignore_errors=True)


def refuse_unfinished(folder: Path) -> None:
    """Refuse a folder below which a publication was interrupted, or is under way.

    Raises:
        DamagedFileError: a hidden folder of a publication is there.
    """
    for hidden in sorted(folder.rglob(f"{HIDDEN}*")):
        name = hidden.name.removeprefix(HIDDEN).rpartition("-")[0]
        raise DamagedFileError(
            f"{hidden.parent}: publishing of {name} was interrupted, or is under way; once no "
            f"other process writes there, repeat the command that makes {name}"
        )


def _finish_interrupted(folder: Path) -> None:
    """Finish the planned steps of earlier publications, and remove what had no plan yet."""
    for hidden in sorted(folder.glob(f"{HIDDEN}*")):
        with contextlib.suppress(BlockingIOError), _held(hidden / LOCK, fcntl.LOCK_NB):
            if (hidden / PLAN).is_file():
                _finish(folder, hidden)
            else:
                shutil.rmtree(hidden)


@contextmanager
def _held(place: Path, flag: int = 0) -> Iterator[None]:
    """Lock a folder or a file against other publications. The lock ends with the process.

    Raises:
        BlockingIOError: another process holds the lock, and ``flag`` is ``LOCK_NB``.
    """
    is_folder = place.is_dir()
    descriptor = os.open(place, os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | flag)
        except OSError as error:
            if not is_folder or error.errno != errno.EBADF:
                raise  # NFS locks no folders: there, two publications at once are not safe
        yield
    finally:
        os.close(descriptor)


def _write_plan(folder: Path, hidden: Path, name: str, older: Iterable[str]) -> None:
    new = sorted(
        str(path.relative_to(hidden / NEW))
        for path in (hidden / NEW).rglob("*")
        if path.is_file() and path.name != SUMS
    )
    documents = {f"{name}{JSON}", f"{name}{JSON}{GZIP}"}
    others = {_other_form(path) for path in new}
    gone = sorted(path for path in {*older, *others} - {*new} if _is_inside(folder, path))
    first, last = _lists(folder, hidden, new, gone)
    steps: list[Step] = [
        *first,
        *(("move", f"{NEW}/{path}", path) for path in new if path not in documents),
        *(("move", f"{NEW}/{path}", path) for path in new if path in documents),
        *(("remove", path, "") for path in gone),
        *(("remove", str(checksum_file(Path(path))), "") for path in (*new, *gone)),
        *last,
    ]
    for path in new:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(steps)
    write_atomically(hidden / PLAN, partial(Path.write_text, data=text))


def _is_inside(folder: Path, path: str) -> bool:
    """Tell whether a path names a file below a folder; a document may list any path."""
    file = folder / path
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())


def _other_form(path: str) -> str:
    """The other form of a document, plain or compressed; empty for another file."""
    if path.endswith(f"{JSON}{GZIP}"):
        return path.removesuffix(GZIP)
    return f"{path}{GZIP}" if path.endswith(JSON) else ""


def _lists(
    folder: Path, hidden: Path, new: Sequence[str], gone: Sequence[str]
) -> tuple[list[Step], list[Step]]:
    """Write the lists of checksums before and after the files move.

    The first list has the sums of older and of new files, so that every file is readable between.

    Returns:
        Steps that put the first lists in place, and steps that put the last ones there.
    """
    first: list[Step] = []
    last: list[Step] = []
    for number, place in enumerate(sorted({Path(path).parent for path in (*new, *gone)})):
        changed = {Path(path).name for path in (*new, *gone) if Path(path).parent == place}
        older = [(name, digest) for digest, name in listed_in(folder / place / SUMS)]
        added = [(name, digest) for digest, name in listed_in(hidden / NEW / place / SUMS)]
        after = [line for line in older if line[0] not in changed] + added
        if not older and not after:
            continue
        target = str(place / SUMS)
        for steps, lines in ((first, older + added), (last, after)):
            if not lines:
                steps.append(("remove", target, ""))
                continue
            file = Path(LISTS) / f"{number}-{'first' if steps is first else 'last'}"
            text = "".join(f"{digest}  {name}\n" for name, digest in sorted({*lines}))
            write_atomically(hidden / file, partial(Path.write_text, data=text))
            steps.append(("move", str(file), target))
    return first, last


def _finish(folder: Path, hidden: Path) -> None:
    """Do the steps of a plan; each may have been done before."""
    steps: list[Step] = json.loads((hidden / PLAN).read_text())
    for kind, path, target in steps:
        if kind == "remove":
            (folder / path).unlink(missing_ok=True)
            _remove_empty((folder / path).parent, folder)
        elif (hidden / path).is_file():
            (hidden / path).replace(folder / target)
    (hidden / PLAN).unlink()
    shutil.rmtree(hidden)


def _remove_empty(place: Path, folder: Path) -> None:
    """Remove a folder without content, and those above it that are then empty, too."""
    while place != folder and place.is_dir() and not any(place.iterdir()):
        place.rmdir()
        place = place.parent
