"""Documents of speed and of the theory."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.core.experiment import LinearSchedule
from benchmarks.report.pages.theory import SHOWN_UPDATES
from benchmarks.results.speed import OURS, SAMPLERS, Figure, SpeedCase, SpeedDocument, Timed
from benchmarks.results.theory import (
    PAPERS,
    BoundPoint,
    DataBounds,
    DataTraces,
    NetworkData,
    NetworkDocument,
    NetworkPoint,
    NetworkTheory,
    OptimismStudy,
    RatioPoint,
    RatioStudy,
    SigmaTrace,
    TheoryDocument,
)
from metrics.statistics import Estimate
from synthetic.runs import CREATED, DIGEST, PROVENANCE

ON_GPU = PROVENANCE.model_copy(update={"device": "a GPU"})


def near(value: float, half: float, n: int = 12) -> Estimate:
    """An estimate whose interval reaches ``half`` to both sides."""
    return Estimate(value, value - half, value + half, n)


def speed(**changes: Any) -> SpeedDocument:
    """A document of speed with two cases; ``changes`` are fields of it."""
    case = SpeedCase(
        name="test_it",
        group="network",
        title="A network",
        seconds={OURS: [1.0] * 7, "plain": [3.0] * 7, "quick": [0.5] * 4 + [4.0] * 3},
        bars={"plain": 2.5, "quick": 1.0},
        absent={"other": "it is not installed"},
        figures=[
            Figure(
                name="share of the peak", value=0.613, is_share=True, at_most=None, at_least=0.6
            ),
            Figure(name="factor", value=4.0, is_share=False, at_most=None, at_least=5.0),
            Figure(name="share outside", value=0.031, is_share=True, at_most=0.02, at_least=None),
        ],
        notes={"GFLOP": 127.4, "published PESQ": 2.34567},
    )
    once = {
        "group": "a group of its own",
        "title": "Once",
        "seconds": {OURS: [2.0], "few": [3.0]},
        "bars": {},
        "figures": [],
        "absent": {},
    }
    fields: dict[str, Any] = {
        "kind": "speed",
        "schema_version": 2,
        "created": CREATED,
        "provenance": PROVENANCE,
        "machine_busy": False,
        "cases": [case, case.model_copy(update=once)],
    }
    return SpeedDocument.model_validate(fields | changes)


def sampler(items: int, steps: int | None, seconds: list[float], **changes: Any) -> SpeedCase:
    """A case of a sampler; without steps, of an encoder."""
    fields: dict[str, Any] = {
        "name": "t",
        "group": SAMPLERS,
        "title": "an encoder" if steps is None else f"{steps} steps",
        "seconds": {OURS: seconds},
        "bars": {},
        "absent": {},
        "figures": [],
        "notes": {},
        "subject": Timed(
            network="A network",
            what="encoder" if steps is None else "sampler",
            steps=steps,
            items=items,
            precision="float32",
            seconds_of_audio=2.0,
        ),
    }
    return SpeedCase.model_validate(fields | changes)


def bound(t: int, square: float = 0.01, error: float = 0.0, **changes: Any) -> BoundPoint:
    """A point that follows the identity, of r = s = 1/2; ``square`` decides R with beta_1 = 0.01.

    Without the common term F_bddm is 0.472. With R and beta_1 it is 1.355 for a square of 0.01.
    """
    fields: dict[str, Any] = {
        "t": t,
        "n": 4,
        "family": PAPERS,
        "length": 7,
        "ratio": 0.5,
        "power": 0.5,
        "score": 0.25,
        "step": 0.25 + (0.25 + math.log(2)) / 2,
        "term": 0.01,
        "square": square,
        "beta": 0.01,
        "square_error": error,
        "log_p_chain": -0.1,
        "log_p_chain_fitted": -0.2,
    }
    return BoundPoint(**fields | changes)


def bounds(*points: BoundPoint) -> DataBounds:
    """The bounds of a distribution x, whose log p is 0 and whose ELBO is -1/2 (fitted: -0.4)."""
    return DataBounds(
        "x",
        log_p=0.0,
        decoder=3.0,
        decoder_fitted=3.1,
        terms=3.0,
        prior=0.5,
        points=list(points),
    )


def ratios(form: Any) -> RatioStudy:
    """A training on a loss that misses the closed form by a tenth everywhere."""
    points = [RatioPoint(t, s=0.5, learned=0.44, spread=0.01, closed=0.4) for t in (50, 500, 950)]
    return RatioStudy("x", form, points)


def trace(form: Any, half: int, limit: float, rate: float = 0.01) -> SigmaTrace:
    """A training whose mean of sigma_phi, 1/2 at first, jumps to ``limit`` at an update."""
    watched = sorted({0, *SHOWN_UPDATES, half - 1, half, 1_000})
    return SigmaTrace(form, rate, {u: limit if u >= half else 0.5 for u in watched})


def traces(elbo: int = 10, step: int = 20, limit: float = 0.01) -> list[SigmaTrace]:
    """Trainings on the ELBO and on the step loss with these half-times."""
    return [trace("elbo", elbo, limit), trace("exact", step, 0.9)]


def optimism(rule: str, true: Estimate, deviations: Estimate) -> OptimismStudy:
    """Searches for 7 steps by a rule, with the true score of their winners."""
    return OptimismStudy("x", rule, 7, near(-0.01, 0.1), true, deviations, noise=0.02)


def theory(**changes: Any) -> TheoryDocument:
    """A document of the theory of known distributions; ``changes`` are fields of it."""
    fields: dict[str, Any] = {
        "kind": "theory",
        "schema_version": 3,
        "created": CREATED,
        "provenance": PROVENANCE,
        "training_schedule": LinearSchedule(),
        "bounds": [bounds(bound(497), bound(1000, length=None))],
        "ratios": [ratios("exact"), ratios("released")],
        "collapses": [DataTraces("x", traces())],
        "searches": [optimism("released", near(0.01, 0.1), near(1.0, 0.1))],
    }
    return TheoryDocument.model_validate(fields | changes)


def network_point(t: int, over_elbo: float, half: float = 0.1, **changes: Any) -> NetworkPoint:
    """A point whose bound lies over the ELBO by ``over_elbo`` in all readings."""
    fields: dict[str, Any] = {
        "t": t,
        "n": 4,
        "family": PAPERS,
        "length": 7,
        "ratio": 0.5,
        "power": 0.5,
        "score": near(0.25, 0.01),
        "step": near(0.75, 0.01),
        "term": near(0.1, 0.01),
        "dropped": near(0.5, half),
        "identity_error": 1e-12,
        "over_term": near(0.6, half),
        "over_elbo": near(4.0, half),
        "over_elbo_chain": near(over_elbo, half),
        "over_elbo_chain_fitted": near(over_elbo, half),
    }
    return NetworkPoint(**fields | changes)


def network_theory(track: str = "images", convention: str = "plain") -> NetworkDocument:
    """A document of the theory of a track's networks, in one convention."""
    found = NetworkTheory(
        convention=convention,
        items=64,
        elbo=near(-2.0, 0.1),
        elbo_fitted=near(-1.5, 0.1),
        points=[network_point(497, 0.5), network_point(100, -0.5, length=None)],
        tau=50,
        ratios=[RatioPoint(50, s=0.5, learned=0.44, spread=0.01, closed=0.4)],
        sigma=0.7,
        traces=traces(),
    )
    return NetworkDocument(
        kind="network theory",
        schema_version=3,
        track=track,
        created=CREATED,
        provenance=PROVENANCE,
        data=NetworkData(name="the data", sha256="d" * 64),
        weights={"score_net": DIGEST},
        conventions=[found],
    )
