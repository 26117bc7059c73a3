"""Measures of schedules that the searches of this project use, beside the papers' judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bddm_ref.schedule import NoiseSchedule

Distortion = Callable[[NoiseSchedule], float]
"""Distortion of data by a schedule, computed without samples; less is better."""


class PartialJudge(Protocol):
    """A :data:`bddm_ref.searching.Judge` that can use a part of a trial's items."""

    def __call__(
        self, schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        """Score a schedule on the items between two fractions of a trial; higher is better."""
