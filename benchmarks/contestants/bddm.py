"""BDDM: a searched schedule, driven by the DDPM kernel (arXiv 2203.13508, Algorithm 4)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.base import Sampler, Setting, SkipContestantError, kernel_sampler


@dataclass(frozen=True)
class Bddm:
    """The searched schedule of this length."""

    title: str = "BDDM"
    grid: str = "paper"  # key of bddm_ref.search.GRIDS: where the search started

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The searched schedule of ``steps`` steps."""
        if self.grid not in setting.searched:
            raise SkipContestantError(f"search.grids lacks {self.grid!r}")
        schedules = setting.searched[self.grid]
        if steps not in schedules:
            raise SkipContestantError(f"the search found no schedule of {steps} steps")
        return kernel_sampler(schedules[steps], "ddpm")
