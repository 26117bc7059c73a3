"""Counts of images, compared with those that the distances of an experiment take."""

from __future__ import annotations

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.rows import rows_of
from benchmarks.data.images import ImageSet


def enough(experiment: Experiment, images: ImageSet, dimensions: int) -> list[str]:
    """Compare counts of images with those that judge, floor and examples take.

    Args:
        experiment: the experiment.
        images: the data.
        dimensions: number of feature dimensions.

    Returns:
        Sentences about sets that are smaller than asked for.

    Raises:
        ExperimentError: a set has fewer images than feature dimensions.
    """
    search, image = experiment.search, experiment.image
    counts = {"search.judge_items": search.judge_items}
    counts["search.finalist_items"] = search.finalist_items
    counts |= {f"rows: {row.name}": row.items * row.seeds for row in rows_of(experiment)}
    counts["image.judge_reference"] = image.judge_reference
    for where, count in counts.items():
        if count < dimensions:
            raise ExperimentError(
                f"{where}: {count} images are too few for a Fréchet distance of {dimensions} "
                f"feature dimensions; make it {dimensions} or more"
            )
    sizes = images.sizes()
    for split, count in sizes.items():
        if count < dimensions:
            raise ExperimentError(
                f"data: {images.name} has {count} images in its {split} split, too few for "
                f"{dimensions} feature dimensions; give a larger data set"
            )
    return _fewer(experiment, sizes)


def _fewer(experiment: Experiment, sizes: dict[str, int]) -> list[str]:
    """Sentences about sets that the data make smaller than asked for."""
    other = "train" if experiment.image.reference == "test" else "test"
    asked = {
        "image.judge_reference": ("valid", experiment.image.judge_reference),
        "search.finalist_items, for examples": ("valid", experiment.search.finalist_items),
        "the floor, as many as the largest row": (
            other,
            max(row.items * row.seeds for row in rows_of(experiment)),
        ),
        "grid_items": ("test", experiment.grid_items),
    }
    return [
        f"{field}: {count} images are asked for, and all {sizes[split]} of the {split} split serve"
        for field, (split, count) in asked.items()
        if count > sizes[split]
    ]
