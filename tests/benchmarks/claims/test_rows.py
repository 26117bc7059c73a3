"""Claim tests of single rows on either side of their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import scipy.stats

from benchmarks.claims.rows import AtLeast, SpeedUp
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval
from synthetic.pairs import between, student, two_rows
from synthetic.runs import timed

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "CPU-scale", "command": "run x", "results": "speech"}
LEAST = {"kind": "at_least", "row": "raw/a-3", "metric": "m", "bound": 2.0, **ANY}
SPEED = SpeedUp(kind="speed_up", row="raw/a-3", claimed=62, tolerance=0.1, **ANY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2.22, "holds"), (2.2, "open"), (1.8, "open"), (1.7, "does not hold")],
)
def test_at_least(folder_of: Made, value: float, expected: str) -> None:
    found = AtLeast(**LEAST).decide(folder_of(speech=two_rows(a=student(value))))
    assert found.verdict == expected
    assert AtLeast(**LEAST).asked == "m of raw/a-3 at least 2"


@pytest.mark.parametrize(("value", "expected"), [(2.1, "holds"), (1.9, "does not hold")])
def test_equal_scores_are_an_exact_value(folder_of: Made, value: float, expected: str) -> None:
    equal = Interval(value=value, low=value, high=value, n=4, se=0.0, df=3.0)
    found = AtLeast(**LEAST).decide(folder_of(speech=two_rows(a=equal)))
    assert found.verdict == expected


def test_a_value_of_protocol_1_decides_nothing(folder_of: Made) -> None:
    found = AtLeast(**LEAST).decide(folder_of(speech=two_rows(a=between((2.5, 3.0)))))
    assert found.verdict == "open"
    assert found.measured == "2.75 [2.50, 3.00]; made under protocol 1: no standard error"


def test_one_search_decides_nothing(folder_of: Made) -> None:
    folder = folder_of(speech=two_rows(a=student(3.0), search="paper"))
    found = AtLeast(**LEAST).decide(folder)
    assert found.verdict == "open"
    assert found.measured.endswith("1 trainings and searches, of 3 that a verdict needs")


def test_a_value_without_an_interval_decides_nothing(folder_of: Made) -> None:
    folder = folder_of(speech=two_rows(a=Interval(value=2.5, low=None, high=None, n=1)))
    with pytest.raises(MissingResultError, match="no interval"):
        AtLeast(**LEAST).decide(folder)
    with pytest.raises(MissingResultError, match="raw/a-3 has no q"):
        AtLeast(**LEAST | {"metric": "q"}).decide(folder)


def ratio(value: float, spread: float, rounds: int = 25) -> Interval:
    """A ratio of times whose logarithms have a Student interval."""
    half = float(scipy.stats.t.isf(0.025, rounds - 1)) * spread / math.sqrt(rounds)
    return Interval(value=value, low=value * math.exp(-half), high=value * math.exp(half), n=rounds)


@pytest.mark.parametrize(
    ("speedup", "expected"),
    [
        (ratio(62.5, 0.1), "holds"),
        (ratio(56.0, 0.1), "open"),
        (ratio(50.0, 0.1), "does not hold"),
        (ratio(62.5, 0.1, rounds=24), "open"),  # too few rounds
        (ratio(62.5, 0.0), "holds"),
        (ratio(50.0, 0.0), "does not hold"),
    ],
)
def test_speed_up(folder_of: Made, speedup: Interval, expected: str) -> None:
    time = timed(16, stable=False).model_copy(update={"speedup": speedup})
    found = SPEED.decide(folder_of(speech=two_rows(time=time)))
    assert found.verdict == expected
    assert "steps 62.5; its times spread" in found.measured
    assert ("24 rounds, of 25 for a verdict" in found.measured) is (speedup.n == 24)


def test_the_p_value_of_a_speed_up_is_that_of_its_logarithms(folder_of: Made) -> None:
    time = timed(16).model_copy(update={"speedup": ratio(57.0, 0.1)})
    found = SPEED.decide(folder_of(speech=two_rows(time=time)))
    t = math.log(57.0 / 55.8) / (0.1 / math.sqrt(25))
    assert found.sides is not None
    assert found.sides.holds == pytest.approx(scipy.stats.t.sf(t, 24))
    assert found.sides.fails == pytest.approx(scipy.stats.t.cdf(t, 24))


def test_the_power_stands_beside(folder_of: Made) -> None:
    time = timed(16).model_copy(update={"speedup": ratio(62.5, 0.1), "power": 0.987})
    found = SPEED.decide(folder_of(speech=two_rows(time=time)))
    assert found.measured.endswith("steps 62.5; power 0.99; 25 rounds")


def test_a_standard_error_of_logarithms_is_taken_as_it_is(folder_of: Made) -> None:
    known = ratio(57.0, 0.1).model_copy(update={"se": 0.05, "df": 14.0})
    time = timed(16).model_copy(update={"speedup": known})
    found = SPEED.decide(folder_of(speech=two_rows(time=time)))
    assert found.sides is not None
    assert found.sides.holds == pytest.approx(scipy.stats.t.sf(math.log(57.0 / 55.8) / 0.05, 14))


def test_a_row_without_a_time_has_no_speed_up(folder_of: Made) -> None:
    with pytest.raises(MissingResultError, match="raw/a-3 was not timed"):
        SPEED.decide(folder_of(speech=two_rows(time=None)))
