"""The papers' search: the schedule network chooses the betas (arXiv 2203.13508, section 4.3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from bddm_ref.scheduling import Start, schedule_betas
from bddm_ref.search_released import released_search
from bddm_ref.searching import Propose
from bddm_ref.settings import StepLossForm
from benchmarks.runtime.found import Found, NetStart
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.searches.base import SearchInputs, SearchProblem
from benchmarks.searches.passes import PassSearch

Pass = Callable[[NetStart, int], list[float]]
"""``(start, seed of the noise) -> betas``, noisiest first."""
FRESH = 1_000_000  # first seed, beyond the search's, of passes that each have their own noise


@dataclass(frozen=True)
class PaperSearch(PassSearch[NetStart]):
    """Passes of noise scheduling (Algorithm 3), all from the same noise.

    A tuned search tries the schedule networks of several taus.

    Attributes:
        network_loss: form of the step loss that the schedule network is trained on; None: the
            experiment's.
    """

    network_loss: StepLossForm | None = None
    needs_schedule_net: ClassVar[bool] = True

    def starts(self, inputs: SearchInputs, length: int) -> Sequence[NetStart]:
        """The grid, once for each schedule network of the length."""
        places = self.places(inputs)
        return [NetStart(*place, tau) for tau in inputs.taus(length) for place in places]

    def proposer(self, inputs: SearchInputs) -> Propose[NetStart]:
        """Make the function that runs one pass."""
        run, seed = _passes(inputs, inputs.most_steps), inputs.config.seed
        return lambda start: run(start, seed)


@dataclass(frozen=True)
class ReleasedSearch(PaperSearch):
    """The papers' search as the released code makes it, with its own judge.

    Each pass draws fresh noise, and ends at the wanted length at the latest: whether it would have
    gone on is unknown. :mod:`bddm_ref.search_released` has the rules of the selection.
    """

    tuned: bool = False

    def score_titles(self, problem: SearchProblem) -> tuple[str, ...]:
        """Titles of the released judge's scores."""
        return problem.scores if problem.released is None else problem.released[1]

    def _work(self, inputs: SearchInputs) -> int:
        """Count the perturbations; there are no finalists."""
        config = inputs.config
        return sum(len(self.starts(inputs, n)) + config.refinements for n in config.lengths)

    def _find(self, inputs: SearchInputs) -> dict[int, Found]:
        found = {length: self._of(length, inputs) for length in inputs.config.lengths}
        return {length: one for length, one in found.items() if one is not None}

    def _of(self, length: int, inputs: SearchInputs) -> Found | None:
        """Search for a schedule of one length; None: no pass ended there."""
        problem, plan = inputs.problem, inputs.plan_of((length,))
        judge = problem.judge if problem.released is None else problem.released[0]
        (tau,), run = inputs.taus(length), _passes(inputs, length)
        seeds = itertools.count(inputs.config.seed + FRESH)

        def propose(place: Start) -> list[float]:
            return run(NetStart(*place, tau), next(seeds))

        grid, training = self.places(inputs), inputs.training
        found = released_search(propose, judge, grid, training, plan, inputs.observe).get(length)
        if found is None:
            return None
        return Found(found.schedule, NetStart(*found.start, tau), found.scores)


def _passes(inputs: SearchInputs, most_steps: int) -> Pass:
    """Make the function that runs a pass of at most ``most_steps`` betas."""
    schedule_net = cache(inputs.schedule_net)
    config, problem = inputs.config, inputs.problem

    def run(start: NetStart, seed: int) -> list[float]:
        generators = item_generators(seed, range(config.pass_items))
        x_N = start_noise(generators, problem.item_shape, inputs.device)
        return schedule_betas(
            (inputs.score_net, schedule_net(start.tau)),
            start.place,
            x_N,
            problem.condition,
            inputs.training,
            most_steps,
            generator=generators[0],
        )

    return run
