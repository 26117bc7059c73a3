"""What the data modules share: fixed splits, who may open the test split, and checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bddm_ref.files import sha256_of
from benchmarks.runtime.progress import Progress

MAY_OPEN_TEST = ("sample", "score")


def refuse_closed_test(split: str, stage: str) -> None:
    """Let only the stages in MAY_OPEN_TEST see the test split.

    Raises:
        PermissionError: another stage asks for it.
    """
    if split == "test" and stage not in MAY_OPEN_TEST:
        raise PermissionError(
            f"the stage {stage!r} must not open the test split: training, search and "
            "selection use 'train' and 'valid'"
        )


def splits_by_name(names: Iterable[str], largest_held_out: int) -> dict[str, list[str]]:
    """Splits that depend on the names alone.

    Names are ordered by their SHA-256; the first tenth is the test split, the next the validation
    split, each at least 1 and at most ``largest_held_out``. Each split keeps that order, so that
    its first names are no class or speaker of their own.
    """
    order = by_hash(names)
    held = min(largest_held_out, max(1, len(order) // 10))
    return {
        "test": order[:held],
        "valid": order[held : 2 * held],
        "train": order[2 * held :],
    }


def checksums(paths: dict[str, Path], items: str, progress: Progress) -> dict[str, str]:
    """Name to SHA-256 of each file; progress calls the files ``items``."""
    with progress.task(f"checksum {items}", len(paths)) as advance:
        digests = {}
        for name, path in paths.items():
            digests[name] = sha256_of(path)
            advance(1)
    return digests


def ordered_digest(names: Iterable[str], digests: dict[str, str]) -> str:
    """One SHA-256 over files of a split, in its order, which decides what its first items are."""
    lines = "".join(f"{digests[name]}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def by_hash(names: Iterable[str]) -> list[str]:
    """Names ordered by their SHA-256: a fixed order without a pattern."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def combined_digest(digests: dict[str, str]) -> str:
    """One SHA-256 over the names and digests of many files, in any order."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
