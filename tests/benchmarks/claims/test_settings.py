"""Verdicts of settings: Holm's correction, and what the tests say together."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.claims.base import Finding, Sides
from benchmarks.claims.costs import TrainingCost
from benchmarks.claims.pairs import Superior
from benchmarks.claims.rows import AtLeast
from benchmarks.claims.settings import decided_setting, failing, overall
from benchmarks.results.folder import ResultsFolder
from benchmarks.results.ledger import DecidedSetting
from benchmarks.results.schema import RunResults
from synthetic.pairs import student, two_rows, with_difference
from synthetic.runs import CREATED

Made = Callable[..., ResultsFolder]
FIXED = datetime.datetime.fromisoformat(CREATED).date()
ANY: dict[str, Any] = {"level": "CPU-scale", "command": "run x", "results": "speech"}
HOLDS, FAILS, OPEN, MISSING = "holds", "does not hold", "open", "not made"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], "holds"),
        ([HOLDS, FAILS], "holds in part"),
        ([HOLDS, FAILS, OPEN], "holds in part"),
        ([FAILS, FAILS], "does not hold"),
        ([FAILS, OPEN], "does not hold"),
        ([FAILS, OPEN, MISSING], "open"),  # the one that was not made may hold
        ([HOLDS, OPEN], "open"),
        ([HOLDS, MISSING], "open"),
        ([OPEN], "open"),
        ([MISSING], "open"),
    ],
)
def test_a_setting_is_decided_by_all_of_its_tests(verdicts: Any, expected: str) -> None:
    assert overall(verdicts) == expected
    assert overall(verdicts[::-1]) == expected


class Given(AtLeast):
    """A test whose outcome is given."""

    outcome: Any

    def decide(self, folder: ResultsFolder) -> Finding:
        finding: Finding = self.outcome
        return finding


def given(*outcomes: Finding) -> Sequence[Given]:
    return [
        Given(
            kind="at_least",
            row="raw/a-3",
            metric="m",
            bound=1.0,
            label=f"t{i}",
            outcome=outcome,
            **ANY,
        )
        for i, outcome in enumerate(outcomes)
    ]


def by_p(holds: float) -> Finding:
    sides = Sides(holds, 1 - holds)
    return Finding(sides.verdict, "m", sides=sides)


def decided(tests: Sequence[Any], folder: ResultsFolder) -> DecidedSetting:
    return decided_setting(("a setting", "in words"), [*tests], folder, FIXED)


def verdicts_of(tmp_path: Path, *outcomes: Finding) -> list[str]:
    found = decided(given(*outcomes), ResultsFolder(tmp_path))
    return [one.verdict for one in found.tests]


def test_three_tests_are_corrected_for_each_other(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, by_p(0.02)) == [HOLDS]
    assert verdicts_of(tmp_path, *[by_p(0.02)] * 3) == [OPEN, OPEN, OPEN]
    found = [by_p(0.008), by_p(0.012), by_p(0.02)]
    assert verdicts_of(tmp_path, *found) == [HOLDS, HOLDS, HOLDS]  # Holm: .024, .024, .024
    assert verdicts_of(tmp_path, by_p(0.009), by_p(0.001), by_p(0.5)) == [HOLDS, HOLDS, OPEN]


def test_the_other_side_is_corrected_likewise(tmp_path: Path) -> None:
    found = [by_p(0.98), by_p(0.98), by_p(0.999)]
    assert verdicts_of(tmp_path, *found) == [OPEN, OPEN, FAILS]
    assert verdicts_of(tmp_path, by_p(0.001), by_p(0.999)) == [HOLDS, FAILS]


def test_tests_without_a_p_value_take_no_part(tmp_path: Path) -> None:
    exact = Finding("holds", "m")
    assert verdicts_of(tmp_path, by_p(0.02), exact, exact) == [HOLDS, HOLDS, HOLDS]


def test_planned_tests_that_were_not_made_count(tmp_path: Path) -> None:
    missing, still = Finding("not made", "m"), Finding("open", "m")
    assert verdicts_of(tmp_path, by_p(0.02), missing) == [OPEN, MISSING]
    assert verdicts_of(tmp_path, by_p(0.012), still) == [HOLDS, OPEN]


def test_p_values_are_printed_before_and_after(tmp_path: Path) -> None:
    found = decided(given(by_p(0.01), by_p(0.5)), ResultsFolder(tmp_path))
    assert [(one.p, one.p_holm) for one in found.tests] == [(0.01, 0.02), (0.5, 0.5)]
    assert found.told == "holds: t0; open: t1"


def run_of(value: float, **rows: Any) -> RunResults:
    """Rows a and b, whose difference and first value have a Student interval."""
    return with_difference(two_rows(a=student(value), **rows), student(value), 0.001)


TESTS = [
    Superior(kind="superior", label="pair", row="raw/a-3", against="raw/b-3", metric="m", **ANY),
    AtLeast(kind="at_least", label="bound", row="raw/a-3", metric="m", bound=0.7, **ANY),
]


@pytest.mark.parametrize(
    ("value", "expected", "told"),
    [
        (2.0, "holds", "holds: pair, bound"),
        (0.4, "holds in part", "holds: pair; does not hold: bound"),
        (-1.0, "does not hold", "does not hold: pair, bound"),
        (0.7, "open", "holds: pair; open: bound"),
    ],
)
def test_documents_lead_to_each_verdict(
    folder_of: Made, value: float, expected: str, told: str
) -> None:
    found = decided(TESTS, folder_of(speech=run_of(value)))
    assert (found.verdict, found.told) == (expected, told)
    assert (found.name, found.setting) == ("a setting", "in words")


def test_results_that_are_older_than_the_tests_decide_nothing(folder_of: Made) -> None:
    folder = folder_of(speech=run_of(2.0))
    later = FIXED + datetime.timedelta(days=1)
    found = decided_setting(("a setting", ""), TESTS, folder, later)  # type: ignore[arg-type]
    assert found.verdict == "open"
    assert {one.verdict for one in found.tests} == {"open"}
    assert found.tests[0].measured.endswith(f"; made under protocol 1, on {FIXED}")
    assert found.tests[0].p is None
    assert found.tests[0].short == "+2"
    assert folder.made == {"speech.json": CREATED}


def test_a_test_without_results_is_not_made(folder_of: Made) -> None:
    found = decided(TESTS, folder_of())
    assert found.verdict == "open"
    assert found.told == "not made: pair, bound"
    assert found.tests[0].measured == "speech.json is not published"


def test_failing_settings_name_their_steps_or_tests(folder_of: Made) -> None:
    folder = folder_of(speech=run_of(-1.0))
    assert failing(decided(TESTS, folder)) == "a setting (pair, bound)"
    unnamed = [test.model_copy(update={"label": ""}) for test in TESTS]
    assert failing(decided(unnamed, folder)) == "a setting (3)"
    dear = TrainingCost(
        kind="training_cost", convention="raw", score_net="s", of="seconds", at_most=1.0, **ANY
    )
    no_steps = decided([dear], folder).model_copy(update={"tests": []})
    assert failing(no_steps) == "a setting"


def test_tests_without_labels_are_counted(folder_of: Made) -> None:
    unnamed = [test.model_copy(update={"label": ""}) for test in TESTS]
    assert decided(unnamed, folder_of(speech=run_of(0.4))).told == (
        "holds: 1 of 2; does not hold: 1 of 2"
    )
