"""The ledger: every kind of test on either side of its margin, and the files that ship."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bddm_ref.checkpoint import DamagedFileError, write_with_checksum
from benchmarks import claims
from benchmarks.__main__ import main
from benchmarks.books import Books, MissingResultError
from benchmarks.claim_tests import (
    AboveElbo,
    AtLeast,
    BoundHolds,
    ClaimTest,
    CostShare,
    Honest,
    Noninferior,
    Selection,
    Sigma,
    SigmaOnElbo,
    SpeedUp,
    Superior,
    WithinFactor,
)
from benchmarks.claim_tests.base import Finding
from benchmarks.claim_tests.theory import widened
from benchmarks.claims import check_ledger, overall, read_claims, write_ledger
from benchmarks.experiment import ExperimentError, load, names
from benchmarks.report.schema import Comparison, Interval, MetricInfo, RowTime
from benchmarks.rows import rows_of

RESULTS = Path(__file__).resolve().parents[2] / "results"
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

    def lacks_seeds(self, name: str, key: str) -> str | None:
        return self.told.get("few")  # type: ignore[return-value]

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


def test_too_few_seeds_leave_a_test_open() -> None:
    test = Noninferior(kind="noninferior", margin=0.1, **PAIR)
    found = test.decide(FakeBooks(ends=(-0.05, 0.2), few="1 noise seeds"))
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


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["reproduced", "not reproduced", "undecided"], "not reproduced"),
        (["reproduced", "undecided"], "undecided"),
        (["reproduced", "not tested here"], "undecided"),
        (["not reproduced", "not tested here"], "not reproduced"),
        (["not tested here"], "not tested here"),
        ([], "not tested here"),
    ],
)
def test_one_failure_refutes_a_claim(verdicts: list[str], expected: str) -> None:
    assert overall(verdicts) == expected  # type: ignore[arg-type]


def test_shipped_claims_are_read_and_numbered() -> None:
    found = read_claims()
    assert len(found) >= 9
    assert [name.split("-")[0] for name in found] == [claim.number for claim in found.values()]
    assert all(claim.tests or claim.not_tested for claim in found.values())
    numbers = [claim.number for claim in found.values()]
    assert numbers.index("2a") < numbers.index("9a") < numbers.index("10")
    for claim in found.values():
        for test in claim.tests:
            assert "{" not in test.asked


def test_shipped_claims_ask_for_rows_that_their_commands_make() -> None:
    tests = [test for claim in read_claims().values() for test in claim.tests]
    rows = {name: {row.key for row in rows_of(load(name))} for name in names()}
    asked = 0
    for test in tests:
        command, name, *_ = test.command.split()
        assert command in {"run", "train", "theory"}
        assert name in rows
        for field in ("row", "against"):
            if (key := getattr(test, field, None)) is not None:
                assert key in rows[name], test.asked
                asked += 1
    assert asked > 100


CLAIM = """
number: "1"
statement: s
source: x
reported: r
reading: y
tests:
  - kind: at_least
    level: analytic
    command: c
    results: speech
    row: "{c}/bddm-3"
    metric: stoi
    bound: 0.5
    for: {c: [scaled, raw, none]}
"""


def test_one_line_stands_for_many_tests(tmp_path: Path) -> None:
    (tmp_path / "1-a.yaml").write_text(CLAIM)
    (claim,) = read_claims(tmp_path).values()
    assert [test.row for test in claim.tests] == ["scaled/bddm-3", "raw/bddm-3", "none/bddm-3"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CLAIM.replace("bound", "bond"), r"1-a\.yaml: tests\.0\.at_least\.bound"),
        (CLAIM.replace("at_least", "atleast"), r"1-a\.yaml: tests\.0: .*'atleast'"),
        (CLAIM.replace("source", "sauce"), r"1-a\.yaml: source"),
        (CLAIM.replace("{c: [scaled, raw, none]}", "{c: raw}"), r"1-a\.yaml: 'for' must map"),
        (CLAIM.replace("{c: [", "{q: ["), r"1-a\.yaml: 'for' names no 'c'"),
        ("number: [", "cannot be read as YAML"),
        ("just words", r"1-a\.yaml: "),
    ],
)
def test_a_file_that_is_no_claim(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "1-a.yaml").write_text(text)
    with pytest.raises(ExperimentError, match=message):
        read_claims(tmp_path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with the speech track alone, and claims of its own."""
    for name in ("speech.json", "speech-items.jsonl", "speech.md"):
        shutil.copy(RESULTS / name, tmp_path / name)
    for name in ("speech.json.sha256", "speech-items.jsonl.sha256"):
        shutil.copy(RESULTS / name, tmp_path / name)
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "1-a.yaml").write_text(CLAIM)
    monkeypatch.setattr(claims, "FOLDER", folder)
    monkeypatch.setattr(claims, "read_claims", lambda: read_claims(folder))
    return tmp_path


def test_the_ledger_follows_from_the_results(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", str(place)]) == 0
    assert capsys.readouterr().out == (place / "claims.md").read_text()
    document = json.loads((place / "claims.json").read_text())
    (claim,) = document["claims"]
    assert [test["verdict"] for test in claim["tests"]] == [
        "reproduced", "reproduced", "not tested here",
    ]  # fmt: skip
    assert claim["tests"][2]["measured"] == "speech.json has no row none/bddm-3"
    assert claim["verdict"] == "undecided"  # one of its tests could not be made
    assert list(claim["results"]) == ["speech.json"]
    assert "last changed since" in (place / "claims.md").read_text()  # no commit has this file
    assert (
        "The file last changed after `speech.json` was made." in (place / "claims.md").read_text()
    )
    assert main(["check", str(place)]) == 0
    assert "1 claims follow from the results" in capsys.readouterr().out


def test_a_changed_margin_is_noticed_even_if_no_verdict_moves(place: Path) -> None:
    write_ledger(place)
    before = json.loads((place / "claims.json").read_text())["claims"][0]["file_sha256"]
    file = place / "claims" / "1-a.yaml"
    file.write_text(CLAIM + "# another text, the same tests\n")
    with pytest.raises(DamagedFileError, match="make it again with 'claims'"):
        check_ledger(place)
    write_ledger(place)
    after = json.loads((place / "claims.json").read_text())["claims"][0]
    assert after["file_sha256"] != before
    assert check_ledger(place)


def test_a_smoke_run_decides_nothing(place: Path) -> None:
    path = place / "speech.json"
    content = path.read_text().replace('"meaningless": false', '"meaningless": true')
    write_with_checksum(path, lambda file: file.write_text(content))
    with pytest.raises(MissingResultError, match=r"speech\.json is of a smoke run"):
        Books(place).row("speech", "raw/bddm-3")


def test_speech_rows_need_six_seeds(place: Path) -> None:
    assert Books(place).lacks_seeds("speech", "raw/bddm-3") is None
    path = place / "speech.json"
    content = json.loads(path.read_text())
    for row in content["rows"]:
        row["seeds"] = 3
    write_with_checksum(path, lambda file: file.write_text(json.dumps(content)))
    few = Books(place).lacks_seeds("speech", "raw/bddm-3")
    assert few == "3 noise seeds, of 6 that a verdict needs"


def test_a_page_edited_by_hand_is_noticed(place: Path) -> None:
    write_ledger(place)
    page = place / "claims.md"
    page.write_text(page.read_text().replace("reproduced", "proven"))
    with pytest.raises(DamagedFileError, match="make it again with 'claims'"):
        check_ledger(place)


def test_skipped_rows_and_missing_files_are_reasons(place: Path) -> None:
    books = Books(place)
    with pytest.raises(MissingResultError, match=r"images\.json is not published"):
        books.row("images", "plain/bddm-3")
    with pytest.raises(MissingResultError, match=r"theory\.json is not published"):
        _ = books.theory
    with pytest.raises(MissingResultError, match=r"weights/x\.json is not there"):
        books.card("x")
    with pytest.raises(MissingResultError, match="does not compare"):
        books.comparison("speech", "raw/ddpm-3", "raw/ddim-3", "stoi")


def test_every_kind_is_a_claim_test() -> None:
    kinds = {kind.model_fields["kind"].annotation.__args__[0] for kind in ClaimTest.__args__}  # type: ignore[union-attr]
    assert len(kinds) == len(ClaimTest.__args__)
