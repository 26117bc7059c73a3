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
        note = (
            f"{len(results.data.test_items)} test clips of {results.clip_seconds:.2f} s from "
            f"{code(results.data.name)}; means with 95 % BCa bootstrap intervals over clips (noise "
            "seeds averaged per clip)."
        )
        return f"{note} {PREDICTED}" if results.floors else note

    def convention_head(self, results: RunResults, convention: Convention) -> str:
        """The amplitude."""
        name, amplitude = convention.name, convention.amplitude
        return f"Amplitude convention {code(name)} (recordings × {amplitude:g})"

    def floor_lines(self, results: RunResults, rows: Sequence[RowResult], width: int) -> list[Line]:
        """The recordings in the samples' place, where a metric needs no reference."""
        return [
            data_line(results, metrics, ("*Recordings*", f"{_scored(metrics)} / {count}"), width)
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
            f"Paired differences over clips. *better*: interval above 0 and sign-flip p < 0.05; "
            f"*as good*: not worse by more than the margin fixed beforehand ({margins}); *worse*: "
            "worse by more than it; else *undecided*."
        )
        total = len(results.data.test_items)
        fewer = [c for c in comparisons if c.difference.n < total]
        if fewer:
            pairs = ", ".join(
                f"{c.row_key.name} against {c.against_key.name} by "
                f"{results.metrics[c.metric].title} on {c.difference.n}"
                for c in fewer
            )
            note += f" Clips without a score in either row are left out; of {total}: {pairs}."
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


def _scored(metrics: dict[str, Interval]) -> int:
    """Clips that every metric could score."""
    return min(interval.n for interval in metrics.values())
