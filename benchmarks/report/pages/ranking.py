"""The page of the ranking: BDDM among its rivals, at equal network evaluations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks.report.contents import with_contents
from benchmarks.report.inline import code, plain
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
    Cell,
    Figure,
    Heading,
    Page,
    Prose,
    Table,
    estimate,
    estimated,
    named,
    noted,
    table,
)
from benchmarks.report.words import WORDS
from benchmarks.results.ranking_schema import (
    BDDM,
    Against,
    Line,
    Place,
    RankedConvention,
    RankedTrack,
    Ranking,
    Source,
)
from benchmarks.results.store import CONTESTS

AHEAD, LEVEL, BEHIND, OPEN = SIGNS = ("▲", "=", "▽", "?")
NOTE = """\
One row a contestant, one column a number of network evaluations. All have the same score network,
the same items and the same noise. A cell has the score, its 95 % interval where it is not exact,
and its rank in the column; the best of a column is bold. The mark is of the paired comparison with
BDDM at equal evaluations: ▲ better than BDDM, ▽ worse than BDDM, by however little, where interval
and test agree; = neither, and BDDM not worse by more than the margin fixed in the experiment;
? open. In parentheses it rests on too few noise seeds to be more than an indication, and without a
mark the two were not compared by this metric. Rows are in the order of their mean rank, those with
a score in every column first; why others have none stands below each convention. Ranks of
neighbours may be chance; the comparisons tell. In plots hollow points are unstable times.
"""
WINNERS = """\
The best at each number of evaluations (NFE), its score less BDDM's (paired, with the 95 % interval
where it is not exact), and BDDM's rank among how many. The best of so many owes some of its lead to
chance.
"""
TALLY = """\
Contests with BDDM at equal evaluations, one for each track and convention, by its first metric
above: how many each contestant wins (▲), loses (▽), and how many are level (=) or open (?).
Indications do not count.
"""


def ranking_page(tracks: Sequence[RankedTrack]) -> Page:
    """Lay out the ranking of all tracks."""
    blocks: list[Block] = [Heading("Contestants at equal evaluations", 1), noted(NOTE)]
    blocks += [Heading("Winners"), noted(WINNERS), *_winners(tracks)]
    blocks += [Heading("BDDM against each"), noted(TALLY), _tally(tracks)]
    for track in tracks:
        for convention in track.conventions:
            blocks.append(Heading(f"{track.track.capitalize()}, {code(convention.name)}"))
            if convention.rankings:
                blocks.append(Figure(plot_name(track, convention), "Quality against cost"))
            blocks += [_table(one) for one in convention.rankings]
            blocks += _missing(convention)
            blocks += _preparation(convention)
        blocks += _origin(track)
    return with_contents(Page(tuple(blocks)))


def plot_name(track: RankedTrack, convention: RankedConvention) -> str:
    """The file of a convention's plot, below the results folder."""
    return f"{CONTESTS}/pareto-{track.track}-{convention.name}.svg"


def _winners(tracks: Sequence[RankedTrack]) -> list[Table]:
    """For each metric a line per number of evaluations: the best, its lead, and BDDM's rank."""
    heads = ["NFE", "Best", "Best less BDDM", "BDDM's rank"]
    return [
        table(
            heads, lines, f"{track.track.capitalize()}, {code(one.convention)}, {named(one.info)}:"
        )
        for track in tracks
        for convention in track.conventions
        for one in convention.rankings
        if (lines := [[str(nfe), *_winner(one, nfe)] for nfe in one.columns])
    ]


def _winner(one: Ranking, nfe: int) -> tuple[str, str, str]:
    """Title of the best, its lead over BDDM, and BDDM's rank."""
    entrants = one.column(nfe)
    name = one.winner(nfe)
    title = plain(one.lines[name].title)
    rank = f"{entrants[BDDM].rank} of {len(entrants)}" if BDDM in entrants else "no BDDM"
    if name == BDDM:
        return f"**{title}**", NOTHING, f"**{rank}**"
    against = entrants[name].against
    if against is None:
        return title, NOTHING, rank
    size = estimate(against.difference, one.info.digits, sign="+")
    return title, f"{size} {_mark(against)}", rank


def _tally(tracks: Sequence[RankedTrack]) -> Table:
    """Outcomes by contestant and number of evaluations, the hardest rivals first."""
    counts: dict[str, dict[int, Counter[str]]] = {}
    for track in tracks:
        for one in (c.rankings[0] for c in track.conventions if c.rankings):
            for title, nfe, against in one.comparisons():
                counts.setdefault(title, {}).setdefault(nfe, Counter())[sign(against)] += 1
    columns = sorted({nfe for mine in counts.values() for nfe in mine})
    whole = {title: sum(mine.values(), Counter()) for title, mine in counts.items()}
    lines = [
        [plain(title), *(_marks(counts[title].get(nfe)) for nfe in columns), _marks(whole[title])]
        for title in sorted(whole, key=lambda title: _hardness(whole[title]), reverse=True)
    ]
    return table(["Contestant, at evaluations", *map(str, columns), "all"], lines)


def _hardness(counts: Counter[str]) -> float:
    """Wins less losses, by contest."""
    return (counts[AHEAD] - counts[BEHIND]) / counts.total()


def _marks(counts: Counter[str] | None) -> str:
    if counts is None:
        return "—"
    return " ".join(f"{counts[one]}{one}" for one in SIGNS if counts[one])


def _table(one: Ranking) -> Table:
    lines: list[list[Cell | str]] = [
        [plain(line.title), *(_cell(line.places.get(nfe), one) for nfe in one.columns)]
        for line in sorted(one.lines.values(), key=partial(_mean_rank, one))
    ]
    return table([f"{named(one.info)} at evaluations", *(str(n) for n in one.columns)], lines)


def _mean_rank(one: Ranking, line: Line) -> tuple[bool, float, str]:
    """Ranks in some columns alone are no measure of ranks in all."""
    ranks = [place.rank for place in line.places.values()]
    return len(ranks) < len(one.columns), sum(ranks) / len(ranks), line.title


def _cell(place: Place | None, one: Ranking) -> Cell:
    if place is None:
        return Cell(NOTHING)
    cell = estimated(place.score, one.info.digits)
    cell = replace(cell, text=f"{cell.text} · {place.rank}", bold=place.rank == 1)
    return cell if place.against is None else cell.marked(_mark(place.against))


def sign(against: Against) -> str:
    """The sign of a comparison, from the contestant's side."""
    if against.bddm == "better":
        return BEHIND
    if against.contestant == "better":
        return AHEAD
    return LEVEL if against.bddm == "as good" else OPEN


def _mark(against: Against) -> str:
    return sign(against) if against.firm else f"({sign(against)})"


def _missing(convention: RankedConvention) -> list[Block]:
    """Why cells are empty."""
    if not convention.missing:
        return []
    items = tuple(
        f"{plain(reason)}: {', '.join(map(plain, rows))}"
        for reason, rows in convention.missing.items()
    )
    return [Prose("Not there:"), Bullets(items)]


def _preparation(convention: RankedConvention) -> list[Block]:
    """Cost of searches and their networks, before the first item was sampled."""
    if not convention.preparation:
        return []
    lines = []
    for one in convention.preparation:
        network = NOTHING
        if one.schedule_net_steps is not None and one.schedule_net_seconds is not None:
            network = f"{one.schedule_net_steps} steps, {one.schedule_net_seconds:.0f} s"
        search = [str(one.search_nfe), f"{one.search_seconds:.0f} s"]
        lines.append([plain(one.title), network, *search])
    heads = ["Beforehand, all lengths", "Schedule network", "Search: evaluations", "Search: time"]
    return [table(heads, lines)]


def _origin(track: RankedTrack) -> list[Prose]:
    seconds = track.noise_estimators_seconds
    parts = [] if seconds is None else [f"Training the noise estimators took {seconds:.0f} s."]
    parts += [
        f"From [`{made.page}`]({made.page}), where all metrics, times and costs stand: "
        f"experiment `{made.experiment_sha256[:12]}`, data `{made.data_sha256[:12]}`, commit "
        f"`{(made.commit or 'unknown')[:12]}` (tree {made.tree or 'unknown'}), {made.created}, "
        f"{plain(made.processor)}, {made.threads} threads. {_size(made, track.track)} Of its "
        f"{made.times} times {made.unstable_times} are unstable (inter-quartile range above 10 % "
        "of the median): where points of the plot lie close in time, their order may be chance."
        for made in track.sources
    ]
    if WORDS[track.track].contest_note:
        parts.append(WORDS[track.track].contest_note)
    if track.machines > 1:
        parts.append("The plot has times of the first alone: the others are of other machines.")
    return [Prose(part) for part in parts]


def _size(made: Source, track: str) -> str:
    """A sentence on the number of samples and the size of the searches."""
    fewest, most = made.seeds
    seeds = (
        f"{most} noise seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"
    )
    search = made.search
    return (
        f"{made.items} {WORDS[track].item}s of each row from each of {seeds}; searches on grids of "
        f"{search.bins} × {search.bins}, judged by {search.judge_items} "
        f"{WORDS[track].item}s, the best {search.finalists} of a length again by "
        f"{search.finalist_items}, with {search.refinements} refinements."
    )
