"""Rows of an experiment: keys, fields, and files of samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.core.registry import choose

Role = Literal["bddm", "baseline", "rival"]
"""``bddm``: the papers' method; ``baseline``: DDPM and DDIM; ``rival``: all others."""


@dataclass(frozen=True, order=True)
class RowKey:
    """The identity of a row within an experiment, written as ``raw/bddm-7``."""

    convention: str
    contestant: str
    steps: int

    @classmethod
    def parse(cls, text: str) -> RowKey:
        """Read a written key.

        Raises:
            ValueError: the text is not of the form ``convention/contestant-steps``.
        """
        convention, slash, name = text.rpartition("/")
        if not slash:
            raise ValueError(f"{text!r} is no row; write a row as convention/contestant-steps")
        return cls.named(convention, name)

    @classmethod
    def named(cls, convention: str, name: str) -> RowKey:
        """Make the key of a row whose name lacks the convention, such as ``ddpm-1000``.

        Raises:
            ValueError: the name is not of the form ``contestant-steps``.
        """
        contestant, dash, steps = name.rpartition("-")
        if not dash or not contestant or not steps.isdecimal():
            raise ValueError(f"{name!r} is no row; write a row as contestant-steps, like ddpm-1000")
        return cls(convention, contestant, int(steps))

    @property
    def name(self) -> str:
        """Contestant and steps, such as ``bddm-7``."""
        return f"{self.contestant}-{self.steps}"

    def with_contestant(self, contestant: str) -> RowKey:
        """The key of another contestant at the same steps in the same convention."""
        return RowKey(self.convention, contestant, self.steps)

    def __str__(self) -> str:
        return f"{self.convention}/{self.name}"


@dataclass(frozen=True)
class Row:
    """One line of the results, sampled with several noise seeds."""

    convention: Convention
    contestant: str
    steps: int
    seeds: int
    items: int  # items of each seed

    @property
    def id(self) -> RowKey:
        """The row's key."""
        return RowKey(self.convention.name, self.contestant, self.steps)

    @property
    def name(self) -> str:
        """Contestant and steps, such as ``bddm-7``."""
        return self.id.name

    @property
    def key(self) -> str:
        """The written key, such as ``scaled/bddm-7``, unique within an experiment."""
        return str(self.id)


@dataclass(frozen=True)
class Sampled:
    """The samples of a row: one file for each noise seed, or a reason without files.

    Attributes:
        row: the row.
        files: files of samples.
        nfe: network evaluations of a sample.
        betas: the sampling schedule of the first file, if there is one.
        skipped: why there are no samples.
        seeds: the number of each file's noise seed; None: 0, 1, ...
        missing: number of a noise seed without samples to the reason, such as a search that found
            no schedule in this repeat.
    """

    row: Row
    files: tuple[Path, ...]
    nfe: int
    betas: tuple[float, ...] | None = None
    skipped: str | None = None
    seeds: tuple[int, ...] | None = None
    missing: Mapping[int, str] = field(default_factory=dict)

    @property
    def by_seed(self) -> dict[int, Path]:
        """Files by the number of their noise seed; a repeat without a schedule leaves a gap.

        Raises:
            ValueError: there are not as many numbers as files.
        """
        numbers = range(len(self.files)) if self.seeds is None else self.seeds
        return dict(zip(numbers, self.files, strict=True))


@dataclass(frozen=True)
class Watched:
    """The clean estimates of a row, of every network evaluation, for its first items.

    Attributes:
        row: the row.
        file: estimates, ``(evaluations, items, ...)``, in the form of samples.
    """

    row: Row
    file: Path


def rows_of(experiment: Experiment) -> list[Row]:
    """All rows, in the order of the experiment, one convention after the other.

    Raises:
        ExperimentError: a row occurs twice, or the reference row is missing.
    """
    rows = list(_expand(experiment))
    keys = [row.key for row in rows]
    for key in keys:
        if keys.count(key) > 1:
            raise ExperimentError(f"rows: {key} occurs twice; give each contestant's steps once")
    choose({row.name: row for row in rows}, experiment.reference, "reference")
    return rows


def rounds_of(experiment: Experiment) -> dict[str, int]:
    """Timed rounds of every row; rows behind a claim share all of theirs with the reference row."""
    config = experiment.timing
    claimed = {RowKey.parse(key) for key in config.claimed}
    claimed |= {RowKey.named(key.convention, experiment.reference) for key in claimed}

    def rounds(row: Row) -> int:
        usual = config.rounds_long if row.steps > config.long else config.rounds
        return max(usual, config.rounds_claimed) if row.id in claimed else usual

    return {row.key: rounds(row) for row in rows_of(experiment)}


def _expand(experiment: Experiment) -> Iterator[Row]:
    for convention in experiment.conventions:
        for config in experiment.rows:
            for steps in config.steps:
                items = config.items or experiment.test_items
                yield Row(convention, config.contestant, steps, config.seeds, items)
