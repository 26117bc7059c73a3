"""Writes a results folder: the document of a run, its items, examples and page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import write_listed
from benchmarks.core.rows import Sampled
from benchmarks.report.registry import publish
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
    sampled: Sequence[Sampled],
    context: Context,
    folder: Path,
    score_weights: Path,
) -> Path:
    """Write ``<track>.json`` or ``.json.gz``, ``.md``, ``-items.jsonl.gz`` and some examples.

    Where the experiment says so, the trained score network goes along, with its card.

    Returns:
        The page, ``<track>.md``.
    """
    track = context.experiment.track
    write_items(folder / f"{track}.json", items)
    page = publish(folder / f"{track}.json", results)
    context.track.scores.keep_examples(sampled, folder)
    if context.experiment.publish_weights:
        _keep_weights(score_weights, folder / "weights" / f"{track}-score.safetensors")
    return page


def _keep_weights(source: Path, target: Path) -> None:
    for suffix in (".safetensors", ".json"):
        if source.with_suffix(suffix).is_file():
            content = source.with_suffix(suffix).read_bytes()
            write_listed(target.with_suffix(suffix), partial(Path.write_bytes, data=content))
