"""Writes a results folder: the JSON that is the truth, and what is derived from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import write_atomically, write_with_checksum
from benchmarks.contestants import SEARCHED
from benchmarks.core.rows import Sampled
from benchmarks.report.pages.track import to_markdown
from benchmarks.results.schema import Results
from benchmarks.stages.context import Context


def publish(
    document: dict[str, Any],
    records: Sequence[Mapping[str, Any]],
    sampled: Sequence[Sampled],
    context: Context,
    folder: Path,
    score_weights: Path,
) -> Path:
    """Write ``<track>.json``, ``.md``, ``-items.jsonl``, the schedules and some examples.

    Where the experiment says so, the trained score network goes along, with its card.

    Returns:
        The table, ``<track>.md``.
    """
    track = context.experiment.track
    items = "".join(json.dumps(record) + "\n" for record in records)
    document["items_sha256"] = hashlib.sha256(items.encode()).hexdigest()
    results = Results.model_validate(document)
    text = results.model_dump_json(indent=1) + "\n"
    write_with_checksum(folder / f"{track}-items.jsonl", lambda path: path.write_text(items))
    write_with_checksum(folder / f"{track}.json", lambda path: path.write_text(text))
    table = folder / f"{track}.md"
    write_atomically(table, lambda path: path.write_text(to_markdown(results)))
    if context.track.trains_score_net:  # lists for a known score stand in the JSON alone
        _write_schedules(results, folder / "schedules")
    context.track.keep_examples(sampled, folder)
    if context.experiment.publish_weights:
        _keep_weights(score_weights, folder / "weights" / f"{track}-score.safetensors")
    return table


def _keep_weights(source: Path, target: Path) -> None:
    for suffix in (".safetensors", ".json"):
        if source.with_suffix(suffix).is_file():
            content = source.with_suffix(suffix).read_bytes()
            write_with_checksum(target.with_suffix(suffix), partial(Path.write_bytes, data=content))


def _write_schedules(results: Results, folder: Path) -> None:
    for row in results.rows:
        if row.contestant in SEARCHED and row.betas:
            grid = SEARCHED[row.contestant]
            kind = row.convention if grid == "paper" else f"{row.convention}-{grid}"
            path = folder / f"{results.track}-{kind}-{row.steps}.json"
            content = {
                "betas": row.betas,
                "order": "index 0 is the step nearest the data",
                "convention": row.convention,
                "score_net_sha256": results.weights["score_net"],
            }
            text = json.dumps(content, indent=1) + "\n"
            write_with_checksum(path, partial(Path.write_text, data=text))
