"""What a rival search is, and what it may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from bddm_ref.sampling import ScoreNet
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import Judge, SearchPlan


@dataclass(frozen=True)
class Workshop:
    """What rivals may use: nothing of the test split.

    Attributes:
        training: the training schedule.
        score_net: eps_theta in the convention at hand.
        judge: of schedules, on validation items.
        plan: which lengths are wanted, how many finalists, the seed.
        examples: validation items ``(B, ...)`` and their condition.
        observe: to be called after each of ``work`` parts.
    """

    training: NoiseSchedule
    score_net: ScoreNet
    judge: Judge
    plan: SearchPlan
    examples: tuple[Tensor, Any]
    observe: Callable[[], None]


class Rival(Protocol):
    """A search for schedules."""

    @property
    def version(self) -> int:
        """Raised when a change changes the schedules that come out."""

    @property
    def longest(self) -> int | None:
        """Steps of the longest schedule that it makes; None: as many as are wanted."""

    def work(self, lengths: Sequence[int]) -> int:
        """How often ``find`` calls ``observe``."""

    def find(self, workshop: Workshop) -> dict[int, NoiseSchedule]:
        """The schedule of each length, without those that it cannot make."""
