"""Inputs of searches on stand-ins: no network, no data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.searching import Judge
from benchmarks.core.experiment import SearchConfig
from benchmarks.searches.base import SearchInputs, SearchProblem

MakeInputs = Callable[[NoiseSchedule, SearchConfig, Judge], SearchInputs]


@pytest.fixture
def search_inputs() -> MakeInputs:
    """Makes inputs with an identity for each network, and one item of one dimension."""

    def make(training: NoiseSchedule, config: SearchConfig, judge: Judge) -> SearchInputs:
        def whole(
            schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0)
        ) -> tuple[float, ...]:
            return judge(schedule, trial)

        return SearchInputs(
            config=config,
            step_loss="exact",
            training=training,
            problem=SearchProblem(whole, (1,), None, ("score",)),
            score_net=lambda x, alpha, condition: x,
            schedule_net=lambda tau: nn.Identity(),
            taus=lambda steps: (10,),
            examples=lambda: (torch.zeros(1, 1), None),
            distortion=lambda: lambda schedule: 0.0,
            device=torch.device("cpu"),
        )

    return make
