"""Schedules that searches found, and the reasons where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bddm_ref.schedule import NoiseSchedule

if TYPE_CHECKING:
    from bddm_ref.extras.rules import ConstantStart
    from bddm_ref.scheduling import Start


@dataclass(frozen=True)
class Found:
    """A schedule that a search found.

    Attributes:
        schedule: the schedule.
        start: start of the pass that proposed the schedule; None for a search without passes.
        scores: the judge's scores on a trial that had no part in the search; higher is better.
    """

    schedule: NoiseSchedule
    start: Start | ConstantStart | None = None
    scores: tuple[float, ...] = ()


def no_schedule(steps: int) -> str:
    """Reason of a row whose search found no schedule of these steps."""
    return f"the search found no schedule of {steps} steps"


def too_long(longest: int) -> str:
    """Reason of a row whose search stops at ``longest`` steps."""
    return f"its search goes up to {longest} steps"
