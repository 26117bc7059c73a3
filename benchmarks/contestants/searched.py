"""Searched schedules, driven by a kernel: BDDM (arXiv 2203.13508, Algorithm 4) and its rivals."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.base import (
    Sampler,
    Setting,
    SkipContestantError,
    found_by,
    kernel_sampler,
)
from benchmarks.core.experiment import SearchName
from benchmarks.searches import SEARCHES, RivalKind


@dataclass(frozen=True)
class Searched:
    """The schedule of this length that a search found."""

    title: str = "BDDM"
    search: SearchName = "paper"
    kernel: str = "ddpm"  # key of bddm_ref.process.KERNELS

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The searched schedule of ``steps`` steps."""
        kind = SEARCHES[self.search]
        longest = kind.rival.longest if isinstance(kind, RivalKind) else None
        if longest is not None and steps > longest:
            raise SkipContestantError(f"its search goes up to {longest} steps")
        return kernel_sampler(found_by(self.search, steps, setting).schedule, self.kernel)
