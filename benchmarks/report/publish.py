"""Writes a results folder: the JSON that is the truth, and what is derived from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bddm_ref.checkpoint import write_atomically, write_with_checksum
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.report.markdown import to_markdown
from benchmarks.report.schema import Results
from benchmarks.stages.context import Context
from benchmarks.stages.sample import Sampled, read_samples, test_clips

PUBLISHED_WAVS = ("bddm-3", "bddm-7", "bddm-16", "ddpm-16", "ddpm-1000")


def publish(
    document: dict[str, Any],
    records: Sequence[Mapping[str, Any]],
    sampled: Sequence[Sampled],
    context: Context,
    folder: Path,
) -> Path:
    """Write ``<track>.json``, ``.md``, ``-items.jsonl``, the schedules and some WAV files.

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
    _write_schedules(results, folder / "schedules")
    _write_wavs(sampled, context, folder / "wav")
    return table


def _write_schedules(results: Results, folder: Path) -> None:
    for row in results.rows:
        if row.contestant == "bddm" and row.betas:
            path = folder / f"{results.track}-{row.convention}-{row.steps}.json"
            content = {
                "betas": row.betas,
                "order": "index 0 is the step nearest the data",
                "convention": row.convention,
                "score_net_sha256": results.weights["score_net"],
            }
            text = json.dumps(content, indent=1) + "\n"
            write_with_checksum(path, partial(Path.write_text, data=text))


def _write_wavs(sampled: Sequence[Sampled], context: Context, folder: Path) -> None:
    clips = test_clips(context, "score")[: context.experiment.wav_items]
    first = context.experiment.conventions[0].name
    for index, clip in enumerate(clips):
        _write_wav(folder / f"{clip.name}-recording.wav", clip.waveform.numpy())
        for one in sampled:
            if one.files and one.row.convention.name == first and one.row.name in PUBLISHED_WAVS:
                samples = read_samples(one.files[0])[index].numpy()
                _write_wav(folder / f"{clip.name}-{one.row.name}.wav", samples)


def _write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    clipped = np.clip(samples, -1.0, 1.0)
    write_atomically(
        path,
        lambda temporary: soundfile.write(
            temporary, clipped, SAMPLE_RATE, subtype="PCM_16", format="WAV"
        ),
    )
