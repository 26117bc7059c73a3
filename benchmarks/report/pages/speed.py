"""The page of speed, from its document alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from benchmarks.report.inline import code, plain
from benchmarks.report.page import (
    Block,
    Bullets,
    Heading,
    Page,
    Prose,
    Table,
    estimate,
    named,
    noted,
    table,
)
from benchmarks.report.pages.speed_samplers import (
    ROUNDS_FOR_INTERVAL,
    median_text,
    samplers_section,
)
from benchmarks.results.search_pairs import SearchPair
from benchmarks.results.speed import OURS, SAMPLERS, Figure, SpeedCase, SpeedDocument
from benchmarks.results.verdicts import Interval, Verdict
from metrics.times import Timing, ratio_of_medians

NOTE = """\
Each row is a call of this project and the same work done otherwise, timed in turns in one process.
A ratio is the other's median time over ours, above 1 where ours is faster; from six rounds on it
has a 95 % bootstrap interval over them. A bar is what was set out to be reached; *within the noise*
is a ratio below it whose interval is not. *Unstable* marks times whose inter-quartile range exceeds
10 % of the median.
"""
SEARCH_NOTE = """\
The papers' search on their full grid with both kernels, and the frugal search, each made by the
same run; what they found is compared on test items and noise that neither had seen, paired.
Percentages are of the network's evaluations, differences are the frugal one's less the papers', and
p is of the test of exchanging pairs, where there is one. *Better* needs the interval and that test;
*as good* is not worse by more than the margin fixed in the experiment; *worse* is worse by more.
"""
GPU_NOTE = """\
Times are of CUDA events. Float32 is float32: TF32 is off. Peak memory is the most that torch had
allocated while our call ran, with what was there before. Searches, scores and start-up are a
processor's work, and stand in `speed.md`. The bars were set for two CPU cores, and are not applied.
"""
NO_BARS = "The bars were set for two CPU cores, and are not applied."
OTHER_BARS = "Bars are those set for a GPU; those of two CPU cores are not applied."
NAMED_CASES = 4  # of one function, each by name; more are counted
SEARCH_SHARE = 0.1  # of the papers' evaluations of the network, at most
GROUPS = {
    "network": "One network evaluation",
    "sampling": "Sampling",
    "search": "Search",
    "training-step": "Training",
    "scoring": "Scoring",
    "startup": "Start-up",
}
GROUPS_ON_GPU = ("network", "sampling", "training-step")


def speed_page(
    document: SpeedDocument, searches: Sequence[SearchPair], on_gpu: SpeedDocument | None = None
) -> Page:
    """The whole page.

    Args:
        document: the measured cases.
        searches: searches compared in the same results folder.
        on_gpu: the folder's document of a GPU, for the page of the CPU to name.
    """
    device = document.provenance.device
    title = "Speed" if document.on_cpu else f"Speed on {plain(device)}"
    blocks: list[Block] = [Heading(title, 1), noted(NOTE)]
    if not document.on_cpu:
        barred = any(case.bars for case in document.cases)
        blocks.append(noted(GPU_NOTE.replace(NO_BARS, OTHER_BARS) if barred else GPU_NOTE))
    if document.machine_busy is None:
        blocks.append(Prose("Whether the machine had other work then was not recorded."))
    elif document.machine_busy:
        blocks.append(Prose("**The machine was busy with other work when this was measured.**"))
    blocks += _measured(document)
    blocks += _unmeasured(document)
    if searches:
        blocks += [Heading("Searches compared"), noted(SEARCH_NOTE), Prose(_summary(searches))]
        blocks.append(_searches(searches))
    if document.on_cpu:
        blocks += [Heading("On a GPU"), Prose(_on_gpu(on_gpu))]
    return Page((*blocks, Prose(_origin(document))))


def _measured(document: SpeedDocument) -> list[Block]:
    """A section for each group of cases, and the names of groups that lack."""
    blocks: list[Block] = []
    for group in dict.fromkeys((SAMPLERS, *GROUPS, *(case.group for case in document.cases))):
        cases = [case for case in document.cases if case.group == group]
        if cases and group == SAMPLERS:
            blocks += [Heading("Whole samplers"), *samplers_section(cases)]
        elif cases:
            blocks += [Heading(GROUPS.get(group, group)), _times(cases)]
            blocks += [_figures(cases)] if any(case.figures for case in cases) else []
            blocks += [_absent(cases)] if any(case.absent for case in cases) else []
    measured = {case.group for case in document.cases}
    wanted = GROUPS if document.on_cpu else GROUPS_ON_GPU
    if lacking := [GROUPS[group].lower() for group in wanted if group not in measured]:
        blocks.append(Prose(f"Not measured: {', '.join(lacking)}."))
    return blocks


def _origin(document: SpeedDocument) -> str:
    """Machine, versions and commit."""
    made = document.provenance
    option = "" if document.on_cpu else " --device cuda"
    return (
        f"Measured on {plain(made.processor)}, {made.cores} cores, {made.threads} threads, "
        f"device {plain(made.device)}, torch {made.packages['torch']}, Python {made.python}; "
        f"{made.code}, {document.created[:10]}. To measure it again: "
        f"`python -m benchmarks speed{option}`."
    )


def _unmeasured(document: SpeedDocument) -> list[Block]:
    """Tests that gave no case, with their reasons."""
    blocks: list[Block] = []
    if document.late:
        blocks.append(Prose(f"Not measured for lack of time: {_named(document.late)}."))
    for heading, reasons in (("Failed", document.failed), ("Not made here", document.skipped)):
        if reasons:
            items = tuple(f"{code(name)}: {plain(reason)}" for name, reason in reasons.items())
            blocks += [Prose(f"{heading}:"), Bullets(items, "*")]
    return blocks


def _named(tests: list[str]) -> str:
    """Tests by name; where one function has many cases, their number."""
    cases: dict[str, list[str]] = {}
    for name in tests:
        cases.setdefault(name.partition("[")[0], []).append(name)
    return ", ".join(
        f"`{function}` ({len(names)} cases)"
        if len(names) > NAMED_CASES
        else ", ".join(f"`{name}`" for name in names)
        for function, names in cases.items()
    )


def _on_gpu(document: SpeedDocument | None) -> str:
    if document is None:
        return "Not tested here: `python -m benchmarks speed --device cuda`."
    return (
        f"[`speed-cuda.md`](speed-cuda.md): the same cases on {plain(document.provenance.device)}."
    )


def _times(cases: list[SpeedCase]) -> Table:
    lines = []
    for case in cases:
        own = Timing(tuple(case.seconds[OURS]))
        notes = ", ".join(f"{key} {_note(value)}" for key, value in case.notes.items())
        title = plain(f"{case.title} ({notes})" if notes else case.title)
        others = {name: times for name, times in case.seconds.items() if name != OURS}
        lines.append([title, median_text(own), "", "", "", ""])
        for name, times in others.items():
            other = Timing(tuple(times))
            ratio = Interval.of(ratio_of_medians(other, own, seed=0))
            if len(times) < ROUNDS_FOR_INTERVAL:
                ratio = ratio.model_copy(update={"low": None, "high": None})
            bar = case.bars.get(name)
            lines.append(
                [
                    "",
                    "",
                    plain(name),
                    median_text(other),
                    estimate(ratio, 2) + " ×",
                    "" if bar is None else f"{bar:g} × {_reached(ratio, bar)}",
                ]
            )
    return table(["What", "Ours", "Against", "Theirs", "Ratio", "Bar"], lines)


def _note(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _reached(ratio: Interval, bar: float) -> str:
    if ratio.value is not None and ratio.value >= bar:
        return "reached"
    within = ratio.high is not None and ratio.high >= bar
    return "within the noise" if within else "**missed**"


def _figures(cases: list[SpeedCase]) -> Table:
    lines = [
        [plain(case.title), plain(figure.name), _number(figure), _bar_of(figure)]
        for case in cases
        for figure in case.figures
    ]
    return table(["Case", "Figure", "Value", "Bar"], lines)


def _number(figure: Figure) -> str:
    return f"{figure.value:.1%}" if figure.is_share else f"{figure.value:.3g}"


def _bar_of(figure: Figure) -> str:
    shown = "{:.0%}" if figure.is_share else "{:g}"
    if figure.at_most is not None:
        verdict = "reached" if figure.value <= figure.at_most else "**missed**"
        return f"at most {shown.format(figure.at_most)}: {verdict}"
    if figure.at_least is not None:
        verdict = "reached" if figure.value >= figure.at_least else "**missed**"
        return f"at least {shown.format(figure.at_least)}: {verdict}"
    return ""


def _absent(cases: list[SpeedCase]) -> Bullets:
    items = (
        plain(f"{case.title}, not compared with {name}: {reason}.")
        for case in cases
        for name, reason in case.absent.items()
    )
    return Bullets(tuple(items), "*")


def _summary(pairs: Sequence[SearchPair]) -> str:
    share = max(cheap / full for full, cheap in (pair.nfe.values() for pair in pairs))
    reached = "reached" if share <= SEARCH_SHARE else "**missed**"
    found = [verdict for pair in pairs for verdict in pair.verdicts.values()]
    counts = ", ".join(f"{found.count(verdict)} {verdict}" for verdict in get_args(Verdict))
    as_good = "open where undecided" if "undecided" in found else "reached"
    behind = sum(pair.verdicts[n] != "worse" for pair in pairs for n in pair.behind)
    return (
        f"Evaluations of the network: {share:.1%} of the papers' at most (bar: {SEARCH_SHARE:.0%}, "
        f"{reached}). Schedules that the frugal search found, {len(found)} comparisons: {counts} "
        f"(bar: none worse, {'**missed**' if 'worse' in found else as_good}); of those as good or "
        f"undecided, {behind} are behind by interval and test, however little."
    )


def _searches(pairs: Sequence[SearchPair]) -> Table:
    steps = sorted({count for pair in pairs for count in pair.differences})
    lines = []
    for pair in pairs:
        (full, cheap), (slow, quick) = pair.nfe.values(), pair.seconds.values()
        lines.append(
            [
                f"`{pair.source}` {pair.convention}",
                named(pair.info),
                f"{full} → {cheap} ({cheap / full:.1%})",
                f"{slow:.0f} → {quick:.0f}",
                *(_difference(pair, count) for count in steps),
            ]
        )
    heads = ["Results", "Metric", "NFE", "Seconds", *(f"{n} steps" for n in steps)]
    return table(heads, lines, keys=2)


def _difference(pair: SearchPair, steps: int) -> str:
    if steps not in pair.differences:
        return "—"
    p = pair.p[steps]
    text = estimate(pair.differences[steps], pair.info.digits, "+")
    tested = text if p is None else f"{text}, p = {p:.2g}"
    return f"{tested}: {pair.verdicts[steps]}"
