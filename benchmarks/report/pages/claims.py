"""The page of the ledger: every claim, its tests, and what they rest on."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import get_args

from benchmarks.report.page import NOTHING, Block, Heading, Page, Prose, Table, table
from benchmarks.results.ledger import ClaimVerdict, DecidedClaim, Ledger, Level

WORST_FIRST: tuple[ClaimVerdict, ...] = (
    "not reproduced",
    "undecided",
    "reproduced",
    "not tested here",
)


def claims_page(ledger: Ledger) -> Page:
    """The whole page."""
    blocks: list[Block] = [
        Heading("Claims of the papers, and what the published results say", 1),
        Prose(
            "A claim is *reproduced* where all its tests are, *not reproduced* where one is not, "
            "and *undecided* where the interval of one straddles its margin, or one could not be "
            "made. Tests and margins stand in the files named, whose dates and checksums stand "
            "with them, and so do the dates of the results."
        ),
        summary(ledger),
    ]
    for one in ledger.claims:
        blocks.append(Heading(f"{one.number}. {one.statement}"))
        blocks.append(Prose(f"{one.source}; reported: {one.reported}"))
        blocks += [Prose(one.reading), _tests(one), *_origin(one)]
    return Page(tuple(blocks))


def summary(ledger: Ledger) -> Table:
    """One line for each claim: its verdict, and its tests by the evidence they rest on."""
    levels: tuple[Level, ...] = get_args(Level)
    heads = ["", "Claim", "Reported", "Verdict", *levels]
    lines = [
        [
            one.number,
            one.statement,
            one.reported,
            f"**{one.verdict}**",
            *(_counted(one, level) for level in levels),
        ]
        for one in ledger.claims
    ]
    return table(heads, lines)


def _counted(claim: DecidedClaim, level: Level) -> str:
    verdicts = [test.verdict for test in claim.tests if test.level == level]
    verdicts += ["not tested here" for one in claim.not_tested if one.level == level]
    counts = Counter(verdicts)
    return ", ".join(f"{counts[v]} {v}" for v in WORST_FIRST if counts[v]) or NOTHING


def _tests(claim: DecidedClaim) -> Table:
    lines = [
        [test.asked, test.measured, f"**{test.verdict}**", test.level, f"`{test.command}`"]
        for test in claim.tests
    ]
    lines += [
        [one.what, f"needs {one.needs}", "not tested here", one.level, NOTHING]
        for one in claim.not_tested
    ]
    return table(["Test", "Measured", "Verdict", "Evidence", "Command"], lines)


def _origin(claim: DecidedClaim) -> list[Prose]:
    """The file with its dates, and whether it was there before the results."""
    made = [f"`{name}` {when}" for name, when in claim.results.items()]
    late = [
        name
        for name, when in claim.results.items()
        if claim.last is None or datetime.fromisoformat(when) < datetime.fromisoformat(claim.last)
    ]
    told = [
        Prose(
            f"`benchmarks/claims/{claim.file}`, first committed {claim.first or 'not yet'}, last "
            f"changed {claim.last or 'since'}, SHA-256 `{claim.file_sha256[:12]}`. Results: "
            f"{', '.join(made) or 'none'}."
        )
    ]
    if late:
        files = ", ".join(f"`{name}`" for name in late)
        told.append(Prose(f"The file last changed after {files} was made."))
    return told
