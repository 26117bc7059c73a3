"""Documents of speed and of the theory."""

from __future__ import annotations

from typing import Any

from benchmarks.core.experiment import LinearSchedule
from benchmarks.report.pages.theory import SHOWN_UPDATES
from benchmarks.results.speed import OURS, SAMPLERS, Figure, SpeedCase, SpeedDocument, Timed
from benchmarks.results.theory import (
    OWN,
    BoundPoint,
    DataBounds,
    NetworkData,
    NetworkDocument,
    NetworkPoint,
    NetworkTheory,
    OptimismStudy,
    RatioPoint,
    RatioStudy,
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


def bound(t: int, f_bddm_fitted: float, error: float = 0.1) -> BoundPoint:
    """A point of the bound, which lies above the ELBO only with the fitted variance."""
    return BoundPoint(
        data="x",
        t=t,
        n=4,
        family=OWN,
        f_score=-3.0,
        f_bddm=-4.0,
        f_summed=-5.0,
        f_score_fitted=-0.2,
        f_bddm_fitted=f_bddm_fitted,
        f_bddm_error=0.3,
        f_bddm_fitted_error=error,
    )


def bounds(*points: BoundPoint) -> DataBounds:
    """The bounds of a distribution x, whose log p is 0."""
    return DataBounds("x", log_p=0.0, elbo=-0.5, elbo_fitted=-0.4, points=list(points))


def ratios(form: Any, watched: dict[int, float] | None = None) -> RatioStudy:
    """A training on a loss that misses the closed form by a tenth everywhere."""
    points = [RatioPoint(t, s=0.5, learned=0.44, spread=0.01, closed=0.4) for t in (50, 500, 950)]
    return RatioStudy("x", form, points, watched or dict.fromkeys(SHOWN_UPDATES, 0.25))


def optimism(rule: str, true: Estimate, deviations: Estimate) -> OptimismStudy:
    """Searches for 7 steps by a rule, with the true score of their winners."""
    return OptimismStudy("x", rule, 7, near(-0.01, 0.1), true, deviations, noise=0.02)


def theory(**changes: Any) -> TheoryDocument:
    """A document of the theory of known distributions; ``changes`` are fields of it."""
    fields: dict[str, Any] = {
        "kind": "theory",
        "schema_version": 2,
        "created": CREATED,
        "provenance": PROVENANCE,
        "training_schedule": LinearSchedule(),
        "bounds": [bounds(bound(10, -0.1), bound(100, -0.45), bound(1000, -2.0))],
        "ratios": [ratios("exact"), ratios("elbo")],
        "searches": [optimism("released", near(0.01, 0.1), near(1.0, 0.1))],
    }
    return TheoryDocument.model_validate(fields | changes)


def network_point(t: int, over_elbo: float, half: float = 0.1) -> NetworkPoint:
    """A point whose bound lies over the ELBO by ``over_elbo`` in all four readings."""
    over, value = near(over_elbo, half), near(over_elbo - 2.0, half)
    return NetworkPoint(
        t=t,
        n=4,
        f_bddm=value,
        f_score=value,
        f_bddm_fitted=value,
        f_score_fitted=value,
        f_bddm_over_elbo=over,
        f_score_over_elbo=over,
        f_bddm_fitted_over_elbo=over,
        f_score_fitted_over_elbo=over,
    )


def network_theory(track: str = "images", convention: str = "plain") -> NetworkDocument:
    """A document of the theory of a track's networks, in one convention."""
    found = NetworkTheory(
        convention=convention,
        items=64,
        elbo=near(-2.0, 0.1),
        elbo_fitted=near(-1.5, 0.1),
        points=[network_point(10, 0.5), network_point(100, -0.5)],
        ratios=[RatioPoint(50, s=0.5, learned=0.44, spread=0.01, closed=0.4)],
        sigma=0.7,
        sigma_on_elbo={0: 0.5, 30: 0.3, 1000: 0.01},
    )
    return NetworkDocument(
        kind="network theory",
        schema_version=2,
        track=track,
        created=CREATED,
        provenance=PROVENANCE,
        data=NetworkData(name="the data", sha256="d" * 64),
        weights={"score_net": DIGEST},
        conventions=[found],
    )
