"""The page of networks: what the searched schedule gains on each score network."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.core.experiment import EXACT
from benchmarks.core.rows import RowKey
from benchmarks.report.contents import with_contents
from benchmarks.report.inline import code, plain
from benchmarks.report.page import Block, Heading, Page, Table, estimate, named, noted, table
from benchmarks.report.words import WORDS
from benchmarks.results.places import headline
from benchmarks.results.ranking_schema import BDDM
from benchmarks.results.schema import RunResults

BASELINES = ("ddpm", "ddim")
NOTE = """\
Does any DDPM improve? Each row is a score network, with a schedule network trained and a search
made for it alone. A cell is how much better BDDM is than the linear sub-sequence of that kernel on
the same network at equally many steps, paired, with its 95 % interval: above 0, BDDM gains. The
verdict is by the margin fixed in the experiment. Rows of a table may be of different numbers of
items, which "Scored on" gives: a Fréchet distance of fewer images is larger, so compare signs and
verdicts from row to row, not sizes. Of known distributions the published "network" is the exact
score, which no training can better.
"""


def networks_page(documents: Mapping[str, RunResults]) -> Page:
    """The whole page.

    Args:
        documents: name of the network to the run on it.
    """
    blocks: list[Block] = [Heading("Score networks", 1), noted(NOTE)]
    for track in dict.fromkeys(results.track for results in documents.values()):
        mine = {name: one for name, one in documents.items() if one.track == track}
        blocks += [Heading(track.capitalize()), _networks(mine)]
        first, *others = mine.values()
        shared = {row.convention for one in others for row in one.rows}
        for convention in first.convention_names():
            if convention not in shared:  # a distribution that no network was trained on
                continue
            for metric in headline(first, convention):
                tables = [_gains(mine, convention, metric, other) for other in BASELINES]
                blocks += [one for one in tables if one is not None]
    return with_contents(Page(tuple(blocks)))


def _networks(documents: dict[str, RunResults]) -> Table:
    """The table of networks: architecture, training, origin."""
    lines = []
    for name, results in documents.items():
        made = results.provenance
        lines.append(
            [
                plain(name),
                *_network(results),
                f"`{results.weights['score_net'][:12]}`",
                _scored_on(results),
                f"{made.code}, {results.created[:10]}",
            ]
        )
    heads = ["Network", "Architecture", "Training", "Weights", "Scored on", "Results of"]
    return table(heads, lines)


def _network(results: RunResults) -> tuple[str, str]:
    """Architecture and training of the score network."""
    config = results.settings.score_net
    if config.network == EXACT:
        return "exact score", "known"
    sizes = plain(", ".join(f"{key} {value}" for key, value in config.size.items())) or "defaults"
    levels = "t uniform" if config.uniform_steps else "normal in log-SNR"
    weighted = ", balanced" if config.balance_levels else ""
    training = f"{config.training.steps} updates, power {config.power}, {levels}{weighted}"
    return f"{code(config.network)}: {sizes}", training


def _scored_on(results: RunResults) -> str:
    """Items and noise seeds of BDDM's rows at the lengths that are searched for."""
    rows = [row for row in results.rows if row.contestant == BDDM and row.n_total]
    if not rows:
        return "nothing"
    seeds = max(row.seeds for row in rows)
    items = max(row.n_total // row.seeds for row in rows)
    name = WORDS[results.track].item
    return f"{items} {name}s, {seeds} noise seed{'s' * (seeds > 1)}"


def _gains(
    documents: dict[str, RunResults], convention: str, metric: str, other: str
) -> Table | None:
    """Gains of BDDM over a linear sub-sequence; None where nothing is compared by the metric."""
    found = {
        name: {
            row.steps: cell
            for row in results.rows
            if row.contestant == BDDM
            and row.convention == convention
            and (cell := _cell(results, convention, row.steps, (metric, other))) is not None
        }
        for name, results in documents.items()
    }
    steps = sorted({count for cells in found.values() for count in cells})
    if not steps:
        return None
    info = next(iter(documents.values())).metrics[metric]
    head = f"{code(convention)}, gain over {other.upper()} in {named(info)}"
    lines = [[plain(name), *(cells.get(n, "—") for n in steps)] for name, cells in found.items()]
    return table([head, *(str(n) for n in steps)], lines)


def _cell(results: RunResults, convention: str, steps: int, what: tuple[str, str]) -> str | None:
    metric, other = what
    mine = RowKey(convention, BDDM, steps)
    pair = (str(mine), str(mine.with_contestant(other)), metric)
    info = results.metrics[metric]
    for one in results.comparisons:
        if (one.row, one.against, one.metric) == pair:
            gain = one.difference if info.higher_is_better else one.difference.turned()
            return f"{estimate(gain, info.digits, sign='+')} **{one.verdict}**"
    return None
