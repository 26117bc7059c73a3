"""The part that each contestant has in the contest, and the schedules that it may ask for."""

from __future__ import annotations

import pytest

from bddm_ref.schedule import NoiseSchedule
from benchmarks.contestants import BILATERAL, CONTESTANTS, SEARCHED
from benchmarks.contestants.base import ContestantInputs, SkipContestantError
from benchmarks.runtime.found import Found
from benchmarks.searches import SEARCHES

TRAINING = NoiseSchedule.linear(50, 1e-4, 0.1)
FOUND = Found(NoiseSchedule((0.01, 0.2, 0.6)))


def names_of(role: str) -> set[str]:
    return {name for name, one in CONTESTANTS.items() if one.role == role}


def test_roles() -> None:
    assert names_of("bddm") == {name for name in CONTESTANTS if name.startswith("bddm")}
    assert names_of("baseline") == {
        f"{kernel}{spacing}"
        for kernel in ("ddpm", "ddim")
        for spacing in ("", "-quad", "-snr", "-snr-steps")
    }
    assert names_of("rival") == {*CONTESTANTS} - names_of("bddm") - names_of("baseline")


def test_every_search_has_one_contestant_of_its_own() -> None:
    assert sorted(SEARCHED.values()) == sorted(SEARCHES)
    assert SEARCHED["bddm"] == "tuned"
    assert SEARCHED["bddm-noise"] == "noise"
    assert SEARCHED["bddm-frugal"] == "frugal"


def test_contestants_whose_rows_are_compared_with_all_others() -> None:
    assert BILATERAL == [
        "bddm",
        "bddm-literal",
        "bddm-released-search",
        "bddm-noise",
        "bddm-released",
    ]


@pytest.mark.parametrize(
    ("name", "steps", "reason"),
    [
        ("bddm", 5, "the search found no schedule of 5 steps"),
        ("bddm", 6, "no pass ended there"),
        ("bddm-noise", 3, "search.searches lacks 'noise'"),
        ("beta-grid", 7, "its search goes up to 6 steps"),  # whether it was made or not
        ("beta-grid", 6, "search.searches lacks 'beta-grid'"),
    ],
)
def test_the_reason_of_the_search_is_the_reason_of_the_row(
    name: str, steps: int, reason: str
) -> None:
    searched = {"tuned": {3: FOUND, 6: "no pass ended there"}}
    inputs = ContestantInputs(TRAINING, searched, reach={"beta-grid": 6})
    with pytest.raises(SkipContestantError) as told:
        CONTESTANTS[name].prepare(steps, inputs)
    assert str(told.value) == reason


def test_a_found_schedule_is_sampled_by() -> None:
    sampler = CONTESTANTS["bddm"].prepare(3, ContestantInputs(TRAINING, {"tuned": {3: FOUND}}))
    assert sampler.nfe == 3
    assert sampler.recipe["betas"] == [0.01, 0.2, 0.6]
