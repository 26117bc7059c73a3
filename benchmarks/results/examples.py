"""The examples of a run: the audio, images and points beside its document. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from bddm_ref.files import DamagedFileError
from benchmarks.core.rows import RowKey
from benchmarks.results.example_names import AUDIO, ExampleName, spectrogram_of
from benchmarks.results.owned import earlier_examples, verify_file
from benchmarks.results.points import ConventionPoints, read_points
from benchmarks.results.schema import RunResults


@dataclass(frozen=True)
class Clip:
    """Speech: a row's sample of a test clip, as 16-bit mono audio.

    Attributes:
        row: the row.
        name: the test clip.
        seed: number of the noise seed, see :func:`first_seed`.
        path: the file.
    """

    row: RowKey
    name: str
    seed: int | None
    path: Path


@dataclass(frozen=True)
class Grid:
    """Images: the first samples of a row.

    Equal places of grids with equal seeds have equal start noise.

    Attributes:
        row: the row.
        seed: number of the noise seed, see :func:`first_seed`.
        path: the file.
    """

    row: RowKey
    seed: int | None
    path: Path


@dataclass(frozen=True)
class Estimate:
    """The clean estimate x_0 of one network evaluation.

    Attributes:
        after: the number of the evaluation, from 1.
        level: the noise level alpha that the network was evaluated at; None: not known.
        path: audio of one clip, or a grid of images.
    """

    after: int
    level: float | None
    path: Path


@dataclass(frozen=True)
class Denoising:
    """The clean estimates of a row, from the first evaluation to the last.

    The last estimate is the row's sample, apart from the rounding of another batch.

    Attributes:
        row: the row.
        clip: speech: the test clip; None: a grid of images.
        seed: number of the noise seed, which the row's sample has, too.
        estimates: the estimates in the order of the evaluations.
    """

    row: RowKey
    clip: str | None
    seed: int | None
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Examples:
    """The examples of a run. Everything is in the order of the document's clips and rows.

    Attributes:
        recordings: speech: name of a test clip to its recording.
        clips: speech: samples.
        test_images: images: a grid of the first test images; None: there is none.
        grids: images: grids of samples.
        denoising: speech and images: clean estimates of some rows.
        points: known distributions: convention to the file of :func:`read_points`.
        spectrograms: speech: audio to the picture of its spectrogram; earlier runs drew none.
    """

    recordings: Mapping[str, Path]
    clips: tuple[Clip, ...]
    test_images: Path | None
    grids: tuple[Grid, ...]
    denoising: tuple[Denoising, ...]
    points: Mapping[str, Path]
    spectrograms: Mapping[Path, Path] = field(default_factory=dict)

    def clips_in(self, convention: str, name: str) -> list[Clip]:
        """The samples of one test clip in a convention."""
        return [
            clip for clip in self.clips if clip.row.convention == convention and clip.name == name
        ]

    def points_of(self, convention: str) -> ConventionPoints | None:
        """Read the points of a convention; None: there are none.

        Raises:
            DamagedFileError: the file is damaged, or not of this version.
        """
        return read_points(self.points[convention]) if convention in self.points else None


def examples_of(document: Path, results: RunResults) -> Examples:
    """List the examples beside the document of a run, once each matches its checksum.

    Earlier versions gave the files other names; these are found as well. The earliest documents
    have no checksums of their examples, which are then taken as they lie.

    Args:
        document: the path of the document.
        results: the document.

    Raises:
        DamagedFileError: an example is missing or altered, or is of a row that the document does
            not have; names the file.
    """
    found = dict(_found(document, results))
    return Examples(
        recordings={one.clip or "": file for one, file in found.items() if one.kind == "recording"},
        clips=tuple(
            Clip(one.row, one.clip, first_seed(results, one.row), file)
            for one, file in found.items()
            if one.kind == "clip" and one.row is not None and one.clip is not None
        ),
        test_images=found.get(ExampleName("test images")),
        grids=tuple(
            Grid(one.row, first_seed(results, one.row), file)
            for one, file in found.items()
            if one.kind == "grid" and one.row is not None
        ),
        denoising=tuple(_denoising(results, found)),
        points={
            one.convention: file
            for one, file in found.items()
            if one.kind == "points" and one.convention is not None
        },
        spectrograms=dict(_spectrograms(document, results, found.values())),
    )


def _spectrograms(
    document: Path, results: RunResults, files: Iterable[Path]
) -> Iterator[tuple[Path, Path]]:
    """Pair audio with the picture beside it, once the picture matches its checksum."""
    for file in files:
        picture = spectrogram_of(file)
        name = picture.relative_to(document.parent).as_posix()
        if file.suffix == AUDIO and name in (results.files or {}):
            verify_file(document, results, name)
            yield file, picture


def _found(document: Path, results: RunResults) -> Iterator[tuple[ExampleName, Path]]:
    """Yield the verified examples in the order of the document's rows and clips."""
    earlier = earlier_examples(results)
    there = (file for file in earlier if (document.parent / file).is_file())
    files = list(there if results.files is None else results.files)
    listed = {file: earlier.get(file) or ExampleName.of_file(file) for file in files}
    named = {file: name for file, name in listed.items() if name is not None}
    rows = {row.id: i for i, row in enumerate(results.rows)}
    clips = {clip: i for i, clip in enumerate(results.data.test_items)}
    for file, name in named.items():
        if results.files is not None:
            verify_file(document, results, file)
        if name.row is not None and name.row not in rows:
            raise DamagedFileError(
                f"{document.parent / file} is a sample of {name.row}, and {document.name} has no "
                f"such row; make it again with {results.made_by!r}"
            )

    def place(file: str) -> tuple[int, int, int, str]:
        name = named[file]
        row = -1 if name.row is None else rows[name.row]
        return row, clips.get(name.clip or "", -1), name.after or 0, file

    for file in sorted(named, key=place):
        yield named[file], document.parent / file


def _denoising(results: RunResults, found: Mapping[ExampleName, Path]) -> Iterator[Denoising]:
    """Gather the clean estimates of each row and clip."""
    names = [name for name in found if name.kind == "denoising" and name.row is not None]
    for (row, clip), group in groupby(names, key=lambda name: (name.row, name.clip)):
        assert row is not None
        levels = _levels(results, row)
        yield Denoising(
            row,
            clip,
            first_seed(results, row),
            tuple(
                Estimate(name.after, levels.get(name.after), found[name])
                for name in group
                if name.after is not None
            ),
        )


def first_seed(results: RunResults, row: RowKey) -> int | None:
    """Number of the first noise seed that has samples, which all examples of a row are of.

    The number is 0, unless the first repeats of a search found no schedule. None: the document
    does not tell, since it leaves out the schedules of the row.
    """
    found = results.by_key[row]
    if found.search is None or not found.missing:
        return 0
    return None if found.schedules is None else found.schedules[0].repeat


def _levels(results: RunResults, row: RowKey) -> dict[int, float]:
    """Number of each evaluation of a row to its level alpha; empty where betas are not listed."""
    betas = results.by_key[row].betas or []
    levels = [math.sqrt(math.prod(1 - beta for beta in betas[: n + 1])) for n in range(len(betas))]
    return dict(enumerate(reversed(levels), 1))
