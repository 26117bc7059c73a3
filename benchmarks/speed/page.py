"""The page of speed, from its document alone."""

from __future__ import annotations

from benchmarks.report.cells import estimate, table
from benchmarks.report.evaluation import interval_of
from benchmarks.report.schema import Interval
from benchmarks.speed.case import OURS
from benchmarks.speed.schema import Figure, SearchPair, SpeedCase, SpeedDocument
from metrics.timing import Timing, ratio_of_medians

NOTE = """\
Each row is a call of this project and the same work done otherwise, timed in turns in one process.
A ratio is the other's median time over ours, above 1 where ours is faster, with a 95 % bootstrap
interval over the rounds. A bar is what was set out to be reached, *within the noise* a ratio below
it whose interval is not; *unstable* marks times whose
inter-quartile range exceeds 10 % of the median.
"""
SEARCH_NOTE = """\
The papers' search on their full grid with both kernels, and the frugal search, each made by the
same run; what they found is compared on test items and noise that neither had seen, paired. The
share is of the network's evaluations.
"""
GROUPS = {
    "network": "One network evaluation",
    "sampling": "Sampling",
    "search": "Search",
    "training-step": "Training",
    "scoring": "Scoring",
    "startup": "Start-up",
}


def speed_page(document: SpeedDocument) -> str:
    """The whole page."""
    made = document.provenance
    parts = ["# Speed\n", NOTE]
    if document.machine_busy:
        parts.append("**The machine was busy with other work when this was measured.**\n")
    for group, title in GROUPS.items():
        cases = [case for case in document.cases if case.group == group]
        if cases:
            parts += [f"## {title}\n", _times(cases)]
            parts += [_figures(cases)] if any(case.figures for case in cases) else []
            parts += [_absent(cases)] if any(case.absent for case in cases) else []
    if document.searches:
        parts += ["## Searches compared\n", SEARCH_NOTE, _searches(document.searches)]
    if made["device"] == "cpu":
        parts += ["## On a GPU\n", "Not tested here: `python -m benchmarks speed --device cuda`.\n"]
    origin = (
        f"Measured on {made['processor']}, {made['cores']} cores, {made['threads']} threads, "
        f"device {made['device']}, torch {made['packages']['torch']}, Python {made['python']}; "
        f"commit `{(made['commit'] or 'unknown')[:12]}` (tree {made['tree'] or 'unknown'}), "
        f"{document.created[:10]}. To measure it again: `python -m benchmarks speed`.\n"
    )
    return "\n".join([*parts, origin])


def _times(cases: list[SpeedCase]) -> str:
    lines = []
    for case in cases:
        own = Timing(tuple(case.seconds[OURS]))
        notes = ", ".join(f"{key} {_plain(value)}" for key, value in case.notes.items())
        title = f"{case.title} ({notes})" if notes else case.title
        others = {name: times for name, times in case.seconds.items() if name != OURS}
        lines.append([title, _median(own), "", "", "", ""])
        for name, times in others.items():
            other = Timing(tuple(times))
            ratio = interval_of(ratio_of_medians(other, own, seed=0))
            bar = case.bars.get(name)
            lines.append(
                [
                    "",
                    "",
                    name,
                    _median(other),
                    estimate(ratio, 2) + " ×",
                    "" if bar is None else f"{bar:g} × {_reached(ratio, bar)}",
                ]
            )
    return table(["What", "Ours", "Against", "Theirs", "Ratio", "Bar"], lines)


def _median(timing: Timing) -> str:
    median = timing.median
    text = f"{median:.2f} s" if median >= 1 else f"{1000 * median:.3g} ms"
    return text if timing.is_stable else f"{text}, *unstable*"


def _plain(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _reached(ratio: Interval, bar: float) -> str:
    if ratio.value is not None and ratio.value >= bar:
        return "reached"
    within = ratio.high is not None and ratio.high >= bar
    return "within the noise" if within else "**missed**"


def _figures(cases: list[SpeedCase]) -> str:
    lines = [
        [case.title, figure.name, _number(figure), _bar_of(figure)]
        for case in cases
        for figure in case.figures
    ]
    return table(["Case", "Figure", "Value", "Bar"], lines)


def _number(figure: Figure) -> str:
    return f"{figure.value:.1%}" if "share" in figure.name else f"{figure.value:.3g}"


def _bar_of(figure: Figure) -> str:
    shown = "{:.0%}" if "share" in figure.name else "{:g}"
    if figure.at_most is not None:
        verdict = "reached" if figure.value <= figure.at_most else "**missed**"
        return f"at most {shown.format(figure.at_most)}: {verdict}"
    if figure.at_least is not None:
        verdict = "reached" if figure.value >= figure.at_least else "**missed**"
        return f"at least {shown.format(figure.at_least)}: {verdict}"
    return ""


def _absent(cases: list[SpeedCase]) -> str:
    return "".join(
        f"* {case.title}, not compared with {name}: {reason}.\n"
        for case in cases
        for name, reason in case.absent.items()
    )


def _searches(pairs: list[SearchPair]) -> str:
    steps = sorted({int(count) for pair in pairs for count in pair.differences})
    lines = []
    for pair in pairs:
        (full, cheap), (slow, quick) = pair.nfe.values(), pair.seconds.values()
        cells = [pair.differences.get(str(count)) for count in steps]
        lines.append(
            [
                f"`{pair.source}` {pair.convention}",
                f"{full} → {cheap} ({cheap / full:.1%})",
                f"{slow:.0f} → {quick:.0f}",
                f"{pair.metric} {'↑' if pair.higher_is_better else '↓'}",
                *(estimate(cell, pair.digits, "+") for cell in cells),
            ]
        )
    return table(["Results", "NFE", "Seconds", "Metric", *(f"{n} steps" for n in steps)], lines)
