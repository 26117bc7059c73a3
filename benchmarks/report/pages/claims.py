"""The page of the ledger: all claims on one screen, then each with its settings and tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from benchmarks.report.page import NOTHING, Block, Cell, Heading, Page, Prose, Table, table
from benchmarks.results.ledger import DecidedClaim, DecidedSetting, Ledger, TestOutcome

OURS, FAILS = 60, 60  # characters of these cells of the overview, at most
PROTOCOL = """\
Each claim is decided in one *primary* setting by 1 to 3 tests, which its file fixed before the \
results were made. It *holds* if all of them hold, and *holds in part* if some hold and some do \
not. It *does not hold* if one does not, none holds and all were made; else it is *open*. \
Extensions are reported and decide nothing; *fails in* names those that do not hold, with the \
numbers of steps.
"""
P_VALUES = """\
A test of a difference holds if Student's t and the exchange test both say so: a one-sided p of at \
most 0.025, after Holm's correction over the tests of the setting. It does not hold if both say \
the opposite. Exact values and counts need no p.
"""


def claims_page(ledger: Ledger) -> Page:
    """The whole page."""
    blocks: list[Block] = [
        Heading("Claims of the papers, and what the published results say", 1),
        summary(ledger),
        Prose(PROTOCOL.rstrip()),
        Prose(P_VALUES.rstrip()),
    ]
    for one in ledger.claims:
        blocks += [Heading(f"{one.number}. {one.statement}"), *claim_blocks(one)]
    return Page(tuple(blocks))


def claim_blocks(one: DecidedClaim) -> list[Block]:
    """A claim's verdict, figures, settings, tests and origin, below its heading."""
    return [
        Prose(f"**{_capital(one.verdict)}.** {one.source}; reported: {one.reported}."),
        *_figures(one),
        _setting("Primary setting", one.primary),
        *(_setting(f"Extension, {other.name}", other) for other in one.extensions),
        *_not_tested(one),
        *_origin(one),
    ]


def summary(ledger: Ledger) -> Table:
    """One short line for each claim: the papers' figure, ours, the verdict, and where it fails."""
    heads = ["", "Claim", "Papers", "Here, primary setting", "Verdict", "Fails in", "Evidence"]
    lines = [
        [
            one.number,
            one.statement,
            one.reported,
            _ours(one.primary.tests),
            f"**{one.verdict}**",
            _shortened(one.fails) or NOTHING,
            ", ".join(dict.fromkeys(test.level for test in one.primary.tests)),
        ]
        for one in ledger.claims
    ]
    return table(heads, lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ours(tests: Sequence[TestOutcome]) -> str:
    """The figures of the primary tests in few words."""
    if all(one.verdict == "not made" for one in tests):
        return "not made"
    parts = [f"{one.label} {one.short or one.verdict}" for one in tests]
    return _shortened(parts, OURS)


def _shortened(parts: Sequence[str], most: int = FAILS) -> str:
    """Join as many parts as the cell holds, and count the rest."""
    for count in range(len(parts), 0, -1):
        rest = len(parts) - count
        text = "; ".join(parts[:count]) + (f"; {rest} more" if rest else "")
        if len(text) <= most:
            return text
    return f"{len(parts)} settings" if parts else ""


def _figures(claim: DecidedClaim) -> list[Block]:
    lines = [[one.what, one.value, one.setting, one.ours or NOTHING] for one in claim.figures]
    blocks: list[Block] = []
    if lines:
        blocks.append(table(["Figure", "Papers", "Their setting", "Here"], lines))
    return [*blocks, Prose(f"Why ours may differ: {claim.differs}")]


def _setting(name: str, one: DecidedSetting) -> Table:
    """The tests of a setting, below its verdict and its commands."""
    words = f" {one.setting.strip()}" if one.setting else ""
    commands = ", ".join(f"`{command}`" for command in dict.fromkeys(t.command for t in one.tests))
    caption = f"**{name}: {one.verdict}** ({one.told}).{words} Made by {commands}."
    lines: list[list[Cell | str]] = [
        [
            f"{test.label}: {test.asked}" if test.label else test.asked,
            test.measured,
            _p(test),
            f"**{test.verdict}**",
            test.level,
        ]
        for test in one.tests
    ]
    return table(["Test", "Measured", "p; Holm's", "Verdict", "Evidence"], lines, caption)


def _p(test: TestOutcome) -> Cell:
    if test.p is None or test.p_holm is None:
        return Cell(NOTHING)
    return Cell(f"{test.p:.2g}; {test.p_holm:.2g}", test.p_holm)


def _not_tested(claim: DecidedClaim) -> list[Block]:
    lines = [[one.what, f"needs {one.needs}", one.level] for one in claim.not_tested]
    return [table(["Not tested", "", "Evidence"], lines)] if lines else []


def _origin(claim: DecidedClaim) -> list[Block]:
    """Dates of the tests, their file and its results, and what was known."""
    made = [f"`{name}` {when}" for name, when in claim.results.items()]
    late = [
        name
        for name, when in claim.results.items()
        if claim.last is None or datetime.fromisoformat(when) < datetime.fromisoformat(claim.last)
    ]
    seen = "Results were seen before" if claim.seen else "No result was seen before"
    blocks: list[Block] = [
        Prose(
            f"Primary tests fixed on {claim.fixed}, before any run under protocol 2. {seen}: "
            f"{claim.known}"
        ),
        Prose(
            f"`benchmarks/claims/{claim.file}`, first committed {claim.first or 'not yet'}, last "
            f"changed {claim.last or 'since'}, SHA-256 `{claim.file_sha256[:12]}`. Results: "
            f"{', '.join(made) or 'none'}."
        ),
    ]
    if late:
        files = ", ".join(f"`{name}`" for name in late)
        blocks.append(Prose(f"The file last changed after {files} was made."))
    return blocks
