"""The ledger: every claim, the papers' figure, ours, and the verdict."""

from __future__ import annotations

from benchmarks.report.html.section import Section
from benchmarks.report.page import Prose, Table
from benchmarks.report.pages.claims import PROTOCOL, summary
from benchmarks.results.folder import MissingResultError, ResultsFolder

VERDICTS = ("holds", "holds in part", "does not hold", "open")


def claims_section(results: ResultsFolder) -> Section | None:
    """The ledger as one table; None where no claims were decided."""
    try:
        ledger = results.ledger
    except MissingResultError:
        return None
    counts = {word: sum(one.verdict == word for one in ledger.claims) for word in VERDICTS}
    told = ", ".join(f"**{count}** {word}" for word, count in counts.items() if count)
    found: Table = summary(ledger)
    lead = f"The papers make {len(ledger.claims)} claims that can be tested: {told}."
    return Section(
        "claims",
        "What was claimed, what was found",
        (Prose(lead), found, Prose(PROTOCOL)),
        ("python -m benchmarks claims results",),
    )
