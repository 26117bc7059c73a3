"""Fixed splits, access to the test split, and checksums, shared by the data modules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from benchmarks.core.errors import UserError

MAY_OPEN_TEST = ("sample", "score")
SPLITS = 3  # so many utterances are needed


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


def splits_by_name(
    names: Iterable[str], largest_held_out: int, groups: Iterable[Iterable[str]] = ()
) -> dict[str, list[str]]:
    """Make splits that depend on the names, and on what belongs together, alone.

    Names are ordered by their SHA-256; a group stands where its first name stands. The first tenth
    of the groups is the test split, the next tenth the validation split, each at least 1 and at
    most ``largest_held_out`` groups. Splits keep the order of the names, so that the first names of
    a split mix classes and speakers.

    Args:
        names: all names.
        largest_held_out: most groups in the test split, and in the validation split.
        groups: names that must be in one split, such as recordings of one utterance. A name that
            is in none is a group of its own. Groups with a common name become one.

    Raises:
        UserError: there are fewer than three groups, and at least one name.
    """
    order = by_hash(names)
    leaders = joined(order, groups)
    ranks = list(dict.fromkeys(leaders[name] for name in order))
    if 0 < len(ranks) < SPLITS:
        raise UserError(
            f"{len(order)} files hold {len(ranks)} different items, and at least {SPLITS} are "
            "needed, one for each split; give more"
        )
    held = min(largest_held_out, max(1, len(ranks) // 10))
    split_of = {
        leader: "test" if rank < held else "valid" if rank < 2 * held else "train"
        for rank, leader in enumerate(ranks)
    }
    splits: dict[str, list[str]] = {"test": [], "valid": [], "train": []}
    for name in order:
        splits[split_of[leaders[name]]].append(name)
    return splits


def joined(names: Iterable[str], groups: Iterable[Iterable[str]]) -> dict[str, str]:
    """Name to the first name, in the order of ``names``, of all that belong together."""
    order = {name: rank for rank, name in enumerate(names)}
    leaders = {name: name for name in order}

    def leader(name: str) -> str:
        while leaders[name] != name:
            leaders[name] = name = leaders[leaders[name]]
        return name

    for group in groups:
        first, *others = group
        for other in others:
            a, b = sorted((leader(first), leader(other)), key=order.__getitem__)
            leaders[b] = a
    return {name: leader(name) for name in order}


def together(*facts: Mapping[str, str]) -> list[list[str]]:
    """Groups of names that agree in a fact.

    Args:
        facts: name to a value; a group has all names of one value.
    """
    groups: list[list[str]] = []
    for fact in facts:
        by_value: dict[str, list[str]] = {}
        for name, value in fact.items():
            by_value.setdefault(value, []).append(name)
        groups += [group for group in by_value.values() if len(group) > 1]
    return groups


def ordered_digest(names: Iterable[str], digests: Mapping[str, str]) -> str:
    """One SHA-256 over the files of a split in order, since order decides the first items."""
    lines = "".join(f"{digests[name]}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def by_hash(names: Iterable[str]) -> list[str]:
    """Order names by their SHA-256: a fixed order without a pattern."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def combined_digest(digests: Mapping[str, str]) -> str:
    """One SHA-256 over the names and digests of many files, in any order."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
