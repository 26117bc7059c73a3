"""The fields of an experiment that use imported networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.identity import as_dict, convention_inputs
from benchmarks.core.loading import load
from benchmarks.interop.base import Imported
from benchmarks.runtime.checkout import REPOSITORY

UNKNOWN = {"speech": "raw"}  # convention of a schedule network of unknown convention; else: plain


def snippet(found: Sequence[tuple[Imported, Path]], origin: str) -> str:
    """YAML of an experiment that uses some networks.

    Args:
        found: networks of one file, and the files of their weights.
        origin: a comment for the first line.
    """
    fields: dict[str, Any] = {"track": found[0][0].track}
    training = found[0][0].training
    if training is not None:
        fields["training_schedule"] = as_dict(training)
    for imported, weights in found:
        place = _from_repository(weights)
        fields |= _fields(imported, place)
    text = yaml.safe_dump(fields, sort_keys=False, default_flow_style=None, width=100)
    return f"# {origin}\n{text}"


def weights_in(file: Path) -> tuple[Path, ...]:
    """Weights that an experiment names, beside its file or in the repository.

    Raises:
        ExperimentError: the file is no experiment.
        UserError: the experiment names no weights, or several schedule networks.
    """
    experiment = load(str(file))
    named = [experiment.score_net.weights, *experiment.schedule_net.weights.values()]
    if len(experiment.schedule_net.weights) > 1:
        raise UserError(f"{file} names several schedule networks; give the weights of one")
    paths = [Path(path) for path in named if path is not None]
    if not paths:
        raise UserError(f"{file} names no weights; give a weights file")
    beside = [file.with_name(path.name) for path in paths]
    return tuple(
        near if near.is_file() else REPOSITORY / path
        for near, path in zip(beside, paths, strict=True)
    )


def told(training: LinearSchedule | None) -> str:
    """A training schedule in words."""
    if training is None:
        return "not known"
    return f"T = {training.T}, beta {training.start:g} to {training.end:g}"


def _from_repository(path: Path) -> str:
    """Path as experiments write paths: relative to the repository, or from the root."""
    path = path.resolve()
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


def _fields(imported: Imported, weights: str) -> dict[str, Any]:
    net: dict[str, Any] = {"network": imported.network, "size": imported.size}
    if imported.role == "score_net":
        if imported.track == "speech" and imported.amplitude is not None:
            net["amplitude"] = imported.amplitude
        fields: dict[str, Any] = {"score_net": net | {"weights": weights}}
        channels = imported.size.get("image_channels")
        return fields | ({"image": {"channels": channels}} if channels else {})
    if imported.convention is None:
        name = UNKNOWN.get(imported.track, "plain")
        return {"schedule_net": net | {"weights": {name: weights}}}
    convention = convention_inputs(imported.convention)
    fields = {"conventions": [convention]}
    return fields | {"schedule_net": net | {"weights": {convention["name"]: weights}}}
