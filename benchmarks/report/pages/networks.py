"""``python -m benchmarks networks``: what the searched schedule gains on each score network."""

from __future__ import annotations

from pathlib import Path

from bddm_ref.files import DamagedFileError, write_atomically
from benchmarks.core.experiment import EXACT
from benchmarks.report.page import arrow, estimate, table, turned
from benchmarks.report.words import PAGES
from benchmarks.results.schema import Results
from benchmarks.results.standings import BDDM, headline
from benchmarks.results.store import read_results

FOLDER, PAGE = "networks", "networks.md"
PUBLISHED = "published"
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


def write_networks(folder: Path) -> Path:
    """Write the page from a results folder's tracks and ``networks/*/*.json``.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    page, text = folder / PAGE, networks_page(_documents(folder))
    write_atomically(page, lambda path: path.write_text(text))
    return page


def check_networks(folder: Path) -> str:
    """Verify that the page is what the documents say.

    Raises:
        DamagedFileError: it is not.
    """
    documents, page = _documents(folder), folder / PAGE
    if not page.is_file() or page.read_text() != networks_page(documents):
        raise DamagedFileError(f"{page} is not what {FOLDER}/ says; make it again with 'networks'")
    return f"{page}: follows from {len(documents)} networks"


def network_folders(folder: Path) -> list[Path]:
    """Folders that each hold the results of one score network."""
    return sorted(path for path in (folder / FOLDER).glob("*") if path.is_dir())


def networks_page(documents: dict[str, Results]) -> str:
    """The whole page.

    Args:
        documents: name of the network to its results.
    """
    parts = ["# Score networks\n", NOTE]
    for track in dict.fromkeys(results.track for results in documents.values()):
        mine = {name: one for name, one in documents.items() if one.track == track}
        parts += [f"## {track.capitalize()}\n", _networks(mine)]
        first, *others = mine.values()
        shared = {row.convention for one in others for row in one.rows}
        for convention in dict.fromkeys(row.convention for row in first.rows):
            if convention not in shared:  # a distribution that no network was trained on
                continue
            for metric in headline(first, convention):
                tables = [_gains(mine, convention, metric, other) for other in BASELINES]
                parts += [one for one in tables if one is not None]
    return "\n".join(parts)


def _documents(folder: Path) -> dict[str, Results]:
    """The networks, and first of all those that the tracks' own results are of."""
    found = {
        place.name: read_results(file)
        for place in network_folders(folder)
        for file in sorted(place.glob("*.json"))
    }
    if not found:
        raise DamagedFileError(
            f"{folder / FOLDER} holds no results; make them with 'run networks-images-short'"
        )
    published = {
        f"{PUBLISHED} ({track})": read_results(folder / f"{track}.json")
        for track in dict.fromkeys(results.track for results in found.values())
        if (folder / f"{track}.json").is_file()
    }
    return published | found


def _networks(documents: dict[str, Results]) -> str:
    """How each was made."""
    lines = []
    for name, results in documents.items():
        made = results.provenance
        origin = f"commit `{(made['commit'] or 'unknown')[:12]}` (tree {made['tree'] or 'unknown'})"
        lines.append(
            [
                name,
                *_network(results),
                f"`{results.weights['score_net'][:12]}`",
                _scored_on(results),
                f"{origin}, {results.created[:10]}",
            ]
        )
    heads = ["Network", "Architecture", "Training", "Weights", "Scored on", "Results of"]
    return table(heads, lines)


def _network(results: Results) -> tuple[str, str]:
    """Its architecture and its training."""
    config = results.experiment["score_net"]
    if config["network"] == EXACT:
        return "exact score", "known"
    sizes = ", ".join(f"{key} {value}" for key, value in config["size"].items()) or "defaults"
    # The earliest results do not have these fields.
    levels = "t uniform" if config.get("uniform_steps") else "normal in log-SNR"
    weighted = ", balanced" if config.get("balance_levels") else ""
    training = f"{config['training']['steps']} updates, power {config['power']}, {levels}{weighted}"
    return f"`{config['network']}`: {sizes}", training


def _scored_on(results: Results) -> str:
    """Items and noise seeds of BDDM's rows at the lengths that are searched for."""
    rows = [row for row in results.rows if row.contestant == BDDM and row.n_total]
    if not rows:
        return "nothing"
    seeds = max(row.seeds for row in rows)
    items = max(row.n_total // row.seeds for row in rows)
    name = PAGES[results.track].item
    return f"{items} {name}s, {seeds} noise seed{'s' * (seeds > 1)}"


def _gains(documents: dict[str, Results], convention: str, metric: str, other: str) -> str | None:
    """What BDDM gains over a linear sub-sequence; None where nothing is compared by the metric."""
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
    head = f"`{convention}`, gain over {other.upper()} in {info.title} {arrow(info)}"
    lines = [[name, *(cells.get(n, "—") for n in steps)] for name, cells in found.items()]
    return table([head, *(str(n) for n in steps)], lines)


def _cell(results: Results, convention: str, steps: int, what: tuple[str, str]) -> str | None:
    metric, other = what
    mine, theirs = f"{convention}/{BDDM}-{steps}", f"{convention}/{other}-{steps}"
    info = results.metrics[metric]
    for one in results.comparisons:
        if (one.row, one.against, one.metric) == (mine, theirs, metric):
            gain = one.difference if info.higher_is_better else turned(one.difference)
            return f"{estimate(gain, info.digits, sign='+')} **{one.verdict}**"
    return None
