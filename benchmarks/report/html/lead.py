"""The lead of the results page: what was claimed and what was found, in five sentences at most."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.core.rows import RowKey
from benchmarks.report.inline import code, plain
from benchmarks.report.page import arrow, estimate
from benchmarks.report.plots.overview import PANELS
from benchmarks.results.folder import MissingResultError
from benchmarks.results.ledger import ClaimVerdict, Ledger
from benchmarks.results.ranking_schema import BDDM
from benchmarks.results.schema import RowResult, RunResults
from benchmarks.results.whole import WholeFolder

MOST = 5  # sentences
SHOWN, RANKED_AT = (3, 16), 7  # steps of the sentences on quality, evaluations of that on ranks
PAPERS = "papers' scale"
NOUNS = {"speech": "Speech", "images": "Images", "analytic": "Known distributions"}
VERDICTS: dict[ClaimVerdict, tuple[str, str]] = {
    "holds": ("✓", "hold"),
    "holds in part": ("◐", "hold in part"),
    "does not hold": ("✗", "do not hold"),
    "open": ("○", "are open"),
}
"""Verdict to its sign, and to its words after a number of claims."""


def lead_of(results: WholeFolder) -> list[str]:
    """At most five sentences of inline Markdown, from the documents alone."""
    return list(_sentences(results))[:MOST]


def evidence_of(results: WholeFolder) -> str:
    """The level of evidence behind the verdicts, in a sentence or two; empty without a ledger."""
    try:
        ledger = results.ledger
    except MissingResultError:
        return ""
    tests = [test for claim in ledger.claims for test in claim.primary.tests]
    levels = dict.fromkeys(test.level for test in tests if test.verdict != "not made")
    if not levels:
        return ""
    told = f"Level of evidence: {', '.join(levels)}."
    if PAPERS in levels:
        return told
    return f"{told} The papers' own data and networks were not run."


def counted(ledger: Ledger) -> str:
    """The number of claims with each verdict, in words."""
    parts = []
    for verdict, (sign, words) in VERDICTS.items():
        count = sum(one.verdict == verdict for one in ledger.claims)
        told = {"open": "is open"}.get(verdict, verdict) if count == 1 else words
        parts += [f"**{count}** {told} {sign}"] if count else []
    return ", ".join(parts)


def main_convention(results: RunResults) -> str:
    """The convention that stands for a run: that of the overview if it is there, else the first."""
    names = results.convention_names()
    known = next((one.convention for one in PANELS if one.results == results.track), "")
    return known if known in names else names[0]


def _sentences(results: WholeFolder) -> Iterator[str]:
    runs = results.runs()
    if any(run.meaningless for run in runs.values()):
        yield "**A smoke run: its budgets are tiny, and its figures mean nothing.**"
    try:
        ledger = results.ledger
        yield f"Of {len(ledger.claims)} claims that can be tested, {counted(ledger)}."
    except MissingResultError:
        pass
    tracks = [told for run in runs.values() if (told := _quality(run))]
    yield from tracks[:2]
    faster = [told for run in runs.values() if (told := _faster(run))]
    yield from faster[:1]
    if told := _ranks(results):
        yield told
    yield from tracks[2:]


def _quality(run: RunResults) -> str:
    """Scores of BDDM and of the reference sampler, with few steps and with all."""
    convention = main_convention(run)
    metric = _comparable(run, convention)
    if metric is None:
        return ""
    info, reference = run.metrics[metric], RowKey.named(convention, run.reference)
    parts = []
    for contestant, wanted in (
        (BDDM, SHOWN),
        (reference.contestant, (max(SHOWN), reference.steps)),
    ):
        found = _scored(run, convention, contestant, metric)
        scores = [
            f"{estimate(found[steps].metrics[metric], info.digits)} with {steps}"
            for steps in wanted
            if steps in found
        ]
        if scores:
            parts.append(f"{_short(run.titles[contestant])} has {' and '.join(scores)}")
    if len(parts) < 2:
        return ""
    where = code(convention) if len(run.convention_names()) > 1 else ""
    head = f"{NOUNS.get(run.track, plain(run.track))} {where}".strip()
    return f"{head}, {plain(info.title)} {arrow(info)}: {'; '.join(parts)} steps."


def _comparable(run: RunResults, convention: str) -> str | None:
    """A headline metric that BDDM and the reference have of equally many items."""
    reference = run.by_key.get(RowKey.named(convention, run.reference))
    for metric in run.settings.headline:
        mine = [row.metrics[metric].n for row in _scored(run, convention, BDDM, metric).values()]
        if reference is not None and reference.value(metric) is not None and mine:
            sets = run.track != "speech"
            if not sets or all(n == reference.metrics[metric].n for n in mine):
                return metric
    return None


def _scored(run: RunResults, convention: str, contestant: str, metric: str) -> dict[int, RowResult]:
    return {
        row.steps: row
        for row in run.rows
        if (row.convention, row.contestant) == (convention, contestant)
        and row.value(metric) is not None
    }


def _faster(run: RunResults) -> str:
    """The measured speed-up of few steps."""
    convention = main_convention(run)
    steps = RowKey.named(convention, run.reference).steps
    told = []
    for few in reversed(SHOWN):
        row = run.by_key.get(RowKey(convention, BDDM, few))
        if row is not None and row.time is not None and row.time.speedup is not None:
            told.append(f"{few} steps are {estimate(row.time.speedup, 0)} times")
    if not told:
        return ""
    what = NOUNS.get(run.track, run.track).lower()
    return f"In measured time on {plain(what)}, {' and '.join(told)} as fast as {steps}."


def _ranks(results: WholeFolder) -> str:
    """Places of BDDM among the contestants."""
    parts = []
    for track in results.ranking:
        for convention in track.conventions:
            column = convention.rankings[0].column(RANKED_AT) if convention.rankings else {}
            if BDDM in column:
                name = code(convention.name) if track.track == "analytic" else track.track
                parts.append(f"{column[BDDM].rank} of {len(column)} on {name}")
    return f"With {RANKED_AT} evaluations BDDM is number {', '.join(parts)}." if parts else ""


def _short(title: str) -> str:
    return plain(title.partition(",")[0])
