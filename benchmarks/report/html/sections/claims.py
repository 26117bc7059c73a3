"""The ledger: every claim, the papers' figure, ours, and the verdict."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.report.html.lead import VERDICTS
from benchmarks.report.html.section import Details, Part, Section
from benchmarks.report.page import Cell, Heading, Prose, Table
from benchmarks.report.pages.claims import P_VALUES, PROTOCOL, claim_blocks, summary
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.ledger import DecidedClaim, Ledger


def claims_section(results: ResultsFolder) -> Section | None:
    """The ledger as one table, and each claim's tests; None where no claims were decided."""
    try:
        ledger = results.ledger
    except MissingResultError:
        return None
    parts: tuple[Part, ...] = (
        Prose(
            "One line for each claim that can be tested: the papers' figure, ours, and the "
            "verdict. Its number leads to its tests."
        ),
        _table(ledger),
        Details("How a claim is decided", (Prose(PROTOCOL.strip()), Prose(P_VALUES.strip()))),
        Heading("Each claim with its tests", 3),
        *(_details(one) for one in ledger.claims),
    )
    commands = ("python -m benchmarks claims results",)
    return Section("claims", "What was claimed, what was found", parts, commands)


def anchor_of(claim: DecidedClaim) -> str:
    """The id of a claim's tests."""
    return f"claim-{claim.number}"


def _table(ledger: Ledger) -> Table:
    """The overview of the ledger's page, with links to the tests and signs of the verdicts."""
    found = summary(ledger)
    place = found.heads.index("Verdict")
    lines = []
    for claim, line in zip(ledger.claims, found.rows, strict=True):
        cells = list(line)
        cells[0] = Cell(claim.number, link=f"#{anchor_of(claim)}")
        sign = VERDICTS[claim.verdict][0]
        cells[place] = Cell(f"{sign} {claim.verdict}", value=_rank(claim), bold=True)
        lines.append(tuple(cells))
    heads = ("No.", *found.heads[1:])
    return replace(found, heads=heads, rows=tuple(lines))


def _rank(claim: DecidedClaim) -> float:
    return float(list(VERDICTS).index(claim.verdict))


def _details(claim: DecidedClaim) -> Details:
    sign = VERDICTS[claim.verdict][0]
    title = f"{claim.number}. {claim.statement}: {sign} **{claim.verdict}**"
    return Details(title, tuple(claim_blocks(claim)), anchor_of(claim))
