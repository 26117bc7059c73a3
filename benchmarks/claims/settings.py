"""The verdict of one setting of a claim, from the outcomes of its tests."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from benchmarks.claims.base import PROTOCOL_1, Finding, Sides
from benchmarks.claims.claim import Tests
from benchmarks.claims.kinds import ClaimTest
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.ledger import ClaimVerdict, DecidedSetting, TestOutcome, TestVerdict
from metrics.statistics import holm

UNKNOWN = Sides(1.0, 1.0)  # in Holm's correction, of a test that is planned and not made


def decided_setting(
    whose: tuple[str, str], tests: Tests, results: ResultsFolder, fixed: datetime.date
) -> DecidedSetting:
    """Make all tests of a setting, correct them for each other, and decide the setting.

    Args:
        whose: the setting's name, and the setting in words.
        tests: its tests.
        results: the results folder.
        fixed: the day when the tests were fixed; earlier results decide nothing.
    """
    name, setting = whose
    outcomes = _corrected(tests, [_finding(test, results, fixed) for test in tests])
    return DecidedSetting(
        name=name,
        setting=setting,
        verdict=overall([one.verdict for one in outcomes]),
        told=told(outcomes),
        tests=outcomes,
    )


def _finding(test: ClaimTest, results: ResultsFolder, fixed: datetime.date) -> Finding:
    consulted = results.view()
    try:
        finding = test.decide(consulted)
    except MissingResultError as reason:
        finding = Finding("not made", str(reason))
    results.made.update(consulted.made)
    early = sorted(
        when
        for when in consulted.made.values()
        if datetime.datetime.fromisoformat(when).date() < fixed
    )
    if early and finding.verdict in {"holds", "does not hold"}:
        measured = f"{finding.measured}; {PROTOCOL_1}, on {early[0][:10]}"
        return Finding("open", measured, finding.short)
    return finding


def _corrected(tests: Tests, findings: Sequence[Finding]) -> list[TestOutcome]:
    """The outcomes after Holm's correction, on each side of the boundaries.

    Tests that are decided without a p value take no part. Open tests and tests that were not made
    count with a p value of 1, so that the correction is that of all tests that were planned.
    """
    undecided = {"open", "not made"}
    part = [i for i, f in enumerate(findings) if f.sides is not None or f.verdict in undecided]
    sides = [findings[i].sides or UNKNOWN for i in part]
    adjusted = [
        Sides(*pair)
        for pair in zip(holm([s.holds for s in sides]), holm([s.fails for s in sides]), strict=True)
    ]
    return [
        _outcome(test, finding, adjusted[part.index(i)] if finding.sides else None)
        for i, (test, finding) in enumerate(zip(tests, findings, strict=True))
    ]


def _outcome(test: ClaimTest, finding: Finding, adjusted: Sides | None) -> TestOutcome:
    return TestOutcome(
        label=test.label,
        asked=test.asked,
        level=test.level,
        command=test.command,
        verdict=finding.verdict if adjusted is None else adjusted.verdict,
        measured=finding.measured,
        short=finding.short,
        steps=test.at_steps,
        p=None if finding.sides is None else finding.sides.nearer,
        p_holm=None if adjusted is None else adjusted.nearer,
    )


def overall(verdicts: Sequence[TestVerdict]) -> ClaimVerdict:
    """The verdict of a setting.

    It holds if all tests hold, and in part if some hold and some do not. It does not hold if a test
    does not, none holds, and all were made: one that was not may hold yet. All else is open.
    """
    holds, fails = "holds" in verdicts, "does not hold" in verdicts
    if holds and fails:
        return "holds in part"
    if fails and "not made" not in verdicts:
        return "does not hold"
    return "holds" if holds and {*verdicts} == {"holds"} else "open"


def told(outcomes: Sequence[TestOutcome]) -> str:
    """Name the tests by their verdicts; count those that have no label."""
    parts = []
    for verdict in ("holds", "does not hold", "open", "not made"):
        found = [one for one in outcomes if one.verdict == verdict]
        labels = ", ".join(one.label for one in found if one.label)
        if found:
            parts.append(f"{verdict}: {labels or f'{len(found)} of {len(outcomes)}'}")
    return "; ".join(parts)


def failing(decided: DecidedSetting) -> str:
    """Name a setting with the tests or steps that do not hold, as ``images (3, 7)``."""
    found = [one for one in decided.tests if one.verdict == "does not hold"]
    steps = sorted({one.steps for one in found if one.steps is not None})
    listed = ", ".join([one.label for one in found if one.label] or map(str, steps))
    return f"{decided.name} ({listed})" if listed else decided.name
