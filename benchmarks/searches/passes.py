"""Searches whose starts each propose one list of betas, by a pass of noise scheduling.

Passes are selected by the rules of :mod:`bddm_ref.searching`. With ``search.released`` the rules of
the released code apply (:mod:`bddm_ref.search_released`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bddm_ref.extras.rules import ConstantStart
from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import Start
from bddm_ref.search_released import released_search
from bddm_ref.searching import Candidate, Propose, search, starts
from benchmarks.runtime.found import Found
from benchmarks.searches.base import Search, SearchInputs

Grid = Callable[[NoiseSchedule, int], Sequence[Start]]
"""``(training schedule, M) -> starts of passes``: pairs (alpha_N, beta_N), each with a kernel."""


@dataclass(frozen=True)
class PassSearch(Search):
    """A search among the passes from a grid of starts.

    Attributes:
        grid: makes the grid from the training schedule and the experiment's ``bins``.
    """

    grid: Grid = starts

    def starts(self, inputs: SearchInputs) -> Sequence[Start]:
        """The starts of the passes."""
        return self.grid(inputs.training, inputs.config.bins)

    @abstractmethod
    def proposer(self, inputs: SearchInputs) -> Propose[Start]:
        """Make the function that runs one pass."""

    def _work(self, inputs: SearchInputs) -> int:
        config = inputs.config
        per_length = config.refinements + (0 if config.released else config.finalists)
        return len(self.starts(inputs)) + len(config.lengths) * per_length

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        searching = released_search if inputs.config.released else search
        return as_found(
            searching(
                self.proposer(inputs),
                inputs.problem.judge,
                self.starts(inputs),
                inputs.training,
                inputs.plan,
                inputs.observe,
            )
        )


def as_found(
    candidates: Mapping[int, Candidate[Start]] | Mapping[int, Candidate[ConstantStart]],
) -> dict[int, Found]:
    """Turn the best candidates into found schedules."""
    return {steps: Found(one.schedule, one.start, one.scores) for steps, one in candidates.items()}
