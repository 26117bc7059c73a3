"""The papers' search: the schedule network chooses the betas (arXiv 2203.13508, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bddm_ref.scheduling import Start, schedule_betas
from bddm_ref.searching import Propose
from bddm_ref.settings import StepLossForm
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.searches.base import SearchInputs
from benchmarks.searches.passes import PassSearch


@dataclass(frozen=True)
class PaperSearch(PassSearch):
    """Passes of noise scheduling (Algorithm 3), all from the same noise.

    Attributes:
        network_loss: form of the step loss that the schedule network is trained on; None: the
            experiment's.
    """

    network_loss: StepLossForm | None = None
    needs_schedule_net: ClassVar[bool] = True

    def proposer(self, inputs: SearchInputs) -> Propose[Start]:
        """Make the function that runs one pass."""
        config, problem = inputs.config, inputs.problem
        networks = (inputs.score_net, inputs.schedule_net())

        def propose(start: Start) -> list[float]:
            generators = item_generators(config.seed, range(config.pass_items))
            x_N = start_noise(generators, problem.item_shape, inputs.device)
            return schedule_betas(
                networks,
                start,
                x_N,
                problem.condition,
                inputs.training,
                inputs.longest,
                generator=generators[0],
            )

        return propose
