"""The page of the image track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.report.page import table
from benchmarks.report.words.base import Page, floor_line
from benchmarks.results.schema import Comparison, Results, RowResult


class ImagesPage(Page):
    """Sets of images, compared with sets of images."""

    item = "image"
    contest_note = (
        "A distance of few images is larger than one of many: figures of this page and of others "
        "can be compared only where the numbers of images are equal."
    )

    def note(self, results: Results) -> str:
        """What was scored, and how."""
        judge, name = results.judge or {}, results.data["name"]
        lines = [
            f"Images like those of `{name}`, compared with {judge['reference_images']} images of "
            f"its {judge['reference']} split by {judge['dimensions']} features of the network "
            f"`{judge['name']}`. {judge['distance']} is the Fréchet distance of these features",
            "" if judge["distance"] == "FID" else ", which is not FID",
            "; a smaller number of images makes it larger, so compare at equal numbers, and with "
            "the floor: as many images of the other split in the samples' place. Brackets: 95 % "
            "bootstrap over the samples' features, the reference fixed; of recall, over the "
            "reference images that it counts, the samples fixed.",
        ]
        return "".join(lines)

    def convention_head(self, results: Results, convention: dict[str, Any]) -> str:
        """Clipped or not."""
        how = "clipped to [−1, 1]" if convention["clip"] else "not clipped"
        return f"## Convention `{convention['name']}` (clean estimates {how})\n"

    def verdict_note(self, results: Results, comparisons: Sequence[Comparison]) -> str:
        """The margin, and what was resampled."""
        margin = results.experiment["margins"]["fd"]
        return (
            "Differences at equal numbers of images, from the same noise; the bootstrap draws the "
            "same images of both. *better*: interval below 0 and p < 0.05, p of exchanging the two "
            "samplers' images at random; *as good*: not worse by more than the margin fixed "
            f"beforehand ({margin:.0%} of the distance it is held against); *worse*: worse by more "
            "than it; else *undecided*. One trained network is one draw."
        )

    def floor_lines(
        self, results: Results, rows: Sequence[RowResult], width: int
    ) -> list[list[str]]:
        """Images of the data in the samples' place."""
        return [
            floor_line(results, metrics, count, width) for count, metrics in results.floors.items()
        ]

    def appendix(self, results: Results, rows: Sequence[RowResult]) -> list[str]:
        """How many of each row's images the classifier puts in each class, in per cent."""
        judge = results.judge or {}
        counted = [(f"{row.title}, {row.steps} steps", row.classes) for row in rows if row.classes]
        if not counted:
            return []
        if "test_classes" in judge:
            counted.append(("*Test images*", judge["test_classes"]))
        heads = [
            "Share of images in class, %",
            *(str(i) for i in range(len(counted[0][1]))),
        ]
        lines = [
            [name, *(f"{100 * count / sum(counts):.1f}" for count in counts)]
            for name, counts in counted
        ]
        note = (
            f"By the classifier, which names {judge['test_accuracy']:.1%} of the test images "
            "rightly."
            if judge.get("test_accuracy") is not None
            else ""
        )
        return [f"{table(heads, lines)}\n{note}\n"]
