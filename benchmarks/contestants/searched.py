"""Searched schedules, driven by a kernel: BDDM (arXiv 2203.13508, Algorithm 4) and its rivals."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contestants.base import ContestantInputs, Sampler, kernel_sampler
from benchmarks.core.experiment import SearchName
from benchmarks.core.rows import Role


@dataclass(frozen=True)
class Searched:
    """The schedules that one search found.

    Attributes:
        title: name in tables.
        search: the search.
        role: the contestant's role: BDDM or a rival.
        kernel: key of :data:`bddm_ref.process.KERNELS`.
        compared: whether the contestant's rows are compared with all other rows at equal steps.
    """

    title: str
    search: SearchName
    role: Role
    kernel: str = "ddpm"
    compared: bool = False

    def prepare(self, steps: int, inputs: ContestantInputs) -> Sampler:
        """Make the sampler of the searched schedule of ``steps`` steps."""
        return kernel_sampler(inputs.found(self.search, steps).schedule, self.kernel)
