"""Names of the examples that a run leaves for people to hear and see.

| file | content |
|---|---|
| `recordings/CLIP.flac` | speech: the recording of a test clip |
| `clips/CONVENTION/ROW/CLIP.flac` | speech: a row's sample of a test clip |
| `grids/test-images.png` | images: the first test images |
| `grids/CONVENTION/ROW.png` | images: a row's first samples |
| `denoising/CONVENTION/ROW/after-K/CLIP.flac` | speech: the clean estimate of the K-th evaluation |
| `denoising/CONVENTION/ROW/after-K.png` | images: the clean estimates of the K-th evaluation |
| `points/CONVENTION.json.gz` | known distributions: samples of rows, and the exact density |

Beside each `.flac` lies its spectrogram, a `.png` of the same name.

ROW is contestant and steps, such as `bddm-7`. A clip's name may contain folders. Conventions and
rows may not, so that a path is read in one way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from benchmarks.core.rows import RowKey

ExampleKind = Literal["recording", "clip", "test images", "grid", "denoising", "points"]
AUDIO, IMAGE, JSON_GZIP = ".flac", ".png", ".json.gz"
TEST_IMAGES = f"grids/test-images{IMAGE}"
AFTER = "after-"


@dataclass(frozen=True)
class ExampleName:
    """The identity of an example.

    Attributes:
        kind: the kind of example.
        row: the row that made it; None for recordings, test images and points.
        clip: speech: the test clip.
        after: denoising: the number of the network evaluation, from 1.
        convention: points: the convention, all of whose rows share a file.
    """

    kind: ExampleKind
    row: RowKey | None = None
    clip: str | None = None
    after: int | None = None
    convention: str | None = None

    @property
    def file(self) -> str:
        """The path of the file, relative to the folder of the document."""
        row = "" if self.row is None else f"{self.row.convention}/{self.row.name}"
        match self.kind:
            case "recording":
                return f"recordings/{self.clip}{AUDIO}"
            case "clip":
                return f"clips/{row}/{self.clip}{AUDIO}"
            case "test images":
                return TEST_IMAGES
            case "grid":
                return f"grids/{row}{IMAGE}"
            case "points":
                return f"points/{self.convention}{JSON_GZIP}"
            case "denoising":
                ending = IMAGE if self.clip is None else f"/{self.clip}{AUDIO}"
                return f"denoising/{row}/{AFTER}{self.after}{ending}"

    @classmethod
    def of_file(cls, file: str) -> ExampleName | None:
        """Read the path of a file; None where it names no example.

        >>> ExampleName.of_file("clips/raw/bddm-7/ru_0537@1.flac").row.name
        'bddm-7'
        """
        found = _read(PurePosixPath(file).parts)
        return found if found is not None and found.file == file else None


def spectrogram_of(audio: Path) -> Path:
    """The picture of an audio file's spectrogram."""
    return audio.with_suffix(IMAGE)


def _read(parts: Sequence[str]) -> ExampleName | None:
    found: ExampleName | None = None
    with contextlib.suppress(ValueError):  # no row, or no number
        match parts:
            case ("recordings", *clip):
                found = ExampleName("recording", clip=_clip(clip))
            case ("clips", convention, row, *clip):
                found = ExampleName("clip", RowKey.named(convention, row), _clip(clip))
            case ("grids", _):
                found = ExampleName("test images")
            case ("grids", convention, file):
                key = RowKey.named(convention, file.removesuffix(IMAGE))
                found = ExampleName("grid", key)
            case ("points", file):
                found = ExampleName("points", convention=file.removesuffix(JSON_GZIP))
            case ("denoising", convention, row, after, *clip):
                number = int(after.removeprefix(AFTER).removesuffix(IMAGE))
                key = RowKey.named(convention, row)
                found = ExampleName("denoising", key, _clip(clip) if clip else None, number)
    return found


def _clip(parts: Sequence[str]) -> str:
    return "/".join(parts).removesuffix(AUDIO)
