"""Contestants with published lists of betas, unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants.base import (
    ContestantInputs,
    Sampler,
    SkipContestantError,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role

DIFFWAVE_BASE_6 = (1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5)
DIFFWAVE_LARGE_6 = (1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.7)
"""Fast sampling of the larger DiffWave; both lists are from Kong et al. 2021, appendix B."""


@dataclass(frozen=True)
class FixedList:
    """One published list of betas, which has one number of steps."""

    title: str
    betas: tuple[float, ...]
    kernel: str = "ddpm"

    role: ClassVar[Role] = "rival"
    search: ClassVar[SearchName | None] = None
    compared: ClassVar[bool] = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of the list, if the list has ``steps`` steps."""
        if steps != len(self.betas):
            raise SkipContestantError(f"published for {len(self.betas)} steps alone")
        return kernel_sampler(NoiseSchedule(self.betas), self.kernel)
