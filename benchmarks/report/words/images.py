"""The page of the image track."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.core.experiment import Convention
from benchmarks.report.inline import code, plain
from benchmarks.report.page import Block, Prose, table
from benchmarks.report.words.base import Line, TrackWords, floor_line
from benchmarks.results.schema import Comparison, Judge, RowResult, RunResults

OF_SEEDS = (
    " Rows with three seeds or more have the mean over their seeds' sets, and brackets by "
    "Student's t over the sets."
)
BY_SEEDS = (
    " Rows with three seeds or more are compared by Student's t over the differences of equal "
    "seeds, or by Welch's t where seeds differ; p is of flipped signs from six differences on. "
    "At the margin, too, six differences are tested, and the interval alone decides for fewer."
)


class ImagesWords(TrackWords):
    """Sets of images, compared with sets of images."""

    item = "image"
    contest_note = (
        "A distance of few images is larger than one of many: figures of this page and of others "
        "can be compared only where the numbers of images are equal."
    )

    def note(self, results: RunResults) -> str:
        """A paragraph on how samples were scored."""
        judge, name = _judge(results), results.data.name
        lines = [
            f"Images like those of {code(name)}, compared with {judge.reference_images} images of "
            f"its {plain(judge.reference)} split by {judge.dimensions} features of the network "
            f"{code(judge.name)}. {plain(judge.distance)} is the Fréchet distance of these "
            "features",
            "" if judge.distance == "FID" else ", which is not FID",
            "; a smaller number of images makes it larger, so compare at equal numbers, and with "
            "the floor: as many images of the other split in the samples' place. Brackets: 95 % "
            "bootstrap over the samples' features, the reference fixed; of recall, over the "
            "reference images that it counts, the samples fixed.",
            OF_SEEDS if _has_sets(results) else "",
            self.covered(results),
        ]
        return "".join(lines)

    def units(self, results: RunResults) -> str:
        """The noun for images, whose resampling gives intervals."""
        return "images"

    def convention_head(self, results: RunResults, convention: Convention) -> str:
        """Clipped or not."""
        how = "clipped to [−1, 1]" if convention.clip else "not clipped"
        return f"Convention {code(convention.name)} (clean estimates {how})"

    def verdict_note(self, results: RunResults, comparisons: Sequence[Comparison]) -> str:
        """The margin, and what was resampled."""
        margin = results.settings.margins["fd"]
        return (
            "Differences at equal numbers of images, from the same noise; the bootstrap draws the "
            "same images of both. *better*: interval below 0 and p < 0.05, p of exchanging the two "
            "samplers' images at random; *as good*: not worse by more than the margin fixed "
            f"beforehand ({margin:.0%} of the distance it is held against"
            f"{_by_floor(comparisons)}); *worse*: worse by more than it; else *undecided*."
            f"{BY_SEEDS if _has_sets(results) else ''} One trained network is one draw."
        )

    def floor_lines(self, results: RunResults, rows: Sequence[RowResult]) -> list[Line]:
        """Images of the data in the samples' place."""
        return [floor_line(results, metrics, count) for count, metrics in results.floors.items()]

    def appendix(self, results: RunResults, rows: Sequence[RowResult]) -> list[Block]:
        """Percentage of each row's images that the classifier puts in each class."""
        judge = _judge(results)
        counted = [
            (f"{plain(results.titles[row.contestant])}, {row.steps} steps", row.classes)
            for row in rows
            if row.classes
        ]
        if not counted:
            return []
        if judge.test_classes is not None:
            counted.append(("*Test images*", judge.test_classes))
        heads = [
            "Share of images in class, %",
            *(str(i) for i in range(len(counted[0][1]))),
        ]
        lines = [
            [name, *(f"{100 * count / sum(counts):.1f}" for count in counts)]
            for name, counts in counted
        ]
        note = (
            f"By the classifier, which names {judge.test_accuracy:.1%} of the test images rightly."
            if judge.test_accuracy is not None
            else ""
        )
        return [table(heads, lines), Prose(note)]


def _judge(results: RunResults) -> Judge:
    assert results.judge is not None  # every run of images has one
    return results.judge


def _has_sets(results: RunResults) -> bool:
    """Tell whether distances are means over the sets of seeds."""
    return any(_is_mean(row) for row in results.rows)


def _is_mean(row: RowResult) -> bool:
    found = row.metrics.get("fd")
    return found is not None and found.df is not None and 0 < found.n < row.n_total


def _by_floor(comparisons: Sequence[Comparison]) -> str:
    """Name the margins that are what the images can resolve."""
    floors = [one for one in comparisons if one.margin_from == "floor"]
    if not floors:
        return ""
    sizes = sorted({(one.items or 0, one.margin) for one in floors})
    told = ", ".join(f"{margin:.3g} at {items} images" for items, margin in sizes)
    share = "all" if len(floors) == len(comparisons) else f"{len(floors)} of {len(comparisons)}"
    return (
        f", but at least half of the floor's interval, {told}, which is the margin of {share} "
        "differences"
    )
