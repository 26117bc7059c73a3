"""Every kind of claim test on either side of its margin."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.claims.base import Finding
from benchmarks.claims.kinds import (
    AboveElbo,
    AtLeast,
    BoundHolds,
    ClaimTest,
    CostShare,
    Honest,
    Noninferior,
    SamplerSpeedUp,
    Selection,
    Sigma,
    SigmaOnElbo,
    SpeedUp,
    Superior,
    WithinFactor,
)
from benchmarks.claims.theory import widened
from benchmarks.results.folder import Books, MissingResultError
from benchmarks.results.schema import Comparison, RowTime
from benchmarks.results.speed import SpeedCase, SpeedDocument
from benchmarks.results.verdicts import Interval, MetricInfo

ANY = {"level": "CPU-scale", "command": "run x"}


class FakeRow:
    def __init__(self, value: Interval, time: RowTime | None = None) -> None:
        self.metrics = {"m": value}
        self.time = time
        self.skipped = None


class FakeBooks(Books):
    """One comparison, and rows a, b, with figures as told."""

    def __init__(self, **told: object) -> None:
        self.told = told

    def lacks_seeds(self, name: str, *keys: str) -> str | None:
        few = self.told.get("few", {})
        return next((few[key] for key in keys if key in few), None)  # type: ignore[attr-defined]

    def comparison(self, name: str, row: str, against: str, metric: str) -> Comparison:
        low, high = self.told["ends"]  # type: ignore[misc]
        difference = Interval(value=(low + high) / 2, low=low, high=high, n=20)
        return Comparison(
            row=row, against=against, metric=metric, difference=difference,
            p_sign_flip=self.told.get("p"), margin=9.0, verdict="worse", seeds=6,
        )  # type: ignore[arg-type]  # fmt: skip

    def results(self, name: str):  # type: ignore[no-untyped-def]
        info = MetricInfo(
            title="M", digits=2, unit="", higher_is_better=bool(self.told.get("up", True))
        )
        experiment = {"schedule_net": {"batch_size": 4}, "score_net": {"batch_size": 8}}
        return type("R", (), {"metrics": {"m": info}, "experiment": experiment})()

    def row(self, name: str, key: str):  # type: ignore[no-untyped-def]
        ends = self.told[key]
        low, high = ends  # type: ignore[misc]
        interval = Interval(value=(low + high) / 2, low=low, high=high, n=20)
        return FakeRow(interval, self.told.get("time"))  # type: ignore[arg-type]

    def card(self, name: str) -> dict[str, float]:
        return {"seconds": self.told[name], "steps": 10, "parameters": 5}  # type: ignore[dict-item]

    def speed(self, name: str) -> SpeedDocument:
        return self.told["speed"]  # type: ignore[return-value]

    @property
    def theory(self) -> dict[str, object]:  # type: ignore[override]
        return self.told["theory"]  # type: ignore[return-value]


PAIR = {"results": "speech", "row": "a", "against": "b", "metric": "m", **ANY}


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
def test_noninferior(ends: tuple[float, float], up: bool, expected: str) -> None:
    test = Noninferior(kind="noninferior", margin=0.1, **PAIR)
    assert test.decide(FakeBooks(ends=ends, up=up)).verdict == expected


@pytest.mark.parametrize("key", ["a", "b"])
def test_too_few_seeds_of_either_row_leave_a_test_open(key: str) -> None:
    test = Noninferior(kind="noninferior", margin=0.1, **PAIR)
    found = test.decide(FakeBooks(ends=(-0.05, 0.2), few={key: "1 noise seeds"}))
    assert found.verdict == "undecided"
    assert found.measured.endswith("; 1 noise seeds")


def test_a_relative_margin_is_a_share_of_the_others_value() -> None:
    test = Noninferior(kind="noninferior", margin=0.05, relative=True, **PAIR)
    found = test.decide(FakeBooks(ends=(-0.2, 0.3), up=False, b=(9.0, 11.0)))
    assert found.verdict == "reproduced"
    assert "margin 0.5" in found.measured


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
def test_superior(ends: tuple[float, float], p: float | None, expected: str) -> None:
    found = Superior(kind="superior", **PAIR).decide(FakeBooks(ends=ends, p=p))
    assert found.verdict == expected


@pytest.mark.parametrize(
    ("mine", "expected"),
    [((1.0, 5.9), "reproduced"), ((1.0, 7.0), "undecided"), ((9.1, 10.0), "not reproduced")],
)
def test_within_factor(mine: tuple[float, float], expected: str) -> None:
    test = WithinFactor(kind="within_factor", factor=3.0, **PAIR)
    assert test.decide(FakeBooks(a=mine, b=(2.0, 3.0))).verdict == expected


@pytest.mark.parametrize(
    ("mine", "expected"),
    [((2.0, 3.0), "reproduced"), ((1.9, 3.0), "undecided"), ((1.0, 1.9), "not reproduced")],
)
def test_at_least(mine: tuple[float, float], expected: str) -> None:
    test = AtLeast(kind="at_least", results="x", row="a", metric="m", bound=2.0, **ANY)
    assert test.decide(FakeBooks(a=mine)).verdict == expected


def test_a_value_without_an_interval_decides_nothing() -> None:
    class Bare(FakeBooks):
        def row(self, name: str, key: str):  # type: ignore[no-untyped-def]
            return FakeRow(Interval(value=2.5, low=None, high=None, n=1))

    least = AtLeast(kind="at_least", results="x", row="a", metric="m", bound=2.0, **ANY)
    with pytest.raises(MissingResultError, match="no interval"):
        least.decide(Bare())
    with pytest.raises(MissingResultError, match="a has no q"):
        least.model_copy(update={"metric": "q"}).decide(Bare())


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(56, 70, "reproduced"), (50, 70, "undecided"), (40, 55, "not reproduced")],
)
def test_speed_up(low: float, high: float, expected: str) -> None:
    speedup = Interval(value=(low + high) / 2, low=low, high=high, n=5)
    time = RowTime(
        median_s=1, q1_s=1, q3_s=1, rounds=5, stable=False, rtf=None, speedup=speedup,
        step_ratio=62.5,
    )  # fmt: skip
    test = SpeedUp(kind="speed_up", results="x", row="a", claimed=62, tolerance=0.1, **ANY)
    found = test.decide(FakeBooks(a=(0, 1), time=time))
    assert found.verdict == expected
    assert "steps 62.5; its times spread" in found.measured


def timed(steps: int, seconds: list[float]) -> SpeedCase:
    subject = {
        "network": "n", "what": "sampler", "steps": steps, "items": 1, "precision": "float32",
        "seconds_of_audio": None,
    }  # fmt: skip
    return SpeedCase.model_validate(
        {"name": "t", "group": "samplers", "title": f"{steps} steps", "seconds": {"ours": seconds},
         "bars": {}, "absent": {}, "figures": [], "notes": {}, "subject": subject}
    )  # fmt: skip


def speed_document(*cases: SpeedCase) -> SpeedDocument:
    return SpeedDocument(
        schema_version=1, created="2026-01-02", provenance={"device": "a GPU"}, machine_busy=None,
        cases=list(cases),
    )  # fmt: skip


SAMPLERS = SamplerSpeedUp(
    kind="sampler_speed_up", network="n", steps=10, against_steps=1000, claimed=100, tolerance=0.1,
    level="GPU", command="speed --device cuda",
)  # fmt: skip


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([95.0, 93.0, 99.0] * 3, "reproduced"),
        ([70.0, 110.0, 90.0] * 3, "undecided"),
        ([85.0, 84.0, 86.0] * 3, "not reproduced"),
        ([99.0] * 8, "undecided"),  # too few rounds
    ],
)
def test_sampler_speed_up_pairs_by_round(ratios: list[float], expected: str) -> None:
    """However much slower the machine is in some rounds, both samplers meet it alike."""
    pace = [1.0 + 5.0 * (i % 2) for i in range(len(ratios))]
    slow = [pace * ratio for pace, ratio in zip(pace, ratios, strict=True)]
    document = speed_document(timed(10, pace), timed(1000, slow))
    found = SAMPLERS.decide(FakeBooks(speed=document))
    assert found.verdict == expected
    assert f"steps 100.0; {len(ratios)} rounds on a GPU" in found.measured
    assert ("of 9 that a verdict needs" in found.measured) is (len(ratios) < 9)


def test_sampler_speed_up_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingResultError, match=r"speed-cuda\.json is not published"):
        SAMPLERS.decide(Books(tmp_path))
    few = speed_document(timed(1000, [1.0] * 9))
    with pytest.raises(MissingResultError, match="no sampler of n with 10 steps at batch 1"):
        SAMPLERS.decide(FakeBooks(speed=few))
    apart = speed_document(timed(10, [1.0] * 9), timed(1000, [1.0] * 7))
    with pytest.raises(MissingResultError, match="were not timed in the same rounds"):
        SAMPLERS.decide(FakeBooks(speed=apart))


def bounds(f_bddm: float, error: float) -> dict[str, object]:
    inside = {"f_bddm_fitted": -0.3, "f_bddm_fitted_error": 0.0}
    point = {"f_bddm_fitted": f_bddm, "f_bddm_fitted_error": error}
    one = {"data": "d", "log_p": 0.0, "elbo": -9.0, "elbo_fitted": -0.5, "points": [inside, point]}
    return {"bounds": [one]}


@pytest.mark.parametrize(
    ("f_bddm", "error", "expected"),
    [
        (-0.1, 0.0, "reproduced"),
        (-0.05, 0.1, "undecided"),
        (0.105, 0.1, "undecided"),  # outside, but one of two points is so by chance more often
        (0.2, 0.1, "not reproduced"),
        (-0.7, 0.1, "not reproduced"),
    ],
)
def test_bound_holds(f_bddm: float, error: float, expected: str) -> None:
    test = BoundHolds(kind="bound_holds", data="d", bound="f_bddm", fitted=True, **ANY)
    assert test.decide(FakeBooks(theory=bounds(f_bddm, error))).verdict == expected
    with pytest.raises(MissingResultError, match="no bounds of e"):
        test.model_copy(update={"data": "e"}).decide(FakeBooks(theory=bounds(f_bddm, error)))


def test_an_interval_for_many_is_wider() -> None:
    assert widened(1) == pytest.approx(1.0)
    assert widened(78) == pytest.approx(3.41 / 1.96, rel=0.01)


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [(0.2, 0.1, "reproduced"), (0.05, 0.1, "undecided"), (-0.11, 0.1, "undecided"),
     (-0.3, 0.1, "not reproduced")],
)  # fmt: skip
def test_above_elbo(value: float, half: float, expected: str) -> None:
    class Networks(FakeBooks):
        def network_theory(self, track: str, convention: str) -> dict[str, object]:
            over = {"value": value, "low": value - half, "high": value + half}
            sure = {"value": 1.0, "low": 0.9, "high": 1.1}
            return {"points": [{"f_score_over_elbo": sure}, {"f_score_over_elbo": over}]}

    test = AboveElbo(
        kind="above_elbo", track="t", convention="c", bound="f_score", fitted=False, **ANY
    )
    assert test.decide(Networks()).verdict == expected
    assert test.asked == "F_elbo <= F_score, variance beta_1 on t, c"


def test_sigma() -> None:
    theory = {"ratios": [{"data": "d", "form": "elbo", "watched": {"0": 0.5, "100": 0.02}}]}
    books = FakeBooks(theory=theory)

    def found(**more: object) -> Finding:
        return Sigma(kind="sigma", data="d", form="elbo", **(ANY | more)).decide(books)  # type: ignore[arg-type]

    assert found(updates=100, below=0.05).verdict == "reproduced"
    assert found(updates=100, above=0.3).verdict == "not reproduced"
    with pytest.raises(MissingResultError, match="no elbo training on d"):
        found(updates=7, below=0.05)
    with pytest.raises(ValueError, match="give one of below and above"):
        found(updates=100)


def test_sigma_on_elbo() -> None:
    class Networks(FakeBooks):
        def network_theory(self, track: str, convention: str) -> dict[str, object]:
            return {"sigma": 0.7, "sigma_on_elbo": {"0": 0.5, "30": 0.3, "1000": 0.01}}

    test = SigmaOnElbo(
        kind="sigma_on_elbo", track="t", convention="c", updates=1000, below=0.05, **ANY
    )
    assert test.decide(Networks()).verdict == "reproduced"
    assert test.decide(Networks()).measured == "0.500 before, 0.0100 after; in use 0.700"
    early = test.model_copy(update={"updates": 30})
    assert early.decide(Networks()).verdict == "not reproduced"
    with pytest.raises(MissingResultError, match="has no 7 updates"):
        test.model_copy(update={"updates": 7}).decide(Networks())


def estimate(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


SEARCHES = [
    {"data": "d", "rule": rule, "length": 7, "reported": estimate(0.0, 0.1), "noise": 0.02,
     "true": estimate(*true), "optimism": estimate(*optimism)}
    for rule, true, optimism in (
        ("released", (0.010, 0.002), (1.0, 0.3)),
        ("ours", (0.0045, 0.0005), (0.1, 0.3)),
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("margin", "expected"),
    [(0.009, "reproduced"), (0.005, "undecided"), (0.002, "not reproduced")],
)
def test_selection(margin: float, expected: str) -> None:
    test = Selection(kind="selection", data="d", length=7, margin=margin, **ANY)
    assert test.decide(FakeBooks(theory={"searches": SEARCHES})).verdict == expected
    assert test.asked.endswith(f"to {margin:g}")
    with pytest.raises(MissingResultError, match="no released search on d"):
        test.model_copy(update={"length": 3}).decide(FakeBooks(theory={"searches": SEARCHES}))


@pytest.mark.parametrize(
    ("rule", "at_most", "expected"),
    [
        ("released", 0.5, "not reproduced"),
        ("released", 1.1, "undecided"),
        ("ours", 0.5, "reproduced"),
    ],
)
def test_honest(rule: str, at_most: float, expected: str) -> None:
    test = Honest(kind="honest", data="d", length=7, rule=rule, at_most=at_most, **ANY)  # type: ignore[arg-type]
    assert test.decide(FakeBooks(theory={"searches": SEARCHES})).verdict == expected


def test_cost_share() -> None:
    test = CostShare(
        kind="cost_share",
        results="x",
        score_net="s",
        schedule_net="p",
        of="seconds",
        at_most=0.1,
        **ANY,
    )
    assert test.decide(FakeBooks(s=100.0, p=10.0)).verdict == "reproduced"
    found = test.decide(FakeBooks(s=100.0, p=10.1))
    assert found.verdict == "not reproduced"
    assert found.measured == (
        "10.1 of 100 = 10.1%; 10 of 10 updates = 100.0%; 40 of 80 evaluations = 50.0%"
    )


def test_every_kind_is_a_claim_test() -> None:
    kinds = {kind.model_fields["kind"].annotation.__args__[0] for kind in ClaimTest.__args__}  # type: ignore[union-attr]
    assert len(kinds) == len(ClaimTest.__args__)
