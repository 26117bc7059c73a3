"""Claim tests of rows on either side of their margins."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bddm_ref.files import write_with_checksum
from benchmarks.claims.rows import (
    AtLeast,
    CostShare,
    Noninferior,
    SpeedUp,
    Superior,
    WithinFactor,
)
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval
from synthetic.pairs import Ends, two_rows, with_difference
from synthetic.runs import around, run, timed

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "CPU-scale", "command": "run x", "results": "speech"}
PAIR = {"row": "raw/a-3", "against": "raw/b-3", "metric": "m", **ANY}


@pytest.mark.parametrize(
    ("ends", "up", "expected"),
    [
        ((-0.09, 0.2), True, "reproduced"),
        ((-0.2, -0.11), True, "not reproduced"),
        ((-0.2, 0.2), True, "undecided"),
        ((-0.2, 0.09), False, "reproduced"),
        ((0.11, 0.3), False, "not reproduced"),
        ((0.05, 0.3), False, "undecided"),
    ],
)
def test_noninferior(folder_of: Made, ends: Ends, up: bool, expected: str) -> None:
    test = Noninferior(kind="noninferior", margin=0.1, **PAIR)
    found = test.decide(folder_of(speech=with_difference(two_rows(up=up), ends, p=0.001)))
    assert found.verdict == expected
    assert found.measured.endswith("margin 0.1")
    assert test.asked == "raw/a-3 as good as raw/b-3 by m, to 0.1"


@pytest.mark.parametrize("fewer", [{"seeds": 1}, {"seeds_of_b": 1}])
def test_too_few_seeds_of_either_row_leave_a_test_open(
    folder_of: Made, fewer: dict[str, int]
) -> None:
    test = Noninferior(kind="noninferior", margin=0.1, **PAIR)
    assert test.decide(folder_of(speech=with_difference(two_rows(), (-0.05, 0.2)))).verdict == (
        "reproduced"
    )
    found = test.decide(folder_of(speech=with_difference(two_rows(**fewer), (-0.05, 0.2))))
    assert found.verdict == "undecided"
    assert found.measured.endswith("; 1 noise seeds, of 6 that a verdict needs")


def test_a_relative_margin_is_a_share_of_the_others_value(folder_of: Made) -> None:
    test = Noninferior(kind="noninferior", margin=0.05, relative=True, **PAIR)
    found = test.decide(
        folder_of(speech=with_difference(two_rows(b=(9.0, 11.0), up=False), (-0.2, 0.3)))
    )
    assert found.verdict == "reproduced"
    assert "margin 0.5" in found.measured
    assert test.asked.endswith("to 5%")


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(
    ("ends", "p", "expected"),
    [
        ((0.1, 0.2), 0.01, "reproduced"),
        ((0.1, 0.2), 0.2, "undecided"),  # the two tests disagree
        ((0.1, 0.1), None, "reproduced"),  # exact
        ((-0.1, 0.2), 0.01, "undecided"),
        ((-0.2, -0.1), 0.01, "not reproduced"),
        ((0.0, 0.0), None, "not reproduced"),
    ],
)
def test_superior(folder_of: Made, ends: Ends, p: float | None, expected: str, up: bool) -> None:
    low, high = ends if up else (-ends[1], -ends[0])
    test = Superior(kind="superior", **PAIR)
    results = with_difference(two_rows(up=up), (low, high), p)
    assert test.decide(folder_of(speech=results)).verdict == expected


@pytest.mark.parametrize(
    ("mine", "expected"),
    [((1.0, 5.9), "reproduced"), ((1.0, 7.0), "undecided"), ((9.1, 10.0), "not reproduced")],
)
def test_within_factor(folder_of: Made, mine: Ends, expected: str) -> None:
    test = WithinFactor(kind="within_factor", factor=3.0, **PAIR)
    found = test.decide(folder_of(speech=two_rows(a=mine, b=(2.0, 3.0))))
    assert found.verdict == expected
    assert found.measured.endswith("against 2.50 [2.00, 3.00]")


LEAST = {"kind": "at_least", "row": "raw/a-3", "metric": "m", "bound": 2.0, **ANY}


@pytest.mark.parametrize(
    ("mine", "expected"),
    [((2.0, 3.0), "reproduced"), ((1.9, 3.0), "undecided"), ((1.0, 1.9), "not reproduced")],
)
def test_at_least(folder_of: Made, mine: Ends, expected: str) -> None:
    found = AtLeast(**LEAST).decide(folder_of(speech=two_rows(a=mine)))
    assert found.verdict == expected


def test_a_value_without_an_interval_decides_nothing(folder_of: Made) -> None:
    folder = folder_of(speech=two_rows(a=Interval(value=2.5, low=None, high=None, n=1)))
    with pytest.raises(MissingResultError, match="no interval"):
        AtLeast(**LEAST).decide(folder)
    with pytest.raises(MissingResultError, match="raw/a-3 has no q"):
        AtLeast(**LEAST | {"metric": "q"}).decide(folder)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((56, 70), "reproduced"), ((50, 70), "undecided"), ((40, 55), "not reproduced")],
)
def test_speed_up(folder_of: Made, ends: Ends, expected: str) -> None:
    low, high = ends
    speedup = around((low + high) / 2, (high - low) / 2, n=5)
    time = timed(16, stable=False).model_copy(update={"speedup": speedup})
    test = SpeedUp(kind="speed_up", row="raw/a-3", claimed=62, tolerance=0.1, **ANY)
    found = test.decide(folder_of(speech=two_rows(time=time)))
    assert found.verdict == expected
    assert "steps 62.5; its times spread" in found.measured
    with pytest.raises(MissingResultError, match="raw/a-3 was not timed"):
        test.decide(folder_of(speech=two_rows(time=None)))


def write_card(folder: Path, name: str, seconds: float, parameters: int) -> None:
    """Write weights of so many values, with the card of their training of 10 updates."""
    weights = folder / "weights" / f"{name}.safetensors"
    weights.parent.mkdir(exist_ok=True)
    save_file({"w": np.zeros(parameters, np.float32)}, weights)
    card = {
        "parameters": parameters,
        "steps": 10,
        "seconds": seconds,
        "steps_in_these_seconds": 10,
    }
    write = partial(Path.write_text, data=json.dumps(card))
    write_with_checksum(weights.with_suffix(".json"), write)


BATCHES = {"schedule_net": {"batch_size": 4}, "score_net": {"batch_size": 8}}
SHARE: dict[str, Any] = {
    "kind": "cost_share",
    "score_net": "score",
    "schedule_net": "schedule",
    "at_most": 0.1,
    **ANY,
}


@pytest.mark.parametrize(("seconds", "expected"), [(10.0, "reproduced"), (10.1, "not reproduced")])
def test_a_share_of_the_seconds(
    folder_of: Made, tmp_path: Path, seconds: float, expected: str
) -> None:
    folder = folder_of(speech=run("speech", [], experiment=BATCHES))
    write_card(tmp_path, "score", 100.0, 50)
    write_card(tmp_path, "schedule", seconds, 6)
    found = CostShare(of="seconds", **SHARE).decide(folder)
    assert found.verdict == expected
    assert found.measured == (
        f"{seconds:g} of 100 = {seconds / 100:.1%}; 10 of 10 updates = 100.0%; 40 of 80 "
        "evaluations = 50.0%"
    )


@pytest.mark.parametrize(("parameters", "expected"), [(5, "reproduced"), (6, "not reproduced")])
def test_a_share_of_the_parameters(
    folder_of: Made, tmp_path: Path, parameters: int, expected: str
) -> None:
    write_card(tmp_path, "score", 100.0, 50)
    write_card(tmp_path, "schedule", 1.0, parameters)
    test = CostShare(of="parameters", **SHARE)
    found = test.decide(folder_of())
    assert found.verdict == expected
    assert found.measured == f"{parameters} of 50 = {parameters / 50:.1%}"
    assert test.asked == "parameters of schedule at most 10% of score"
