"""A folder of published audio, made of synthetic speech, and a document of such a folder."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile

from benchmarks.results.authors_audio import AudioFile, AuthorsAudio, ScoredAudio, system_means
from benchmarks.results.verdicts import MetricInfo
from metrics.items import ItemScore
from metrics.workers import Job, Workers
from synthetic.runs import CREATED, PROVENANCE
from synthetic.voices import Wave, word

SECONDS = 1.2
ORIGIN = {"repository": "someone/a-page", "commit": "c" * 40}
Row = dict[str, str]
INFOS = {
    "pesq_nb_raw": MetricInfo(title="PESQ-NB (raw)", digits=2, unit="", higher_is_better=True),
    "stoi": MetricInfo(title="STOI", digits=3, unit="", higher_is_better=True),
    "ls_mse": MetricInfo(title="LS-MSE", digits=1, unit="", higher_is_better=False),
}


class _InProcess:
    def score(
        self, jobs: Sequence[Job], observe: Callable[[int], None]
    ) -> list[dict[str, ItemScore]]:
        return [dict(job.scores()) for job in jobs]


def in_process() -> Workers:
    """Score in this process, in the place of processes that take seconds to start."""
    return cast(Workers, _InProcess())


def spoken(clip: str, rate: int) -> Wave:
    """The recording of a clip at a rate; its name decides the voice."""
    return word(SECONDS, seed=sum(map(ord, clip)), rate=rate)


def noisy(wave: Wave, level: float) -> Wave:
    """A recording with noise of a standard deviation, as a sampler might give it."""
    return wave + level * np.random.default_rng(0).standard_normal(len(wave))


def write_row(
    folder: Path, name: str, wave: Wave, rate: int = 22_050, subtype: str = "PCM_16"
) -> Row:
    """Write the file ``SET/CLIP__SYSTEM__STEPS.wav``; returns its row of the manifest."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, subtype=subtype)
    clip, system, steps = path.stem.split("__")
    return ORIGIN | {
        "file": name,
        "set": path.parent.name,
        "clip": clip,
        "system": system,
        "steps": steps,
        "sample_rate": str(rate),
        "subtype": subtype,
        "samples": str(len(wave)),
        "path": f"wavs/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "note": "",
    }


def write_manifest(folder: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write the manifest of a folder, with the columns of the first row."""
    path = folder / "manifest.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_audio_folder(folder: Path) -> list[Row]:
    """Write a folder with two sets, three encodings, two rates, a trajectory, and a long sample.

    Returns:
        The rows of its manifest.
    """
    at_22, at_24 = spoken("a-1", 22_050), spoken("a-1", 24_000)
    rows = [
        write_row(folder, "page/a-1__reference__.wav", at_24, 24_000),
        write_row(folder, "page/a-1__good__8.wav", noisy(at_22, 1e-3), subtype="FLOAT"),
        write_row(folder, "page/a-1__bad__.wav", noisy(at_22, 0.1)[:-100], subtype="PCM_32"),
        write_row(folder, "page/a-1__late__.wav", np.append(np.zeros(1_000), at_22)),
        write_row(folder, "steps/a-1__net-after-step__1.wav", noisy(at_22, 1.0), subtype="FLOAT"),
        write_row(folder, "steps/a-1__net-after-step__2.wav", noisy(at_22, 1e-2), subtype="FLOAT"),
    ]
    write_manifest(folder, rows)
    return rows


def audio_file(of_set: str, clip: str, system: str, steps: int | None = None) -> AudioFile:
    """A row of a manifest that needs no file."""
    name = f"{of_set}/{clip}-{system}-{steps}.wav"
    return AudioFile(
        file=name,
        set=of_set,
        clip=clip,
        system=system,
        steps=steps,
        sample_rate=22_050,
        subtype="FLOAT",
        samples=1000,
        path=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        **ORIGIN,
    )


def scored_audio(file: AudioFile, reference: AudioFile, pesq: float, **changes: Any) -> ScoredAudio:
    """Scores of a sample that all follow from its PESQ."""
    fields: dict[str, Any] = {
        "file": file.file,
        "reference": reference.file,
        "clipped": 0,
        "reference_clipped": 0,
        "scores": {"pesq_nb_raw": pesq, "stoi": pesq / 5, "ls_mse": 100 - 10 * pesq},
    }
    return ScoredAudio(**fields | changes)


def authors_audio(
    systems: Mapping[str, Sequence[float]] | None = None, **changes: Any
) -> AuthorsAudio:
    """A document of one set.

    Args:
        systems: system with steps, as in ``net-8``, to the PESQ of its clips a-0, a-1, ...
        changes: fields of the document.
    """
    systems = systems or {"net-8": [3.0, 3.2, 3.1], "other-1000": [3.5, 3.6, 3.7]}
    count = max(map(len, systems.values()))
    references = [audio_file("page", f"a-{i}", "reference") for i in range(count)]
    files, samples = list(references), []
    for name, values in systems.items():
        system, _, steps = name.rpartition("-")
        for i, value in enumerate(values):
            files.append(audio_file("page", f"a-{i}", system, int(steps)))
            samples.append(scored_audio(files[-1], references[i], value))
    fields: dict[str, Any] = {
        "kind": "authors audio",
        "schema_version": 1,
        "created": CREATED,
        "provenance": PROVENANCE,
        "metrics": INFOS,
        "rates": {"pesq_nb_raw": 16_000, "stoi": 16_000, "ls_mse": 22_050},
        "files": files,
        "samples": samples,
        "means": system_means(files, samples, list(INFOS)),
    }
    return AuthorsAudio.model_validate(fields | changes)
