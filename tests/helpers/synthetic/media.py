"""A results folder with sounds, grids and points, all tiny, for the results page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from bddm_ref.files import sha256_of
from benchmarks.claims.ledger import write_ledger
from benchmarks.core.rows import RowKey
from benchmarks.results.example_names import ExampleName, spectrogram_of
from benchmarks.results.forms import compressed
from benchmarks.results.points import Axis, ConventionPoints, Density, RowPoints
from benchmarks.results.schema import RunResults
from synthetic.runs import CLIPS, analytic, images, speech, write_run
from synthetic.voices import RATE, Wave, word

SECONDS = 1.0
SOUNDING, WATCHED = 2, 7  # clips with audio; steps of the row that is watched
SIDE = 4  # images of a grid, along each side
Files = dict[str, bytes]


def write_media(folder: Path) -> Path:
    """Publish a run of each track with its examples, and the ledger.

    Returns:
        The folder.
    """
    for results, files in (
        (speech(clip_seconds=SECONDS), dict(sounds(speech()))),
        (images(), dict(grids(images()))),
        (of_two_distributions(), dict(points(of_two_distributions()))),
    ):
        publish_with_files(folder, results, files)
    write_ledger(folder)
    return folder


def publish_with_files(folder: Path, results: RunResults, files: Files) -> Path:
    """Publish a run that lists some files, and the files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    digests = {name: sha256_of(folder / name) for name in files}
    return write_run(folder, results.model_copy(update={"files": digests}))


def of_two_distributions() -> RunResults:
    """A run of a line and a plane."""
    rows = []
    for name in ("line", "plane"):
        for row in analytic().rows:
            key = RowKey(name, row.contestant, row.steps)
            rows.append(row.model_copy(update={"key": str(key), "convention": name}))
    settings = {"conventions": [{"name": name, "data": "ring-2"} for name in ("line", "plane")]}
    found = analytic(experiment=settings)
    return found.model_copy(update={"rows": rows, "comparisons": [], "costs": []})


def sounds(results: RunResults) -> Iterator[tuple[str, bytes]]:
    """Recordings, samples of every row, and clean estimates, each with a spectrogram."""
    for number, clip in enumerate(CLIPS[:SOUNDING]):
        recording = word(SECONDS, seed=number)
        yield from _sound(ExampleName("recording", clip=clip), recording)
        for row in results.rows:
            yield from _sound(ExampleName("clip", row.id, clip), _noisy(recording, 1 / row.steps))
    for convention in results.convention_names():
        row = RowKey(convention, "bddm", WATCHED)
        for after in range(1, WATCHED + 1):
            name = ExampleName("denoising", row, CLIPS[0], after)
            yield from _sound(name, _noisy(word(SECONDS), 1 / after))


def grids(results: RunResults) -> Iterator[tuple[str, bytes]]:
    """A grid of test images, of every row, and of clean estimates."""
    yield ExampleName("test images").file, _picture(8 * SIDE, 8 * SIDE, 0)
    for number, row in enumerate(results.rows, 1):
        yield ExampleName("grid", row.id).file, _picture(8 * SIDE, 8 * SIDE, number)
    for after in range(1, WATCHED + 1):
        name = ExampleName("denoising", RowKey("plain", "bddm", WATCHED), after=after)
        yield name.file, _picture(16, 16, after)


def points(results: RunResults) -> Iterator[tuple[str, bytes]]:
    """Samples of every row, of normal distributions."""
    for name, size in {"line": 1, "plane": 2}.items():
        axes = [Axis(low=-3.0, high=3.0, count=21)] * size
        along = np.exp(-(np.array(axes[0].values) ** 2) / 2) / np.sqrt(2 * np.pi)
        values = along if size == 1 else np.outer(along, along).ravel()
        draws = np.random.default_rng(0).normal(size=(50, size)).round(3).tolist()
        rows = [
            RowPoints(key=row.key, seed=0, points=draws)
            for row in results.rows
            if row.convention == name
        ]
        content = ConventionPoints(
            convention=name,
            distribution=name,
            dimensions=size,
            coordinates=list(range(1, size + 1)),
            data=draws,
            rows=rows,
            density=Density(axes=axes, values=values.tolist()),
        )
        yield ExampleName("points", convention=name).file, _points_file(content)


def _points_file(content: ConventionPoints) -> bytes:
    return compressed(content.model_dump_json() + "\n")


def _sound(name: ExampleName, wave: Wave) -> Iterator[tuple[str, bytes]]:
    stream = io.BytesIO()
    soundfile.write(stream, wave, RATE, subtype="PCM_16", format="FLAC")
    yield name.file, stream.getvalue()
    yield spectrogram_of(Path(name.file)).as_posix(), _picture(63, 80, len(stream.getvalue()))


def _noisy(wave: Wave, level: float) -> Wave:
    return wave + 0.05 * level * np.random.default_rng(0).standard_normal(len(wave))


def _picture(width: int, height: int, seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
