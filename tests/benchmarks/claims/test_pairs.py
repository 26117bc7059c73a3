"""Claim tests of paired differences on either side of their boundaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.claims.pairs import Noninferior, Superior
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval
from synthetic.pairs import between, student, two_rows, with_difference

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "CPU-scale", "command": "run x", "results": "speech"}
PAIR = {"row": "raw/a-3", "against": "raw/b-3", "metric": "m", **ANY}
SUPERIOR = Superior(kind="superior", **PAIR)
NONINFERIOR = Noninferior(kind="noninferior", margin=0.1, **PAIR)
EXACT = Interval(value=0.2, low=0.2, high=0.2, n=20)


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(
    ("value", "p", "expected"),
    [
        (0.5, 0.01, "holds"),
        (0.5, 0.2, "open"),  # the exchange test does not agree
        (0.1, 0.01, "open"),  # Student's t does not
        (-0.5, 0.01, "does not hold"),
        (-0.5, 0.2, "open"),
        (0.0, 1.0, "open"),
    ],
)
def test_superior(folder_of: Made, value: float, p: float, expected: str, up: bool) -> None:
    difference = student(value if up else -value)
    found = SUPERIOR.decide(folder_of(speech=with_difference(two_rows(up=up), difference, p)))
    assert found.verdict == expected
    assert found.short == f"{value if up else -value:+.3g}"
    assert SUPERIOR.asked == "raw/a-3 better than raw/b-3 by m"
    assert SUPERIOR.at_steps == 3


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(
    ("value", "p_margin", "expected"),
    [
        (0.2, 0.01, "holds"),
        (0.2, 0.2, "open"),  # the exchange test at the margin does not agree
        (-0.05, 0.01, "open"),
        (-0.5, 0.01, "does not hold"),
        (-0.5, 0.2, "open"),
    ],
)
def test_noninferior(
    folder_of: Made, value: float, p_margin: float, expected: str, up: bool
) -> None:
    results = with_difference(
        two_rows(up=up), student(value if up else -value), 1.0, p_margin=p_margin
    )
    found = NONINFERIOR.decide(folder_of(speech=results))
    assert found.verdict == expected
    assert found.measured.endswith("margin 0.1")
    assert NONINFERIOR.asked == "raw/a-3 as good as raw/b-3 by m, to 0.1"


def test_the_p_value_is_the_larger_of_both_tests(folder_of: Made) -> None:
    one = student(0.3)
    for p, wanted in ((0.02, 0.01), (1e-6, 0.0035)):
        found = SUPERIOR.decide(folder_of(speech=with_difference(two_rows(), one, p)))
        assert found.sides is not None
        assert found.sides.holds == pytest.approx(wanted, rel=0.02)
        assert found.sides.fails > 0.5


@pytest.mark.parametrize("test", [SUPERIOR, NONINFERIOR])
def test_a_comparison_of_protocol_1_decides_nothing(folder_of: Made, test: Superior) -> None:
    results = with_difference(two_rows(), between((0.5, 0.6)), 0.01)
    found = test.decide(folder_of(speech=results))
    assert found.verdict == "open"
    assert found.measured.endswith("; made under protocol 1: no standard error")
    assert found.sides is None


def test_a_margin_without_an_exchange_test_leaves_items_open(folder_of: Made) -> None:
    results = with_difference(two_rows(), student(0.5), 0.01)
    found = NONINFERIOR.decide(folder_of(speech=results))
    assert found.verdict == "open"
    assert found.measured.endswith("; made under protocol 1: no exchange test")


@pytest.mark.parametrize(
    ("value", "p", "expected"),
    [(0.5, 0.9, "holds"), (-0.5, 0.01, "does not hold"), (-0.5, 0.9, "open")],
)
def test_sets_have_no_exchange_test_at_a_margin(
    folder_of: Made, value: float, p: float, expected: str
) -> None:
    results = with_difference(two_rows(seeds=1), student(value), p, items=500)
    assert NONINFERIOR.decide(folder_of(speech=results)).verdict == expected


@pytest.mark.parametrize(
    ("difference", "expected"), [(0.2, "holds"), (0.0, "does not hold"), (-0.2, "does not hold")]
)
def test_an_exact_difference_needs_no_p_value(
    folder_of: Made, difference: float, expected: str
) -> None:
    exact = Interval(value=difference, low=difference, high=difference, n=20)
    found = SUPERIOR.decide(folder_of(speech=with_difference(two_rows(), exact)))
    assert found.verdict == expected
    assert found.sides is None


@pytest.mark.parametrize("difference", [student(0.5), EXACT], ids=["sampled", "exact"])
def test_one_search_decides_nothing(folder_of: Made, difference: Interval) -> None:
    searched = {"search": "paper", "repeats": 2}
    results = with_difference(two_rows(**searched), difference, 0.001)
    found = SUPERIOR.decide(folder_of(speech=results))
    assert found.verdict == "open"
    assert found.measured.endswith("; 2 trainings and searches, of 3 that a verdict needs")
    enough = with_difference(two_rows(search="paper", repeats=3), difference, 0.001)
    assert SUPERIOR.decide(folder_of(speech=enough)).verdict == "holds"


def test_a_row_without_a_search_may_have_one_seed(folder_of: Made) -> None:
    results = with_difference(two_rows(seeds=1, seeds_of_b=1), student(0.5), 0.001)
    assert SUPERIOR.decide(folder_of(speech=results)).verdict == "holds"


def test_another_margin_than_the_claimed_one_decides_nothing(folder_of: Made) -> None:
    for margin in (0.05, 0.2):
        results = with_difference(two_rows(), student(0.5), 0.01, p_margin=0.01, margin=margin)
        with pytest.raises(MissingResultError, match=f"by a margin of {margin}, not 0.1"):
            NONINFERIOR.decide(folder_of(speech=results))


@pytest.mark.parametrize("margin", [0.5, 0.8], ids=["the share", "the floor's width"])
def test_a_relative_margin_is_at_least_a_share_of_the_others_value(
    folder_of: Made, margin: float
) -> None:
    test = NONINFERIOR.model_copy(update={"margin": 0.05, "relative": True})
    rows = two_rows(b=(9.0, 11.0), up=False)
    results = with_difference(rows, student(0.2), p_margin=0.001, margin=margin)
    found = test.decide(folder_of(speech=results))
    assert found.verdict == "holds"
    assert f"margin {margin}" in found.measured
    assert test.asked.endswith("to 5%")
    smaller = with_difference(rows, student(0.2), p_margin=0.001, margin=0.4)
    with pytest.raises(MissingResultError, match=r"by a margin of 0\.4, not 0\.5"):
        test.decide(folder_of(speech=smaller))


def test_a_row_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'b' is no row"):
        Superior(kind="superior", **PAIR | {"against": "b"})
