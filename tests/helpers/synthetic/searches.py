"""A run that made both the papers' search and the frugal one."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.schema import RunResults
from synthetic.runs import FD, cost, images

FRUGAL_COST = 400  # network evaluations


def with_both_searches(
    frugal: Mapping[int, float] | None = None, frugal_cost: int = FRUGAL_COST
) -> RunResults:
    """A run of images in which both searches found schedules of 3, 7 and 16 steps.

    Args:
        frugal: distances of the frugal search's schedules; by default all are behind: by more
            than the margin at 3 steps, by less at 7, by about as much at 16.
        frugal_cost: network evaluations of the frugal search, beside 5000 of the papers'.
    """
    found = dict(frugal or {3: 36.0, 7: 21.1, 16: 11.5})
    costs = [
        cost("plain", "bddm", "tuned", 5000),
        cost("plain", "bddm-frugal", "frugal", frugal_cost),
    ]
    return images({"bddm": FD["bddm"], "bddm-frugal": found, "ddpm": FD["ddpm"]}, costs=costs)
