"""Claim tests of the theory on either side of their margins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.claims.theory import (
    BoundBetween,
    CollapseSpeed,
    Identity,
    Proposition3,
    Sigma,
    widened,
)
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.theory import BoundPoint, DataTraces, NetworkDocument, NetworkPoint
from synthetic.studies import (
    bound,
    bounds,
    network_point,
    network_theory,
    theory,
    traces,
)

Made = Callable[..., ResultsFolder]
ANY: dict[str, Any] = {"level": "exact", "command": "run x"}
ON_NETWORKS = {"track": "images", "convention": "plain", **ANY}


def held(points: list[BoundPoint], folder_of: Made) -> ResultsFolder:
    return folder_of(theory__theory=theory(bounds=[bounds(*points)]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "holds"), ({"step": 0.25}, "does not hold"), ({"step": 0.73}, "does not hold")],
)
def test_identity(folder_of: Made, changes: dict[str, float], expected: str) -> None:
    test = Identity(kind="identity", data="x", **ANY)
    folder = held([bound(497), bound(355, **changes), bound(10, length=None, step=0.0)], folder_of)
    found = test.decide(folder)
    assert found.verdict == expected
    assert " of 2 points; F_bddm " in found.measured
    every = test.model_copy(update={"points": "all"}).decide(folder)
    assert every.verdict == "does not hold"  # the point outside has no L_step
    assert (
        test.asked == "the ELBO's KL term at t <= F_bddm, common term dropped, on x, points inside"
    )
    with pytest.raises(MissingResultError, match="no bounds of e"):
        test.model_copy(update={"data": "e"}).decide(folder)
    outside = held([bound(10, length=None)], folder_of)
    with pytest.raises(MissingResultError, match="no point of x is inside"):
        test.decide(outside)


@pytest.mark.parametrize(("error", "expected"), [(1e-12, "holds"), (0.1, "does not hold")])
def test_identity_of_networks(folder_of: Made, error: float, expected: str) -> None:
    points = [network_point(497, 0.5, identity_error=error)]
    folder = folder_of(theory__images=with_points(points))
    test = Identity(kind="identity", **ON_NETWORKS)
    assert test.decide(folder).verdict == expected
    assert "on images, plain, points inside" in test.asked


def with_points(points: list[NetworkPoint]) -> NetworkDocument:
    document = network_theory()
    one = document.conventions[0]
    changed = type(one)(**vars(one) | {"points": points})
    return document.model_copy(update={"conventions": [changed]})


@pytest.mark.parametrize(
    ("square", "error", "expected"),
    [
        (0.04, 0.0, "holds"),  # F_bddm = -0.145
        (0.04, 0.01, "open"),  # its error is 0.5
        (0.01, 0.0, "does not hold"),  # 1.355, above log p = 0
        (0.06, 0.0, "does not hold"),  # -1.145, below the ELBO of -0.5
    ],
)
def test_bound_between(folder_of: Made, square: float, error: float, expected: str) -> None:
    test = BoundBetween(
        kind="bound_between", data="x", common="chain", lower="elbo", upper="log p", **ANY
    )
    folder = held([bound(497, 0.04), bound(355, square, error)], folder_of)
    found = test.decide(folder)
    assert found.verdict == expected
    assert "of 2 points" in found.measured
    assert test.asked == "F_elbo <= F_bddm <= log p, common term chain, on x, points inside"


def test_bound_between_reads_each_side(folder_of: Made) -> None:
    test = BoundBetween(
        kind="bound_between", data="x", common="decoder", lower="term", upper="log p", **ANY
    )
    folder = held([bound(497, 0.04)], folder_of)
    found = test.decide(folder)  # 3.47, above log p
    assert found.verdict == "does not hold"
    assert found.measured == (
        "lower at 1 of 1 points, refuted at 0; upper at 0 of 1 points, refuted at 1"
    )
    assert test.model_copy(update={"upper": None}).decide(folder).verdict == "holds"
    of_chain = test.model_copy(update={"common": "chain", "upper": "log p of the chain"})
    assert of_chain.decide(folder).verdict == "holds"  # -0.145 < -0.1
    missing = held([bound(497, log_p_chain=None)], folder_of)
    with pytest.raises(MissingResultError, match="no log p of a short chain on x"):
        of_chain.decide(missing)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.2, "holds"), (0.05, "open"), (-0.09, "open"), (-0.3, "does not hold")],
)
def test_bound_between_of_networks(folder_of: Made, value: float, expected: str) -> None:
    points = [network_point(497, 1.0), network_point(355, value)]
    folder = folder_of(theory__images=with_points(points))
    test = BoundBetween(kind="bound_between", common="chain_fitted", lower="elbo", **ON_NETWORKS)
    assert test.decide(folder).verdict == expected
    dropped = test.model_copy(update={"common": "dropped"})
    assert dropped.decide(folder).verdict == "holds"
    assert dropped.model_copy(update={"lower": "term"}).decide(folder).verdict == "holds"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": "x", "common": "chain"}, "give lower, upper or both"),
        ({"data": "x", "common": "dropped", "upper": "log p"}, "common term kept"),
        ({"common": "chain", "upper": "log p", "track": "a", "convention": "b"}, "log p is"),
        ({"common": "decoder", "lower": "elbo", "track": "a", "convention": "b"}, "cancels"),
        ({"common": "chain", "lower": "elbo", "track": "a"}, "give data, or track"),
        ({"common": "chain", "lower": "elbo"}, "give data, or track"),
    ],
)
def test_a_bound_that_cannot_be_asked_for(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoundBetween(kind="bound_between", **fields, **ANY)


@pytest.mark.parametrize(
    ("log_p", "error", "expected"),
    [(0.0, 0.0, "does not hold"), (None, 0.0, "holds"), (None, 1e-3, "open")],
)
def test_proposition3(folder_of: Made, log_p: float | None, error: float, expected: str) -> None:
    point = bound(497, 0.04, error)
    equal = point.f_score(True) + point.step + 0.001 if log_p is None else log_p
    folder = held([bound(497, 0.04, error, log_p_chain_fitted=equal)], folder_of)
    test = Proposition3(
        kind="proposition3", data="x", log_p="of the chain", fitted=True, within=0.01, **ANY
    )
    found = test.decide(folder)
    assert found.verdict == expected
    assert "of 1 points: log p - F_score " in found.measured
    assert test.asked.startswith("log p of the chain - F_score = L_step to 0.01, variance fitted")
    of_data = test.model_copy(update={"log_p": "of the data"})
    assert of_data.decide(folder).verdict == "does not hold"
    missing = held([bound(497, log_p_chain_fitted=None)], folder_of)
    with pytest.raises(MissingResultError, match="no log p of a short chain"):
        test.decide(missing)


def test_an_interval_for_many_is_wider() -> None:
    assert widened(1) == pytest.approx(1.0)
    assert widened(78) == pytest.approx(3.41 / 1.96, rel=0.01)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ({"below": 0.05}, "holds"),
        ({"below": 0.005}, "does not hold"),
        ({"above": 0.005}, "holds"),
        ({"above": 0.3}, "does not hold"),
    ],
)
def test_sigma(folder_of: Made, side: dict[str, float], expected: str) -> None:
    folder = folder_of(theory__theory=theory(), theory__images=network_theory())
    for place in ({"data": "x", **ANY}, ON_NETWORKS):
        test = Sigma(kind="sigma", form="elbo", learning_rate=0.01, **side, **place)
        found = test.decide(folder)
        assert found.verdict == expected
        assert found.measured == "0.500 before, 0.0100 after 1000 updates"
        missing = test.model_copy(update={"learning_rate": 0.5})
        with pytest.raises(
            MissingResultError, match=r"has no training on .*, loss elbo, rate 0\.5"
        ):
            missing.decide(folder)


@pytest.mark.parametrize("sides", [{}, {"below": 0.1, "above": 0.2}])
def test_sigma_has_one_side(sides: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give one of below and above"):
        Sigma(kind="sigma", data="x", form="elbo", learning_rate=0.01, **sides, **ANY)


@pytest.mark.parametrize(
    ("elbo", "step", "limit", "expected"),
    [
        (10, 20, 0.01, "holds"),
        (20, 20, 0.01, "holds"),
        (21, 20, 0.01, "does not hold"),
        (10, 20, 0.06, "does not hold"),
    ],
)
def test_collapse_speed(folder_of: Made, elbo: int, step: int, limit: float, expected: str) -> None:
    found = theory(collapses=[DataTraces("x", traces(elbo, step, limit))])
    test = CollapseSpeed(
        kind="collapse_speed", data="x", form="exact", learning_rate=0.01, below=0.05, **ANY
    )
    decided = test.decide(folder_of(theory__theory=found))
    assert decided.verdict == expected
    assert decided.measured.startswith(f"half-time {elbo} updates on the ELBO, {step} on")
    assert "on x at learning rate 0.01: half-time on the ELBO at most" in test.asked


def test_a_diverged_training_decides_nothing(folder_of: Made) -> None:
    whole, broken = traces()[0], replace(traces()[1], diverged=3)
    folder = folder_of(theory__theory=theory(collapses=[DataTraces("x", [whole, broken])]))
    place: dict[str, Any] = {"data": "x", "learning_rate": 0.01, **ANY}
    speed = CollapseSpeed(kind="collapse_speed", form="exact", below=0.05, **place)
    sigma = Sigma(kind="sigma", form="exact", above=0.1, **place)
    for found in (speed.decide(folder), sigma.decide(folder)):
        assert found.verdict == "open"
        assert "loss exact at learning rate 0.01 has no finite loss" in found.measured
        assert "update 3" in found.measured
