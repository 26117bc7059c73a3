"""Fixed splits, access to the test split, and checksums, shared by the data modules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bddm_ref.files import sha256_of
from benchmarks.core.errors import UserError
from benchmarks.core.names import one_line
from benchmarks.runtime.progress import Progress

MAY_OPEN_TEST = ("sample", "score")


def refuse_closed_test(split: str, stage: str) -> None:
    """Let only the stages in MAY_OPEN_TEST see the test split.

    Raises:
        PermissionError: another stage asks.
    """
    if split == "test" and stage not in MAY_OPEN_TEST:
        raise PermissionError(
            f"the stage {stage!r} must not open the test split: training, search and "
            "selection use 'train' and 'valid'"
        )


def splits_by_name(names: Iterable[str], largest_held_out: int) -> dict[str, list[str]]:
    """Make splits that depend on the names alone.

    Names are ordered by their SHA-256. The first tenth is the test split, the next tenth the
    validation split, each at least 1 and at most ``largest_held_out``. Splits keep that order, so
    that the first names of a split mix classes and speakers.
    """
    order = by_hash(names)
    held = min(largest_held_out, max(1, len(order) // 10))
    return {
        "test": order[:held],
        "valid": order[held : 2 * held],
        "train": order[2 * held :],
    }


def checksums(paths: dict[str, Path], items: str, progress: Progress) -> dict[str, str]:
    """SHA-256 of each file by name; progress reports call the files ``items``.

    Raises:
        UserError: a name has characters that cannot be printed, and could not stand in results.
    """
    for name in paths:
        if not name.isprintable():
            raise UserError(
                f"--data: the file '{one_line(name)}' has characters that cannot be printed in its "
                "name; rename the file"
            )
    with progress.task(f"checksum {items}", len(paths)) as advance:
        digests = {}
        for name, path in paths.items():
            digests[name] = sha256_of(path)
            advance(1)
    return digests


def ordered_digest(names: Iterable[str], digests: dict[str, str]) -> str:
    """One SHA-256 over the files of a split in order, since order decides the first items."""
    lines = "".join(f"{digests[name]}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def by_hash(names: Iterable[str]) -> list[str]:
    """Order names by their SHA-256: a fixed order without a pattern."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def combined_digest(digests: dict[str, str]) -> str:
    """One SHA-256 over the names and digests of many files, in any order."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
