"""Quality against network evaluations and against measured time, for each track."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.report.html.commands import run_commands
from benchmarks.report.html.lead import NOUNS, main_convention
from benchmarks.report.html.quality_charts import Shown, charts_of, reference_name
from benchmarks.report.html.section import Details, Part, Section
from benchmarks.report.inline import code, plain
from benchmarks.report.page import NOTHING, Cell, Heading, Prose, Table, estimated, named, table
from benchmarks.report.words import WORDS
from benchmarks.results.folder import MissingResultError
from benchmarks.results.ledger import PapersFigure
from benchmarks.results.places import headline, ranked
from benchmarks.results.ranking_schema import Place, RankedTrack, Ranking
from benchmarks.results.schema import RunResults
from benchmarks.results.store import CONTESTS, LONG
from benchmarks.results.whole import WholeFolder

PAPERS_METRICS = ("pesq_nb_raw", "stoi")  # that the papers print under the same definition
OPEN_CONVENTIONS = 2  # of a run with more, all but the main one are closed at first
SMOKE = "**A smoke run: its budgets are tiny, and its figures mean nothing.**"
NOTE = (
    "Vertical bars are 95 % intervals. The dashed line is {}, the band its interval. A hollow "
    "marker has an unstable time. The boxes switch samplers off and on."
)


def quality_section(results: WholeFolder) -> Section | None:
    """Every track's charts and figures; None where no run was scored."""
    runs, contests = results.runs(), {one.track: one for one in results.ranking}
    parts: list[Part] = []
    for track in dict.fromkeys([*runs, *contests]):
        mine: list[Part] = []
        if track in runs:
            mine += _run_parts(runs[track], _papers(results, track))
        if track in contests:
            title = f"All contestants, {NOUNS.get(track, track).lower()}"
            found = tuple(_contest_parts(contests[track], WORDS[track].contest_note))
            mine.append(Details(title, found))
        if mine:
            parts += [Heading(NOUNS.get(track, plain(track)), 3), *mine]
    if not parts:
        return None
    ranked_runs = (run for place in (CONTESTS, LONG) for run in results.runs(place).values())
    commands = run_commands([*runs.values(), *ranked_runs])
    return Section("quality", "Quality against steps and time", tuple(parts), commands)


def _run_parts(run: RunResults, papers: Sequence[PapersFigure]) -> list[Part]:
    """A run's note and charts; nothing where no row has a score."""
    charts = list(_convention_parts(run, papers))
    note = Prose(WORDS[run.track].note(run))
    smoke = [Prose(SMOKE)] if run.meaningless else []
    return [*smoke, note, *charts] if charts else []


def _convention_parts(run: RunResults, papers: Sequence[PapersFigure]) -> Iterator[Part]:
    names, main = run.convention_names(), main_convention(run)
    for name in sorted(names, key=lambda one: one != main):
        metrics = [*headline(run, name)]
        metrics += [one for one in PAPERS_METRICS if one in run.metrics and one not in metrics]
        rankings = [ranked(run, name, metric) for metric in metrics]
        rankings = [one for one in rankings if one.lines]
        if not rankings:
            continue
        mine = [one for one in papers if one.beside and one.beside.row.startswith(f"{name}/")]
        shown = Shown(f"quality-{run.track}-{name}", WORDS[run.track].item, tuple(mine))
        inner: tuple[Part, ...] = (
            charts_of(rankings, shown, NOTE.format(plain(reference_name(rankings[0])))),
            _figures(rankings, WORDS[run.track].item),
        )
        head = WORDS[run.track].convention_head(run, run.convention(name))
        if len(names) <= OPEN_CONVENTIONS or name == main:
            yield Heading(head, 4)
            yield from inner
        else:
            yield Details(head, inner)


def _contest_parts(track: RankedTrack, note: str) -> Iterator[Part]:
    yield Prose(
        "Coloured: samplers with a point that no other beats in both quality and cost, BDDM, and "
        "plain DDPM and DDIM. "
        f"{note}".strip()
    )
    item = WORDS[track.track].item
    for convention in track.conventions:
        if not convention.rankings:
            continue
        ranking = convention.rankings[0]
        shown = Shown(f"contest-{track.track}-{convention.name}", item)
        if len(track.conventions) > 1:
            yield Heading(f"Data {code(convention.name)}", 4)
        yield charts_of([ranking], shown, NOTE.format(plain(reference_name(ranking))))
        yield _figures([ranking], item)


def _figures(rankings: Sequence[Ranking], item: str) -> Details:
    tables = [_scores(one) for one in rankings]
    return Details("Figures of these charts", (*tables, *_times(rankings[0], item)))


def _scores(ranking: Ranking) -> Table:
    digits, reference = ranking.info.digits, ranking.reference
    heads = [f"{named(ranking.info)} at evaluations", *map(str, ranking.columns)]
    lines: list[list[Cell | str]] = [
        [plain(line.title), *(_score(line.places.get(nfe), digits) for nfe in ranking.columns)]
        for line in ranking.lines.values()
    ]
    caption = ""
    if ranking.reference_score is not None and ranking.reference_score.value is not None:
        told = estimated(ranking.reference_score, digits).text
        caption = f"{named(ranking.info)} of {plain(reference)}: {told}."
    return table(heads, lines, caption)


def _score(place: Place | None, digits: int) -> Cell:
    return Cell(NOTHING) if place is None else estimated(place.score, digits)


def _times(ranking: Ranking, item: str) -> list[Table]:
    lines: list[list[Cell | str]] = [
        [plain(line.title), *(_time(line.places.get(nfe)) for nfe in ranking.columns)]
        for line in ranking.lines.values()
        if any(place.seconds is not None for place in line.places.values())
    ]
    heads = [f"Milliseconds, one {item}, at evaluations", *map(str, ranking.columns)]
    return [table(heads, lines)] if lines else []


def _time(place: Place | None) -> Cell:
    if place is None or place.seconds is None:
        return Cell(NOTHING)
    text = f"{1000 * place.seconds:.3g}"
    return Cell(text if place.stable else f"unstable: {text}", 1000 * place.seconds)


def _papers(results: WholeFolder, track: str) -> list[PapersFigure]:
    """The papers' figures of this track by a metric of the same definition, each once."""
    try:
        ledger = results.ledger
    except MissingResultError:
        return []
    found = [
        one
        for claim in ledger.claims
        for one in claim.figures
        if one.beside is not None
        and one.beside.results == track
        and one.beside.metric in PAPERS_METRICS
        and _is_number(one.value)
    ]
    once = {(str(one.beside), one.value, one.setting): one for one in found}
    return list(once.values())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
