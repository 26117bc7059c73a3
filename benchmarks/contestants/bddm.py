"""BDDM: a searched schedule, driven by the DDPM kernel (arXiv 2203.13508, Algorithm 4)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.base import Sampler, Setting, found_by, kernel_sampler
from benchmarks.searches import SearchName


@dataclass(frozen=True)
class Bddm:
    """The schedule of this length that a search found."""

    title: str = "BDDM"
    search: SearchName = "paper"

    def prepare(self, steps: int, setting: Setting) -> Sampler:
        """The searched schedule of ``steps`` steps."""
        return kernel_sampler(found_by(self.search, steps, setting).schedule, "ddpm")
