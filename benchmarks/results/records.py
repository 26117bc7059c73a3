"""Records that stages leave in the workspace, and that documents are made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from bddm_ref.files import write_atomically
from benchmarks.results.origins import TimesFrom

if TYPE_CHECKING:
    from metrics.times import Timing

NETWORK = "network"  # key of one evaluation of the score network, among times of rows
ENCODER = "encoder"  # key of one encoding of the condition


class Record(BaseModel):
    """A JSON file of the workspace; entries that only people read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record of finished work."""
        return cls.model_validate_json(path.read_text())

    def write(self, path: Path) -> None:
        """Write the record in one step; fields that were not given are left out."""
        text = self.model_dump_json(indent=1, exclude_unset=True) + "\n"
        write_atomically(path, lambda file: file.write_text(text))


class Timings(Record):
    """Seconds of every timed round.

    Attributes:
        rows: row key to the times of its rounds; one evaluation of the network and one encoding
            of the condition have keys of their own.
        rounds: row key to the numbers of its rounds, where they are not 0, 1, 2, ...
        busy: whether the machine had other work.
        threads: number of torch's threads.
        seconds_of_audio: length of the timed clip, where there is one.
        document: the document of speed that the times are taken from, if they are.
    """

    rows: dict[str, list[float]]
    busy: bool
    threads: int | None = None
    seconds_of_audio: float | None = None
    document: TimesFrom | None = None
    rounds: dict[str, list[int]] = {}

    def timing(self, key: str) -> Timing | None:
        """The times of a row, with their rounds; None: it was not timed."""
        from metrics.times import Timing  # noqa: PLC0415 (SciPy is not where a bundle's run is)

        seconds, rounds = self.rows.get(key), self.rounds.get(key)
        if not seconds:
            return None
        return Timing(tuple(seconds), None if rounds is None else tuple(rounds))


class FoundSchedule(Record):
    """A schedule that a search found.

    Attributes:
        betas: the noise variances, data side first.
        start: place where the pass began that gave the schedule, if there was a pass.
        scores: the judge's last word on it.
        complete: whether the pass ended at this length; None: unknown, or there was no pass.
    """

    betas: list[float]
    start: dict[str, int | float | str] | None = None
    scores: list[float]
    complete: bool | None = None


class SearchRecord(Record):
    """Everything that one search found, and its cost.

    Attributes:
        schedules: by number of steps.
        nfe: network evaluations.
        judged: schedules that the judge scored; None: by an earlier version.
        seconds: wall-clock.
        threads: number of torch's threads.
        scores: titles of the judge's scores.
    """

    schedules: dict[int, FoundSchedule]
    nfe: int
    judged: int | None = None
    seconds: float
    threads: int | None = None
    scores: list[str] = []
