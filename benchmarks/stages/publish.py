"""Writes a results folder: the document of a run, its items, examples and page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import SUMS, sha256_of, write_listed
from benchmarks.core.rows import Sampled, Watched
from benchmarks.report.registry import publish_with
from benchmarks.results.items import write_items
from benchmarks.results.schema import RunResults
from benchmarks.stages.context import Context


def items_text(records: Sequence[Mapping[str, Any]]) -> str:
    """The file of per-item scores: one JSON record a line."""
    return "".join(json.dumps(record) + "\n" for record in records)


def digest_of(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def publish_run(
    results: RunResults,
    items: str,
    rows: tuple[Sequence[Sampled], Sequence[Watched]],
    context: Context,
    folder: Path,
    score_weights: Path,
) -> Path:
    """Write ``<track>.json`` or ``.json.gz``, ``.md``, ``-items.jsonl.gz`` and some examples.

    Where the experiment says so, the trained score network goes along, with its card. All files
    appear in one step. The document lists the checksums of examples and weights.

    Args:
        results: the document, without the checksums.
        items: the per-item scores, as text.
        rows: the samples of all rows, and the clean estimates of some.
        context: the run.
        folder: the results folder.
        score_weights: the score network's weights.

    Returns:
        The page, ``<track>.md``.
    """
    document = Path(f"{context.experiment.track}.json")

    def filled(new: Path) -> RunResults:
        context.track.scores.keep_examples(*rows, new)
        if context.experiment.publish_weights:
            _keep_weights(score_weights, new / "weights" / f"{document.stem}-score.safetensors")
        told = {"files": _digests(new), "experiment_name": context.name or None}
        write_items(new / document, items)
        return results.model_copy(update=told)

    return publish_with(folder / document, filled)


def _digests(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256 of each file below a folder, without the lists of checksums."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _keep_weights(source: Path, target: Path) -> None:
    for suffix in (".safetensors", ".json"):
        if source.with_suffix(suffix).is_file():
            content = source.with_suffix(suffix).read_bytes()
            write_listed(target.with_suffix(suffix), partial(Path.write_bytes, data=content))
