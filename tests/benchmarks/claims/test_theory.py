"""Claim tests of the theory on either side of their margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.claims.theory import (
    AboveElbo,
    BoundHolds,
    Sigma,
    SigmaOnElbo,
    widened,
)
from benchmarks.results.folder import MissingResultError, ResultsFolder
from synthetic.studies import (
    bound,
    bounds,
    network_point,
    network_theory,
    ratios,
    theory,
)

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "exact", "command": "run x"}
ON_NETWORKS = {"track": "images", "convention": "plain", **ANY}


@pytest.mark.parametrize(
    ("f_bddm", "error", "expected"),
    [
        (-0.1, 0.0, "holds"),
        (-0.05, 0.1, "open"),
        (0.105, 0.1, "open"),  # outside, but one of two points is so by chance more often
        (0.2, 0.1, "does not hold"),
        (-0.7, 0.1, "does not hold"),
    ],
)
def test_bound_holds(folder_of: Made, f_bddm: float, error: float, expected: str) -> None:
    test = BoundHolds(kind="bound_holds", data="x", bound="f_bddm", fitted=True, **ANY)
    points = bounds(bound(10, -0.2, 0.0), bound(100, f_bddm, error))  # between -0.4 and 0
    folder = folder_of(theory__theory=theory(bounds=[points]))
    found = test.decide(folder)
    assert found.verdict == expected
    assert "of 2 points" in found.measured
    assert test.asked == "F_elbo <= F_bddm, variance fitted <= log p on x"
    with pytest.raises(MissingResultError, match="no bounds of e"):
        test.model_copy(update={"data": "e"}).decide(folder)


def test_a_bound_is_read_with_the_variance_that_is_asked(folder_of: Made) -> None:
    test = BoundHolds(kind="bound_holds", data="x", bound="f_bddm", fitted=False, **ANY)
    folder = folder_of(theory__theory=theory(bounds=[bounds(bound(10, -0.2, 0.0))]))
    assert test.decide(folder).verdict == "does not hold"  # -4, below the ELBO of -0.5
    assert test.model_copy(update={"fitted": True}).decide(folder).verdict == "holds"


def test_an_interval_for_many_is_wider() -> None:
    assert widened(1) == pytest.approx(1.0)
    assert widened(78) == pytest.approx(3.41 / 1.96, rel=0.01)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.2, "holds"), (0.05, "open"), (-0.11, "open"), (-0.3, "does not hold")],
)
def test_above_elbo(folder_of: Made, value: float, expected: str) -> None:
    document = network_theory()
    points = [network_point(10, 1.0), network_point(100, value)]
    one = document.conventions[0]
    found = document.model_copy(
        update={"conventions": [type(one)(**vars(one) | {"points": points})]}
    )
    test = AboveElbo(kind="above_elbo", bound="f_score", fitted=False, **ON_NETWORKS)
    assert test.decide(folder_of(theory__images=found)).verdict == expected
    assert test.asked == "F_elbo <= F_score, variance beta_1 on images, plain"


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ({"below": 0.05}, "holds"),
        ({"below": 0.02}, "does not hold"),
        ({"above": 0.01}, "holds"),
        ({"above": 0.3}, "does not hold"),
    ],
)
def test_sigma(folder_of: Made, side: dict[str, float], expected: str) -> None:
    found = theory(ratios=[ratios("elbo", {0: 0.5, 100: 0.02})])
    folder = folder_of(theory__theory=found)
    test = Sigma(kind="sigma", data="x", form="elbo", updates=100, **side, **ANY)
    assert test.decide(folder).verdict == expected
    assert test.decide(folder).measured == "0.500 before, 0.0200 after"
    for changes in ({"updates": 7}, {"data": "y"}):
        with pytest.raises(MissingResultError, match="no elbo training on"):
            test.model_copy(update=changes).decide(folder)


@pytest.mark.parametrize("sides", [{}, {"below": 0.1, "above": 0.2}])
def test_sigma_has_one_side(sides: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give one of below and above"):
        Sigma(kind="sigma", data="x", form="elbo", updates=100, **sides, **ANY)


def test_sigma_on_elbo(folder_of: Made) -> None:
    test = SigmaOnElbo(kind="sigma_on_elbo", updates=1000, below=0.05, **ON_NETWORKS)
    folder = folder_of(theory__images=network_theory())
    found = test.decide(folder)
    assert found.verdict == "holds"
    assert found.measured == "0.500 before, 0.0100 after; in use 0.700"
    early = test.model_copy(update={"updates": 30})
    assert early.decide(folder).verdict == "does not hold"
    with pytest.raises(MissingResultError, match=r"theory/images\.json has no 7 updates"):
        test.model_copy(update={"updates": 7}).decide(folder)
    with pytest.raises(MissingResultError, match=r"theory/images\.json has no convention raw"):
        test.model_copy(update={"convention": "raw"}).decide(folder)
