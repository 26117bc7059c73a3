"""Claim tests of repeated searches on either side of their margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

from benchmarks.claims.searches import Honest, Selection, welch
from benchmarks.results.folder import MissingResultError, ResultsFolder
from metrics.statistics import Estimate
from synthetic.studies import near, optimism, theory

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "exact", "command": "theory analytic", "data": "x", "length": 7}


def spread(value: float, se: float) -> Estimate:
    return Estimate(value, value - 2 * se, value + 2 * se, 24, se=se, df=23)


SEARCHES = [
    optimism("released", spread(0.010, 0.0005), spread(1.0, 0.15)),
    optimism("ours", spread(0.0045, 0.0005), spread(0.1, 0.15)),
]


@pytest.mark.parametrize(
    ("margin", "expected"), [(0.009, "holds"), (0.005, "open"), (0.002, "does not hold")]
)
def test_selection(folder_of: Made, margin: float, expected: str) -> None:
    test = Selection(kind="selection", margin=margin, **ANY)
    folder = folder_of(theory__theory=theory(searches=SEARCHES))
    found = test.decide(folder)
    assert found.verdict == expected
    assert found.measured == f"0.0100 against 0.0045, margin {margin:g}"
    assert found.short == "+0.0055"
    assert test.asked.endswith(f"to {margin:g}")
    assert test.at_steps == 7
    with pytest.raises(MissingResultError, match="no released search on x"):
        test.model_copy(update={"length": 3}).decide(folder)


@pytest.mark.parametrize(
    ("rule", "at_most", "expected"),
    [("released", 0.5, "does not hold"), ("released", 1.1, "open"), ("ours", 0.5, "holds")],
)
def test_honest(folder_of: Made, rule: Any, at_most: float, expected: str) -> None:
    test = Honest(kind="honest", rule=rule, at_most=at_most, **ANY)
    found = test.decide(folder_of(theory__theory=theory(searches=SEARCHES)))
    assert found.verdict == expected
    assert found.measured.startswith("-0.0100 reported, ")


def test_searches_of_protocol_1_decide_nothing(folder_of: Made) -> None:
    old = [optimism(rule, near(0.01, 0.001), near(0.1, 0.3)) for rule in ("released", "ours")]
    folder = folder_of(theory__theory=theory(searches=old))
    tests: list[Selection | Honest] = [
        Selection(kind="selection", margin=0.1, **ANY),
        Honest(kind="honest", rule="ours", at_most=0.5, **ANY),
    ]
    for test in tests:
        found = test.decide(folder)
        assert found.verdict == "open"
        assert found.measured.endswith("made under protocol 1: no standard error")


def test_two_means_are_compared_as_scipy_does() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=8), generator.normal(size=13) * 3
    first, second = (
        Estimate(x.mean(), np.nan, np.nan, len(x), se=scipy.stats.sem(x), df=len(x) - 1)
        for x in (a, b)
    )
    found = welch(first, second)
    wanted = scipy.stats.ttest_ind(a, b, equal_var=False)
    assert found is not None
    assert found.value is not None
    assert found.se is not None
    assert found.value / found.se == pytest.approx(wanted.statistic)
    assert found.df == pytest.approx(wanted.df)
