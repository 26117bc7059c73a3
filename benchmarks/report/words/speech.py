"""The page of the speech track."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.core.experiment import Convention
from benchmarks.report.inline import code, plain
from benchmarks.report.page import Block, Prose
from benchmarks.report.words.base import Line, TrackWords, data_line
from benchmarks.results.ranking_schema import ENOUGH_SEEDS
from benchmarks.results.schema import Comparison, RowResult, RunResults
from benchmarks.results.verdicts import Interval

PREDICTED = (
    "*Predicted* MOS is a model's guess at what listeners would say, and nobody listened: compare "
    "with the line *Recordings*. DistillMOS appends zeros to clips shorter than 7.68 s, which "
    "hides faults; DNSMOS repeats those shorter than 9.01 s."
)

LEFT_OUT = (
    "Missing scores are left out: a mean is over the scored clips of its row, so that rows with "
    "missing scores are means over different clips."
)


class SpeechWords(TrackWords):
    """Clips, scored one by one."""

    item = "clip"
    with_rtf = True
    counts_items = False

    def note(self, results: RunResults) -> str:
        """A paragraph on how samples were scored."""
        count = len(results.data.test_items)
        of_each = results.settings.clips_per_recording
        recordings = f" of {count // of_each} recordings" if of_each > 1 else ""
        note = (
            f"{count} test clips of {results.clip_seconds:.2f} s from {code(results.data.name)}"
            f"{recordings}; means with 95 % intervals over recordings ({_method(results)})."
            f"{self.covered(results)}"
        )
        note += _clipped(results)
        return f"{note} {PREDICTED}" if results.floors else note

    def units(self, results: RunResults) -> str:
        """Recordings, whose clips are averaged."""
        return "recordings"

    def convention_head(self, results: RunResults, convention: Convention) -> str:
        """The amplitude."""
        name, amplitude = convention.name, convention.amplitude
        return f"Amplitude convention {code(name)} (recordings × {amplitude:g})"

    def floor_lines(self, results: RunResults, rows: Sequence[RowResult]) -> list[Line]:
        """The recordings in the samples' place, where a metric needs no reference."""
        return [
            data_line(results, metrics, ("*Recordings*", _share(results, metrics, count)))
            for count, metrics in results.floors.items()
        ]

    def appendix(self, results: RunResults, rows: Sequence[RowResult]) -> list[Block]:
        """A line for each row with clips that a metric could not score: how many, and why."""
        lines: list[Block] = [Prose(_unscored(row, results)) for row in rows if row.unscored]
        return [Prose(LEFT_OUT), *lines] if lines else []

    def verdict_note(self, results: RunResults, comparisons: Sequence[Comparison]) -> str:
        """Margins, and how many seeds a verdict needs."""
        unique = {c.metric: c for c in comparisons}.values()
        margins = ", ".join(
            f"{plain(results.metrics[c.metric].title)} {c.margin:g}" for c in unique
        )
        note = (
            "Paired differences over recordings. *better*: interval above 0 and sign-flip p < "
            f"0.05; *as good*: not worse by more than the margin fixed beforehand ({margins}); "
            f"*worse*: worse by more than it; else *undecided*. {_tested_at_margin(comparisons)}"
        )
        total = len(results.data.test_items) // results.settings.clips_per_recording
        fewer = [c for c in comparisons if c.difference.n < total]
        if fewer:
            pairs = ", ".join(
                f"{c.row_key.name} against {c.against_key.name} by "
                f"{results.metrics[c.metric].title} on {c.difference.n}"
                for c in fewer
            )
            note += f" Recordings without a score in either row are left out; of {total}: {pairs}."
        if any(c.seeds < ENOUGH_SEEDS for c in comparisons):
            note += f" Verdicts with fewer than {ENOUGH_SEEDS} noise seeds are indications only."
        return note


def _unscored(row: RowResult, results: RunResults) -> str:
    """Sentence with the missing scores of a row."""
    parts = [
        f"{results.metrics[metric].title} {count} of {row.n_total} ({reason.rstrip('.')})"
        for metric, reasons in row.unscored.items()
        for reason, count in reasons.items()
    ]
    return f"Not scored in {row.title} at {row.steps} steps: {'; '.join(parts)}."


def _share(results: RunResults, metrics: dict[str, Interval], count: str) -> str:
    """Recordings that every metric could score, of all."""
    scored = min(interval.n for interval in metrics.values())
    return f"{scored} / {int(count) // results.settings.clips_per_recording}"


def _method(results: RunResults) -> str:
    """The method of a run's intervals; documents of earlier versions have bootstraps."""
    known = any(one.se is not None for row in results.rows for one in row.metrics.values())
    if not known:
        return "BCa bootstrap, noise seeds averaged per clip"
    return "Student's t corrected for skewness; clips and noise seeds of a recording are averaged"


def _tested_at_margin(comparisons: Sequence[Comparison]) -> str:
    """Tell whether the sign-flip test was made at the margin, too."""
    if any(one.p_margin is not None for one in comparisons):
        return "Both need the sign-flip test at the margin, too."
    return "Both rest on the interval alone."


def _clipped(results: RunResults) -> str:
    """A sentence on the samples that were clipped; earlier versions scored floats."""
    rows = [row for row in results.rows if row.clipped is not None]
    if not rows:
        return ""
    found = [f"{row.key} {row.clipped}" for row in rows if row.clipped]
    told = f"clipped samples: {', '.join(found)}" if found else "no sample was clipped"
    return f" Samples are rounded to 16 bit before scoring; {told}."
