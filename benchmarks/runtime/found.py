"""Schedules that searches found, and the reasons where there is none."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start

if TYPE_CHECKING:
    from bddm_ref.extras.rules import ConstantStart


class NetStart(NamedTuple):
    """The start of a pass, and the tau of the schedule network that runs the pass."""

    alpha: float  # alpha_N
    beta: float  # beta_N
    kernel: str  # of the pass's steps
    tau: int  # long steps per short step

    @property
    def place(self) -> Start:
        """The start without the network."""
        return Start(self.alpha, self.beta, self.kernel)

    @property
    def is_valid(self) -> bool:
        """Tell whether a pass can begin at (alpha_N, beta_N)."""
        return self.place.is_valid

    def perturbed(self, source: random.Random) -> NetStart:
        """Move alpha_N and beta_N by up to +-5 %."""
        return NetStart(*self.place.perturbed(source), self.tau)


@dataclass(frozen=True)
class Found:
    """A schedule that a search found.

    Attributes:
        schedule: the schedule.
        start: start of the pass that proposed the schedule; None for a search without passes.
        scores: the judge's scores on a trial that had no part in the search; higher is better.
        complete: whether the pass ended at this length; False: the schedule is a prefix of a
            longer pass; None: there was no pass, or its end is unknown.
    """

    schedule: NoiseSchedule
    start: NetStart | Start | ConstantStart | None = None
    scores: tuple[float, ...] = ()
    complete: bool | None = None


def no_schedule(steps: int) -> str:
    """Reason of a row whose search found no schedule of these steps."""
    return f"the search found no schedule of {steps} steps"


def too_long(longest: int) -> str:
    """Reason of a row whose search stops at ``longest`` steps."""
    return f"its search goes up to {longest} steps"
