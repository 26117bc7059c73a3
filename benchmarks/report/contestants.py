"""``python -m benchmarks contestants``: BDDM among its rivals, at equal network evaluations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bddm_ref.checkpoint import DamagedFileError, write_atomically
from benchmarks.report.cells import arrow, estimate, table, turned
from benchmarks.report.check import read_results
from benchmarks.report.pareto import plot_pareto
from benchmarks.report.schema import MetricInfo, Results
from benchmarks.report.standings import BDDM, Place, Standings, headline, standings

FOLDER, PAGE = "contestants", "contestants.md"
MARKS = {"worse": "▲", "as good": "=", "better": "▽", "undecided": "?"}
"""By BDDM's verdict against a contestant: ▲, it is better than BDDM."""
NOTE = """\
One row a contestant, one column a number of network evaluations. All have the same score network,
the same items and the same noise. A cell has the score, its 95 % interval, and its rank in the
column; the best of a column is bold. The mark is of the paired comparison with BDDM at equal
evaluations, with the margin fixed in the experiment: ▲ better than BDDM, = BDDM as good, ▽ worse
than BDDM, ? undecided. Rows are in the order of their mean rank. Ranks of neighbours may be chance;
intervals tell.
"""


def write_contestants(folder: Path) -> Path:
    """Write the page and its plots from ``contestants/*.json`` of a results folder.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    documents = _documents(folder)
    for results in documents:
        for convention in _conventions(results):
            metrics = headline(results, convention)
            if metrics:
                path = folder / FOLDER / _plot_name(results, convention)
                plot_pareto(results, convention, standings(results, convention, metrics[0]), path)
    page = folder / PAGE
    text = contestants_page(documents)
    write_atomically(page, lambda path: path.write_text(text))
    return page


def check_contestants(folder: Path) -> str:
    """Verify that the page is what the documents say, and that its plots are there.

    Raises:
        DamagedFileError: it is not.
    """
    documents, page = _documents(folder), folder / PAGE
    if not page.is_file() or page.read_text() != contestants_page(documents):
        raise DamagedFileError(
            f"{page} is not what {FOLDER}/ says; make it again with 'contestants'"
        )
    for results in documents:
        for convention in _conventions(results):
            plot = folder / FOLDER / _plot_name(results, convention)
            if not plot.is_file():
                raise DamagedFileError(f"{plot} is missing; make it again with 'contestants'")
    return f"{page}: follows from {len(documents)} results"


def contestants_page(documents: list[Results]) -> str:
    """The whole page."""
    parts = ["# Contestants at equal evaluations\n", NOTE, "## Winners\n", _winners(documents)]
    for results in documents:
        for convention in _conventions(results):
            parts.append(f"## {results.track.capitalize()}, `{convention}`\n")
            plot = f"{FOLDER}/{_plot_name(results, convention)}"
            parts.append(f"![Quality against cost]({plot})\n")
            tables = (standings(results, convention, m) for m in headline(results, convention))
            parts += [_table(results, one) for one in tables]
            parts += _skipped(results, convention)
        parts.append(_origin(results))
    return "\n".join(parts)


def _documents(folder: Path) -> list[Results]:
    files = sorted((folder / FOLDER).glob("*.json"))
    if not files:
        raise DamagedFileError(
            f"{folder / FOLDER} holds no results; make them with 'run contestants-analytic'"
        )
    return [read_results(path) for path in files]


def _conventions(results: Results) -> list[str]:
    return list(dict.fromkeys(row.convention for row in results.rows))


def _plot_name(results: Results, convention: str) -> str:
    return f"pareto-{results.track}-{convention}.svg"


def _winners(documents: list[Results]) -> str:
    """The best of each column, its lead over BDDM, and BDDM's rank."""
    found = [
        (results, convention, standings(results, convention, metric))
        for results in documents
        for convention in _conventions(results)
        for metric in headline(results, convention)
    ]
    columns = sorted({nfe for _, _, one in found for nfe in one.columns})
    lines = []
    for results, convention, one in found:
        info = results.metrics[one.metric]
        cells = [_winner(one, nfe, info) if nfe in one.columns else "—" for nfe in columns]
        lines.append([f"{results.track}, `{convention}`", f"{info.title} {arrow(info)}", *cells])
    return table(["", "Metric", *(str(nfe) for nfe in columns)], lines)


def _winner(one: Standings, nfe: int, info: MetricInfo) -> str:
    best = one.winner(nfe)
    mine = one.places.get(BDDM, {}).get(nfe)
    rank = f"BDDM {mine.rank} of {one.entrants(nfe)}" if mine else "no BDDM"
    if best.row.contestant == BDDM:
        return f"**{rank}**"
    lead = ""
    if best.bddm is not None:
        lead = f" {estimate(turned(best.bddm.difference), info.digits, sign='+')}"
    return f"{best.row.title}{lead}; {rank}"


def _table(results: Results, one: Standings) -> str:
    info = results.metrics[one.metric]
    order = sorted(one.places.values(), key=_mean_rank)
    lines = []
    for places in order:
        cells = [_cell(places.get(nfe), info) for nfe in one.columns]
        title = next(iter(places.values())).row.title
        lines.append([title, *cells, _counted(places)])
    heads = [f"{info.title} {arrow(info)} at evaluations", *(str(nfe) for nfe in one.columns)]
    return table([*heads, "BDDM against it"], lines)


def _mean_rank(places: dict[int, Place]) -> tuple[float, str]:
    """Contestants with few columns stand where their ranks there put them."""
    ranks = [place.rank for place in places.values()]
    return sum(ranks) / len(ranks), next(iter(places.values())).row.title


def _cell(place: Place | None, info: MetricInfo) -> str:
    if place is None:
        return "—"
    text = f"{estimate(place.score, info.digits)} · {place.rank}"
    text = f"**{text}**" if place.rank == 1 else text
    return text if place.bddm is None else f"{text} {MARKS[place.bddm.verdict]}"


def _counted(places: dict[int, Place]) -> str:
    counts = Counter(place.bddm.verdict for place in places.values() if place.bddm is not None)
    return ", ".join(f"{counts[v]} {v}" for v in sorted(counts)) or "—"


def _skipped(results: Results, convention: str) -> list[str]:
    """Why cells are empty."""
    reasons: dict[str, list[str]] = {}
    for row in results.rows:
        if row.convention == convention and row.skipped is not None:
            reasons.setdefault(row.skipped, []).append(f"{row.contestant}-{row.steps}")
    if not reasons:
        return []
    lines = [f"- {reason}: {', '.join(names)}" for reason, names in reasons.items()]
    return ["Not there:\n", "\n".join(lines) + "\n"]


def _origin(results: Results) -> str:
    made = results.provenance
    return (
        f"From [`{FOLDER}/{results.track}.md`]({FOLDER}/{results.track}.md), where all metrics, "
        f"times and costs stand: experiment `{results.experiment_sha256[:12]}`, data "
        f"`{results.data['sha256'][:12]}`, commit `{(made['commit'] or 'unknown')[:12]}` (tree "
        f"{made['tree'] or 'unknown'}), {results.created}, {made['processor']}, "
        f"{made['threads']} threads.\n"
    )
