"""Writes a results folder: the document of a run, its items, schedules, examples and page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import write_with_checksum
from benchmarks.core.rows import Sampled
from benchmarks.report.registry import publish
from benchmarks.results.schema import PAPERS_SEARCH, RunResults
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
    """Write ``<track>.json``, ``.md``, ``-items.jsonl``, the schedules and some examples.

    Where the experiment says so, the trained score network goes along, with its card.

    Returns:
        The page, ``<track>.md``.
    """
    track = context.experiment.track
    write_with_checksum(folder / f"{track}-items.jsonl", partial(Path.write_text, data=items))
    page = publish(folder / f"{track}.json", results)
    if context.track.networks.trains_score_net:  # lists for a known score stand in the JSON alone
        _write_schedules(results, folder / "schedules")
    context.track.scores.keep_examples(sampled, folder)
    if context.experiment.publish_weights:
        _keep_weights(score_weights, folder / "weights" / f"{track}-score.safetensors")
    return page


def _keep_weights(source: Path, target: Path) -> None:
    for suffix in (".safetensors", ".json"):
        if source.with_suffix(suffix).is_file():
            content = source.with_suffix(suffix).read_bytes()
            write_with_checksum(target.with_suffix(suffix), partial(Path.write_bytes, data=content))


def _write_schedules(results: RunResults, folder: Path) -> None:
    for row in results.rows:
        cost = results.cost(row.convention, row.contestant)
        if cost is not None and row.betas:
            own = cost.search == PAPERS_SEARCH
            kind = row.convention if own else f"{row.convention}-{cost.search}"
            path = folder / f"{results.track}-{kind}-{row.steps}.json"
            content = {
                "betas": row.betas,
                "order": "index 0 is the step nearest the data",
                "convention": row.convention,
                "score_net_sha256": results.weights["score_net"],
            }
            text = json.dumps(content, indent=1) + "\n"
            write_with_checksum(path, partial(Path.write_text, data=text))
