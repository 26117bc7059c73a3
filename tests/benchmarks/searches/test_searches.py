"""The contract of every search: an answer for each length, and the work it announces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.schedule import NoiseSchedule
from bddm_ref.scheduling import starts
from benchmarks.core.experiment import SearchConfig, SearchName
from benchmarks.runtime.found import Found, NetStart
from benchmarks.searches import SEARCHES
from benchmarks.searches.base import SearchInputs
from benchmarks.searches.passes import PassSearch

TRAINING = NoiseSchedule.linear(50, 1e-3, 0.2)
CONFIG = SearchConfig(lengths=(2, 3, 60), bins=4, tuned_bins=(4,), finalists=2, refinements=1)


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
    return replace(made, schedule_net=lambda tau: Half(), examples=lambda: (x, None))


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
        if name != "released":  # of a trial that had no part in the search
            assert one.scores == score(one.schedule, 2)
    assert isinstance(found[60], str)  # the training schedule has 50 steps
    # Lengths that no pass reached have neither finalists nor perturbations.
    spared = 0 if name in WITHOUT_PERTURBATIONS else 3
    assert len(parts) <= SEARCHES[name].work(inputs) <= len(parts) + spared


def test_the_form_of_the_loss_enters_the_fingerprint() -> None:
    assert SEARCHES["paper"].fingerprint("elbo") == {}
    assert SEARCHES["closed-form"].fingerprint("elbo") == {"loss": "elbo"}
    assert SEARCHES["closed-form-released"].fingerprint("elbo") == {"loss": "released"}


def test_released_rules_report_the_scores_that_won(inputs: SearchInputs) -> None:
    found = SEARCHES["released"].find(inputs)[3]
    assert isinstance(found, Found)
    assert found.scores[1] >= 3  # each judgement has a trial of its own
    assert found.complete is None  # the pass may have been cut


def test_the_released_search_has_its_own_judge(inputs: SearchInputs) -> None:
    def other(
        schedule: NoiseSchedule, trial: int, part: tuple[float, float] = (0.0, 1.0), /
    ) -> tuple[float, ...]:
        return (7.0,)

    problem = replace(inputs.problem, released=(other, ("raw",)))
    found = SEARCHES["released"].find(replace(inputs, problem=problem))[3]
    assert isinstance(found, Found)
    assert found.scores == (7.0,)
    assert SEARCHES["released"].score_titles(problem) == ("raw",)
    assert SEARCHES["tuned"].score_titles(problem) == ("score",)


def test_passes_of_the_released_search_draw_fresh_noise(inputs: SearchInputs) -> None:
    def starts_of(name: SearchName) -> list[float]:
        seen: list[float] = []

        def net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
            seen.append(float(x.flatten()[0]))
            return torch.zeros_like(x)

        config = replace(inputs.config, lengths=(3,), refinements=0)
        silent = replace(inputs.problem, judge=lambda schedule, trial, part=(0.0, 1.0), /: (0.0,))
        SEARCHES[name].find(replace(inputs, score_net=net, problem=silent, config=config))
        return seen

    # The first evaluation of each pass sees x_N.
    paper, fresh = starts_of("paper"), starts_of("released")
    assert max(map(paper.count, paper)) > 10
    assert len(set(fresh)) == len(fresh)


def test_a_tuned_search_tries_every_tau_and_every_grid(inputs: SearchInputs) -> None:
    asked: set[int] = set()

    def network(tau: int) -> nn.Module:
        asked.add(tau)
        return Half()

    config = replace(inputs.config, lengths=(2, 3), bins=3, tuned_bins=(3, 7))
    taus = {2: (25, 16), 3: (16, 10)}
    several = replace(inputs, config=config, schedule_net=network, taus=taus.__getitem__)
    search = SEARCHES["tuned"]
    assert isinstance(search, PassSearch)
    places = search.places(several)
    assert len(places) == len(starts(TRAINING, 7))  # whose grid contains the grid of 3
    assert len(search.starts(several, 3)) == 2 * len(places)
    found = search.find(several)
    assert asked == {25, 16, 10}
    for length, one in found.items():
        assert isinstance(one, Found)
        assert isinstance(one.start, NetStart)
        assert one.start.tau in taus[length]
    literal = SEARCHES["paper"]
    assert isinstance(literal, PassSearch)
    assert len(literal.places(several)) == len(starts(TRAINING, 3))


def test_a_pass_is_run_once_for_all_lengths(inputs: SearchInputs) -> None:
    evaluated: list[int] = []

    def net(x: Tensor, alpha: Tensor, condition: object) -> Tensor:
        evaluated.append(len(x))
        return torch.zeros_like(x)

    def passes_of(*lengths: int) -> int:
        evaluated.clear()
        config = replace(inputs.config, lengths=lengths, refinements=0)
        SEARCHES["tuned"].find(replace(inputs, score_net=net, config=config))
        return len(evaluated)

    assert passes_of(2, 3) == passes_of(3)


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
