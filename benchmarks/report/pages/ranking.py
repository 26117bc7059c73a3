"""``python -m benchmarks contestants``: BDDM among its rivals, at equal network evaluations."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from bddm_ref.files import DamagedFileError, sha256_of, write_atomically, write_with_checksum
from benchmarks.report.page import arrow, estimate, table
from benchmarks.report.words import PAGES
from benchmarks.results.documents import read_document
from benchmarks.results.ranking import (
    Contest,
    Convention,
    Origin,
    Part,
    TrackContest,
    track_contests,
)
from benchmarks.results.standings import BDDM, Against, Line, Outcome, Place, Standings
from benchmarks.results.store import CONTESTANTS, read_results

FOLDER, PAGE = "contestants", "contestants.md"
LONG = f"{FOLDER}/long"  # more evaluations of contests that are too much for one run
MARKS: dict[Outcome, str] = {"ahead": "▲", "level": "=", "behind": "▽", "undecided": "?"}
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
The best at each number of evaluations, its score less BDDM's (paired, with the 95 % interval where
it is not exact), and BDDM's rank among how many. The best of so many owes some of its lead to
chance.
"""
TALLY = """\
Contests with BDDM at equal evaluations, one for each track and convention, by its first metric
above: how many each contestant wins (▲), loses (▽), and how many are level (=) or open (?).
Indications do not count.
"""


def write_contestants(folder: Path) -> Path:
    """Write the page, its document and its plots from the results in ``contestants``.

    Returns:
        The page.

    Raises:
        DamagedFileError: there are none, or one is damaged.
    """
    from benchmarks.report.plots.pareto import plot_pareto  # noqa: PLC0415 (readers need no matplotlib)

    tracks, plots = _tracks(folder), {}
    for track in tracks:
        for convention in track.conventions:
            if convention.standings:
                name = _plot_name(track, convention)
                draw = partial(plot_pareto, convention.standings[0])
                write_atomically(folder / name, draw)
                plots[name] = sha256_of(folder / name)
    contest = Contest(schema_version=1, tracks=tracks, plots=plots)
    text = contest.model_dump_json(indent=1) + "\n"
    write_with_checksum(folder / CONTESTANTS, lambda path: path.write_text(text))
    page = folder / PAGE
    write_atomically(page, lambda path: path.write_text(contestants_page(contest)))
    return page


def check_contestants(folder: Path) -> str:
    """Verify that document and page are what the results say, and the plots those then drawn.

    Raises:
        DamagedFileError: they are not.
    """
    contest = read_document(folder / CONTESTANTS, Contest, "contestants")
    page = folder / PAGE
    if contest.tracks != _tracks(folder):
        raise DamagedFileError(
            f"{folder / CONTESTANTS} is not what {FOLDER}/ says; make it again with 'contestants'"
        )
    if not page.is_file() or page.read_text() != contestants_page(contest):
        raise DamagedFileError(
            f"{page} is not what {CONTESTANTS} says; make it again with 'contestants'"
        )
    for name, digest in contest.plots.items():
        plot = folder / name
        if not plot.is_file() or sha256_of(plot) != digest:
            raise DamagedFileError(
                f"{plot} is missing or was changed; make it again with 'contestants'"
            )
    results = sum(len(track.origins) for track in contest.tracks)
    return f"{page}: follows from {results} results"


def _tracks(folder: Path) -> list[TrackContest]:
    files = [path for place in (FOLDER, LONG) for path in sorted((folder / place).glob("*.json"))]
    if not files:
        raise DamagedFileError(
            f"{folder / FOLDER} holds no results; make them with 'run contestants-analytic'"
        )
    return track_contests(
        [
            Part(
                results=read_results(path),
                digest=sha256_of(path),
                page=path.with_suffix(".md").relative_to(folder).as_posix(),
            )
            for path in files
        ]
    )


def contestants_page(contest: Contest) -> str:
    """The whole page."""
    parts = ["# Contestants at equal evaluations\n", NOTE]
    parts += ["## Winners\n", WINNERS, _winners(contest)]
    parts += ["## BDDM against each\n", TALLY, _tally(contest)]
    for track in contest.tracks:
        for convention in track.conventions:
            parts.append(f"## {track.track.capitalize()}, `{convention.name}`\n")
            if convention.standings:
                parts.append(f"![Quality against cost]({_plot_name(track, convention)})\n")
            parts += [_table(one) for one in convention.standings]
            parts += _missing(convention)
            parts += _preparation(convention)
        parts.append(_origin(track))
    return "\n".join(parts)


def _plot_name(track: TrackContest, convention: Convention) -> str:
    return f"{FOLDER}/pareto-{track.track}-{convention.name}.svg"


def _winners(contest: Contest) -> str:
    """The best of each column, its lead over BDDM, and BDDM's rank."""
    found = [
        (track.track, one)
        for track in contest.tracks
        for convention in track.conventions
        for one in convention.standings
    ]
    columns = sorted({nfe for _, one in found for nfe in one.columns})
    lines = []
    for track, one in found:
        cells = [_winner(one, nfe) if nfe in one.columns else "—" for nfe in columns]
        title = f"{one.info.title} {arrow(one.info)}"
        lines.append([f"{track}, `{one.convention}`", title, *cells])
    return table(["", "Metric", *(str(nfe) for nfe in columns)], lines)


def _winner(one: Standings, nfe: int) -> str:
    entrants = one.column(nfe)
    name = one.winner(nfe)
    rank = f"BDDM {entrants[BDDM].rank} of {len(entrants)}" if BDDM in entrants else "no BDDM"
    if name == BDDM:
        return f"**{rank}**"
    against = entrants[name].bddm
    lead = ""
    if against is not None:
        size = estimate(against.difference, one.info.digits, sign="+")
        lead = f" {size} {_mark(against)}"
    return f"{one.lines[name].title}{lead}; {rank}"


def _tally(contest: Contest) -> str:
    """Outcomes by contestant and number of evaluations, the hardest rivals first."""
    counts: dict[str, dict[int, Counter[Outcome]]] = {}
    for track in contest.tracks:
        for one in (c.standings[0] for c in track.conventions if c.standings):
            for title, nfe, outcome in one.outcomes():
                counts.setdefault(title, {}).setdefault(nfe, Counter())[outcome] += 1
    columns = sorted({nfe for mine in counts.values() for nfe in mine})
    whole = {title: sum(mine.values(), Counter()) for title, mine in counts.items()}
    lines = [
        [title, *(_marks(counts[title].get(nfe)) for nfe in columns), _marks(whole[title])]
        for title in sorted(whole, key=lambda title: _hardness(whole[title]), reverse=True)
    ]
    return table(["Contestant, at evaluations", *map(str, columns), "all"], lines)


def _hardness(counts: Counter[Outcome]) -> float:
    """Wins less losses, by contest."""
    return (counts["ahead"] - counts["behind"]) / counts.total()


def _marks(counts: Counter[Outcome] | None) -> str:
    if counts is None:
        return "—"
    return " ".join(f"{counts[one]}{mark}" for one, mark in MARKS.items() if counts[one])


def _table(one: Standings) -> str:
    lines = [
        [line.title, *(_cell(line.places.get(nfe), one) for nfe in one.columns)]
        for line in sorted(one.lines.values(), key=partial(_mean_rank, one))
    ]
    head = f"{one.info.title} {arrow(one.info)} at evaluations"
    return table([head, *(str(nfe) for nfe in one.columns)], lines)


def _mean_rank(one: Standings, line: Line) -> tuple[bool, float, str]:
    """Ranks in some columns alone are no measure of ranks in all."""
    ranks = [place.rank for place in line.places.values()]
    return len(ranks) < len(one.columns), sum(ranks) / len(ranks), line.title


def _cell(place: Place | None, one: Standings) -> str:
    if place is None:
        return "—"
    text = f"{estimate(place.score, one.info.digits)} · {place.rank}"
    text = f"**{text}**" if place.rank == 1 else text
    return text if place.bddm is None else f"{text} {_mark(place.bddm)}"


def _mark(against: Against) -> str:
    mark = MARKS[against.outcome]
    return mark if against.firm else f"({mark})"


def _missing(convention: Convention) -> list[str]:
    """Why cells are empty."""
    if not convention.missing:
        return []
    lines = [f"- {reason}: {', '.join(rows)}\n" for reason, rows in convention.missing.items()]
    return ["Not there:\n", "".join(lines)]


def _preparation(convention: Convention) -> list[str]:
    """What searches and their networks cost, before the first item was sampled."""
    if not convention.preparation:
        return []
    lines = []
    for one in convention.preparation:
        network = "—"
        if one.schedule_net_steps is not None and one.schedule_net_seconds is not None:
            network = f"{one.schedule_net_steps} steps, {one.schedule_net_seconds:.0f} s"
        search = [str(one.search_nfe), f"{one.search_seconds:.0f} s"]
        lines.append([one.title, network, *search])
    heads = ["Beforehand, all lengths", "Schedule network", "Search: evaluations", "Search: time"]
    return [table(heads, lines)]


def _origin(track: TrackContest) -> str:
    seconds = track.noise_estimators_seconds
    parts = [] if seconds is None else [f"Training the noise estimators took {seconds:.0f} s.\n"]
    parts += [
        f"From [`{made.page}`]({made.page}), where all metrics, times and costs stand: "
        f"experiment `{made.experiment_sha256[:12]}`, data `{made.data_sha256[:12]}`, commit "
        f"`{(made.commit or 'unknown')[:12]}` (tree {made.tree or 'unknown'}), {made.created}, "
        f"{made.processor}, {made.threads} threads. {_size(made, track.track)} Of its "
        f"{made.times} times {made.unstable_times} are unstable (inter-quartile range above 10 % "
        "of the median): where points of the plot lie close in time, their order may be chance.\n"
        for made in track.origins
    ]
    if PAGES[track.track].contest_note:
        parts.append(f"{PAGES[track.track].contest_note}\n")
    if track.machines > 1:
        parts.append("The plot has times of the first alone: the others are of other machines.\n")
    return "\n".join(parts)


def _size(made: Origin, track: str) -> str:
    """How much was sampled, and how much searched."""
    fewest, most = made.seeds
    seeds = (
        f"{most} noise seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"
    )
    search = made.search
    return (
        f"{made.items} {PAGES[track].item}s of each row from each of {seeds}; searches on grids of "
        f"{search['bins']} × {search['bins']}, judged by {search['judge_items']} "
        f"{PAGES[track].item}s, the best {search['finalists']} of a length again by "
        f"{search['finalist_items']}, with {search['refinements']} refinements."
    )
