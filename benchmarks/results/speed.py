"""The document behind the page of speed: every case with all its times, in one version."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from benchmarks.results.documents import Measurement, Provenance
from benchmarks.results.strict import Strict
from benchmarks.results.verdicts import Interval
from metrics.statistics import Estimate, mean_interval

OURS = "ours"  # key of a case's own times
SAMPLERS = "samplers"  # group of the cases that time whole samplers


class Figure(Strict):
    """A number that follows from a case's times."""

    name: str
    value: float
    is_share: bool = Field(description="of 1, printed as a percentage")
    at_most: float | None
    at_least: float | None


class Timed(Strict):
    """The sampler or encoder that a case times, for programs that look for its time."""

    network: str
    what: Literal["sampler", "encoder"]
    steps: int | None = Field(description="network evaluations of an item; null: an encoder")
    items: int
    precision: Literal["float32", "bfloat16"]
    seconds_of_audio: float | None = Field(description="of an item; null: no speech")


class SpeedCase(Strict):
    """A call and what it was compared with, in turns."""

    name: str = Field(description="of the test")
    group: str
    title: str
    seconds: dict[str, list[float]] = Field(description="of every timed round; ours first")
    bars: dict[str, float] = Field(description="how many times longer another has to take")
    absent: dict[str, str] = Field(description="what it is not compared with, and why")
    figures: list[Figure]
    notes: dict[str, str | float]
    subject: Timed | None = Field(
        default=None,
        description="samplers of one test were timed in turns: round i of one goes with round i "
        "of another",
    )


class SpeedDocument(Measurement):
    """One run of the performance cases, complete."""

    made_by: ClassVar[str] = "speed"

    kind: Literal["speed"]
    schema_version: Literal[2]
    created: str
    provenance: Provenance
    machine_busy: bool | None = Field(description="null: not recorded")
    cases: list[SpeedCase]
    late: list[str] = Field(default=[], description="tests for which no time was left")
    failed: dict[str, str] = Field(default={}, description="tests to the reason in one line")
    skipped: dict[str, str] = Field(default={}, description="tests to why they are not made here")

    @property
    def on_cpu(self) -> bool:
        """Tell whether no GPU was measured."""
        return self.provenance.device == "cpu"


def paired_ratio(a: SpeedCase, b: SpeedCase) -> Interval:
    """Ratio of the times of a and b, round by round: geometric mean and 95 % interval.

    Raises:
        ValueError: their numbers of rounds differ, so that they were not timed in the same ones.
    """
    if len(a.seconds[OURS]) != len(b.seconds[OURS]):
        raise ValueError(f"{a.title} and {b.title} were not timed in the same rounds")
    ratios = np.log(a.seconds[OURS]) - np.log(b.seconds[OURS])
    found = mean_interval(ratios)
    value, low, high = (math.exp(one) for one in (found.value, found.low, found.high))
    return Interval.of(Estimate(value, low, high, found.n))


def sampler_case(
    cases: Iterable[SpeedCase], network: str, items: int, steps: int
) -> SpeedCase | None:
    """The case of one sampler; None: it was not measured."""
    wanted = ("sampler", network, items, steps)
    for case in cases:
        one = case.subject
        if one is not None and (one.what, one.network, one.items, one.steps) == wanted:
            return case
    return None
