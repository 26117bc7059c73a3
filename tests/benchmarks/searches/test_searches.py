"""The contract of every search: an answer for each length, and the work it announces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import SearchConfig, SearchName
from benchmarks.runtime.found import Found
from benchmarks.searches import SEARCHES
from benchmarks.searches.base import SearchInputs

TRAINING = NoiseSchedule.linear(50, 1e-3, 0.2)
CONFIG = SearchConfig(lengths=(2, 3, 60), bins=4, finalists=2, refinements=1, seed=0)


class Half(nn.Module):
    """A schedule network that answers 0.5."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x),), 0.5)


def score(schedule: NoiseSchedule, trial: int) -> tuple[float, ...]:
    """Higher for schedules that start in more noise."""
    return (-float(schedule.alphas[-1]), float(trial))


@pytest.fixture
def inputs(search_inputs: Callable[..., SearchInputs]) -> SearchInputs:
    x = torch.randn(8, 1, generator=torch.Generator().manual_seed(0))
    made = search_inputs(TRAINING, CONFIG, score)
    return replace(made, schedule_net=Half, examples=lambda: (x, None))


WITHOUT_PERTURBATIONS = ("beta-grid", "elbo-paths", "learned-levels", "frugal")


def test_every_name_has_a_search() -> None:
    assert set(SEARCHES) == set(get_args(SearchName))


@pytest.mark.parametrize("name", SEARCHES)
def test_each_length_has_a_schedule_or_a_reason(name: SearchName, inputs: SearchInputs) -> None:
    parts: list[int] = []
    found = SEARCHES[name].find(replace(inputs, observe=lambda: parts.append(1)))
    assert list(found) == [2, 3, 60]
    for steps in (2, 3):
        one = found[steps]
        assert isinstance(one, Found)
        assert len(one.schedule) == steps
        assert one.scores == score(one.schedule, 2)  # of a trial that had no part in the search
    assert isinstance(found[60], str)  # the training schedule has 50 steps
    # Lengths that no pass reached have neither finalists nor perturbations.
    spared = 0 if name in WITHOUT_PERTURBATIONS else 3
    assert len(parts) <= SEARCHES[name].work(inputs) <= len(parts) + spared


def test_the_form_of_the_loss_enters_the_fingerprint() -> None:
    assert SEARCHES["paper"].fingerprint("elbo") == {}
    assert SEARCHES["closed-form"].fingerprint("elbo") == {"loss": "elbo"}
    assert SEARCHES["closed-form-released"].fingerprint("elbo") == {"loss": "released"}


def test_released_rules_report_the_scores_that_won(inputs: SearchInputs) -> None:
    trials = []
    for released in (False, True):
        config = replace(inputs.config, released=released, lengths=(3,))
        found = SEARCHES["paper"].find(replace(inputs, config=config))[3]
        assert isinstance(found, Found)
        trials.append(found.scores[1])
    assert trials[0] == 2
    assert trials[1] >= 3  # each judgement has a trial of its own


def test_only_networks_have_a_loss_to_train_on() -> None:
    """A closed form of another loss must not change what the shared network is trained on."""
    losses = {name: search.network_loss for name, search in SEARCHES.items()}
    assert {name for name, loss in losses.items() if loss is not None} == {"released-loss"}
    assert all(SEARCHES[name].needs_schedule_net for name, loss in losses.items() if loss)


def test_power_is_measured_on_the_examples(inputs: SearchInputs) -> None:
    seen: list[int] = []

    def net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        seen.append(len(x))
        return torch.full_like(x, 0.5)

    assert replace(inputs, score_net=net).power()(0.7) == pytest.approx(0.25)
    assert set(seen) == {len(inputs.examples()[0])}
