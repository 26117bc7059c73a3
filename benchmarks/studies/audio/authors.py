"""The work of ``authors-audio``: score a folder of published audio, and write its document."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.results.authors_audio import AudioFile, AuthorsAudio, ScoredAudio, system_means
from benchmarks.results.documents import Provenance
from benchmarks.results.verdicts import MetricInfo
from benchmarks.runtime import provenance
from benchmarks.runtime.progress import Progress
from benchmarks.studies.audio.manifest import AudioFolder, read_folder
from benchmarks.studies.audio.pairs import (
    PAPERS_RATE,
    PERCEPTUAL,
    PERCEPTUAL_RATE,
    SPECTRAL,
    Pair,
    PairScores,
    length_fault,
    score_pairs,
)
from metrics.items import ItemScore
from metrics.scoring import KNOWN, scoring_pool

METRICS = (*PERCEPTUAL, *SPECTRAL)


def score_folder(path: Path, threads: int, progress: Progress) -> AuthorsAudio:
    """Score every sample of a folder against the recording of its clip.

    A sample whose length differs from its reference's by more than a hop is not scored; the
    document has the reason.

    Args:
        path: the folder, with ``manifest.csv``.
        threads: most processes that score; 0: one for each core.
        progress: the display of the scoring.

    Raises:
        UserError: the folder or its manifest cannot be used.
        UnusableFileError: a file cannot be read.
    """
    folder = read_folder(path)
    made = Provenance(**provenance.collect(torch.device("cpu"), threads or os.cpu_count() or 1))
    _check(folder, progress)
    matched = {one.file: folder.reference_of(one) for one in folder.files if not one.is_reference}
    unscored = dict(_refused(folder.files, matched))
    kept = [one for one in folder.files if one.file in matched and one.file not in unscored]
    for file, reason in unscored.items():
        progress.say(f"not scored: {file}: {reason}")
    with (
        progress.task("score published audio", len(kept)) as advance,
        scoring_pool(made.threads) as pool,
    ):
        pairs = (_pair(folder, one, matched[one.file]) for one in kept)
        scored = score_pairs(pairs, pool, PAPERS_RATE, advance)
        samples = [
            _scored(one, matched[one.file], found) for one, found in zip(kept, scored, strict=True)
        ]
    return AuthorsAudio(
        kind="authors audio",
        schema_version=1,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=made,
        metrics={name: _info(name) for name in METRICS},
        rates=dict.fromkeys(PERCEPTUAL, PERCEPTUAL_RATE) | dict.fromkeys(SPECTRAL, PAPERS_RATE),
        files=folder.files,
        samples=samples,
        unscored=unscored,
        means=system_means(folder.files, samples, METRICS),
    )


def _check(folder: AudioFolder, progress: Progress) -> None:
    """Read every file once, so that a file that cannot be used is found before any scoring."""
    with progress.task("read published audio", len(folder.files)) as advance:
        for file in folder.files:
            folder.read(file)
            advance(1)


def _refused(
    files: Sequence[AudioFile], matched: Mapping[str, AudioFile]
) -> Iterator[tuple[str, str]]:
    """Samples whose length is not that of their recording, each with the reason."""
    for one in files:
        if (recording := matched.get(one.file)) is not None:
            lengths = one.samples, one.sample_rate, recording.samples, recording.sample_rate
            if (told := length_fault(*lengths)) is not None:
                yield one.file, told


def _pair(folder: AudioFolder, sample: AudioFile, reference: AudioFile) -> Pair:
    mine, theirs = folder.read(sample), folder.read(reference)
    return Pair(sample.file, theirs.waveform, theirs.rate, mine.waveform, mine.rate)


def _scored(sample: AudioFile, reference: AudioFile, found: PairScores) -> ScoredAudio:
    as_it_is = {} if found.unclipped is None else {"unclipped": _values(found.unclipped)}
    return ScoredAudio(
        file=sample.file,
        reference=reference.file,
        clipped=found.clipped,
        reference_clipped=found.reference_clipped,
        scores=_values(found.scores),
        failures={name: one.reason for name, one in found.scores.items() if one.reason},
        **as_it_is,
    )


def _values(scores: Mapping[str, ItemScore]) -> dict[str, float]:
    return {name: one.value for name, one in scores.items() if one.reason is None}


def _info(name: str) -> MetricInfo:
    metric = KNOWN[name]
    return MetricInfo(
        title=metric.title,
        digits=metric.digits,
        unit=metric.unit,
        higher_is_better=bool(metric.higher_is_better),
    )
