"""Searches whose starts each propose one list of betas, by a pass of noise scheduling.

Passes are selected by the rules of :mod:`bddm_ref.searching`, for one length after the other. A
pass is run once, even if several lengths use it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from bddm_ref.extras.rules import ConstantStart
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start, starts
from bddm_ref.searching import Propose, search
from benchmarks.runtime.found import Found, NetStart
from benchmarks.searches.base import Search, SearchInputs

Grid = Callable[[NoiseSchedule, int], Sequence[Start]]
"""``(training schedule, M) -> starts of passes``: pairs (alpha_N, beta_N), each with a kernel."""
PLACES = 12  # decimals up to which two grids have the same start


S = TypeVar("S", NetStart, Start, ConstantStart)


@dataclass(frozen=True)
class PassSearch(Search, Generic[S]):
    """A search among the passes from a grid of starts.

    Attributes:
        grid: makes the grid from the training schedule and the number of bins.
        tuned: whether the grids of all ``search.tuned_bins`` are joined.
    """

    grid: Grid = starts
    tuned: bool = True

    def places(self, inputs: SearchInputs) -> list[Start]:
        """The grid: of ``search.bins``, or of all ``search.tuned_bins`` if the search is tuned."""
        config = inputs.config
        found: dict[tuple[float, float, str], Start] = {}
        for bins in config.tuned_bins if self.tuned else (config.bins,):
            for one in self.grid(inputs.training, bins):
                key = (round(one.alpha, PLACES), round(one.beta, PLACES), one.kernel)
                found.setdefault(key, one)
        return list(found.values())

    @abstractmethod
    def starts(self, inputs: SearchInputs, length: int) -> Sequence[S]:
        """The starts of passes that schedules of a length are searched among."""

    @abstractmethod
    def proposer(self, inputs: SearchInputs) -> Propose[S]:
        """Make the function that runs one pass of up to ``inputs.most_steps`` betas."""

    def _work(self, inputs: SearchInputs) -> int:
        config = inputs.config
        again = config.refinements + config.finalists
        return sum(len(self.starts(inputs, length)) + again for length in config.lengths)

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        propose: Propose[S] = cache(self.proposer(inputs))
        judge, training = inputs.problem.judge, inputs.training
        results: dict[int, Found] = {}
        for length in inputs.config.lengths:
            grid, plan = self.starts(inputs, length), inputs.plan_of((length,))
            found = search(propose, judge, grid, training, plan, inputs.observe)
            if (one := found.get(length)) is not None:
                results[length] = Found(one.schedule, one.start, one.scores, one.complete)
        return results
