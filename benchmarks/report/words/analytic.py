"""The page of the analytic track."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.core.experiment import EXACT, Convention
from benchmarks.report.inline import code
from benchmarks.report.words.base import Line, TrackWords, floor_line
from benchmarks.results.schema import Comparison, RowResult, RunResults

OF_SEEDS = (
    " Rows with three seeds or more have the mean over their seeds' sets, and brackets by "
    "Student's t over the sets. KL varies between repeats of training and search, and not "
    "between noise seeds."
)
BY_SEEDS = (
    " Rows with three seeds or more are compared by Student's t over the differences of equal "
    "seeds, or by Welch's t where seeds differ; p is of flipped signs from six differences on. "
    "Fewer differences of KL between repeats are tested by Student's t."
)


class AnalyticWords(TrackWords):
    """Vectors of known distributions."""

    item = "vector"
    contest_note = (
        "KL is computed exactly from a sampler's moments: it has no interval, and its marks "
        "compare two numbers."
    )

    def note(self, results: RunResults) -> str:
        """A paragraph on how samples were scored."""
        if _is_exact(results):
            kind = (
                "the exact score. KL is exact: the mean and variance of a sampler's Gaussian "
                "output are read off its samples and the noise they came from."
            )
        else:
            kind = "trained on draws from them."
        return (
            "Vectors from distributions of which everything is known; the score network is "
            f"{kind} Energy distance (unbiased, may be "
            "below 0) and sliced Wasserstein-2 distance compare samples with "
            f"{results.data.splits['test']} draws from the data; floor: as many draws in the "
            "samples' place. Brackets: 95 % bootstrap over the samples, the draws fixed."
            f"{OF_SEEDS if _has_sets(results) else ''}{self.covered(results)}"
        )

    def units(self, results: RunResults) -> str:
        """The noun for vectors, whose resampling gives intervals."""
        return "vectors"

    def convention_head(self, results: RunResults, convention: Convention) -> str:
        """Distribution, and the error of its score."""
        size = convention.error
        score = f"score with an error of {size:g} rms" if size else "exact score"
        if not _is_exact(results):
            score = "trained score network"
        return f"Data {code(convention.data or results.settings.data)} ({score})"

    def verdict_note(self, results: RunResults, comparisons: Sequence[Comparison]) -> str:
        """The margins."""
        margins = results.settings.margins
        by_kl = {(c.row, c.against) for c in comparisons if c.metric == "kl"}
        both = any(c.metric == "energy" and (c.row, c.against) in by_kl for c in comparisons)
        exact = (
            f"of KL (exact; margin {margins['kl']:g} nats) where both outputs are Gaussian, "
            f"{'and' if both else 'else'} "
        )
        return (
            f"Differences {exact if _is_exact(results) else ''}of the energy distance "
            f"(margin {margins['energy']:g}; *better* needs "
            "its interval below 0 and p < 0.05, p of exchanging the two samplers' vectors at "
            "random). *as good*: not worse by more than the margin fixed beforehand; *worse*: "
            f"worse by more than it; else *undecided*.{BY_SEEDS if _has_sets(results) else ''}"
        )

    def floor_lines(self, results: RunResults, rows: Sequence[RowResult]) -> list[Line]:
        """Draws from the data in the samples' place."""
        lines = []
        for key, metrics in results.floors.items():
            convention, count = key.rsplit("/", 1)
            if convention == rows[0].convention:
                lines.append(floor_line(results, metrics, count))
        return lines


def _is_exact(results: RunResults) -> bool:
    return results.settings.score_net.network == EXACT


def _has_sets(results: RunResults) -> bool:
    """Tell whether distances are means over the sets of seeds."""
    found = [(row.metrics.get("energy"), row.n_total) for row in results.rows]
    return any(one is not None and one.df is not None and 0 < one.n < total for one, total in found)
