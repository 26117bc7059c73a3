"""The manifest of a folder of published audio: one named row for each file, verified."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bddm_ref.files import sha256_of
from benchmarks.core.errors import UserError
from benchmarks.core.names import one_line
from benchmarks.core.registry import nearest
from benchmarks.results.authors_audio import AudioFile
from benchmarks.studies.audio.files import Audio, read_audio

MANIFEST = "manifest.csv"
COLUMNS = tuple(AudioFile.model_fields)
MAY_BE_EMPTY = ("steps", "note")


@dataclass(frozen=True)
class AudioFolder:
    """A folder of published audio whose manifest was read.

    Attributes:
        path: the folder.
        files: the manifest's rows, in order.
    """

    path: Path
    files: list[AudioFile]

    def reference_of(self, sample: AudioFile) -> AudioFile:
        """The recording of a sample's clip: of its own set, else of the only other set with one.

        Raises:
            UserError: there is none, or other sets have different ones.
        """
        found = [one for one in self.files if one.is_reference and one.clip == sample.clip]
        own = [one for one in found if one.set == sample.set]
        if own:
            return own[0]
        if len({one.sha256 for one in found}) == 1:
            return found[0]
        told = "several different references" if found else "no reference"
        raise UserError(
            f"{self.path / MANIFEST}, column clip: {sample.file} is of clip {sample.clip}, which "
            f"has {told}; give the set {sample.set} a row with system 'reference' for this clip"
        )

    def read(self, file: AudioFile) -> Audio:
        """Read a file, and compare it with its row.

        Raises:
            UserError: rate, encoding or number of samples are not those of the row.
            UnusableFileError: the file cannot be read.
        """
        path = self.path / file.file
        found = read_audio(path)
        facts = {
            "sample_rate": (file.sample_rate, found.rate),
            "subtype": (file.subtype, found.subtype),
            "samples": (file.samples, len(found.waveform)),
        }
        for column, (stated, real) in facts.items():
            if stated != real:
                raise UserError(
                    f"{self.path / MANIFEST}, column {column}: {file.file} is said to have "
                    f"{stated}, and has {real}; correct the row"
                )
        return found


def read_folder(folder: Path) -> AudioFolder:
    """Read the manifest of a folder, and verify the checksum of each file.

    Columns may stand in any order; further columns are ignored.

    Raises:
        UserError: the manifest is missing, lacks a column, or has a row that cannot be used; a file
            is missing, or does not match its checksum; a clip has no reference.
    """
    manifest = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; name a folder with a {MANIFEST}")
    if not manifest.is_file():
        raise UserError(f"{manifest} is missing; it lists the files, with columns {_listed()}")
    rows = _rows(manifest)
    found = AudioFolder(folder, [_file(manifest, line, row) for line, row in rows])
    _refuse_repeated(manifest, found.files)
    for file in found.files:
        _verify(folder, file)
        if not file.is_reference:
            found.reference_of(file)
    return found


def _listed() -> str:
    return ", ".join(COLUMNS)


def _rows(manifest: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows of the manifest, each with the number of its line."""
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            names = list(reader.fieldnames or ())
            _refuse_names(manifest, names)
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise UserError(
                        f"{manifest}, line {reader.line_num}: it has another number of fields than "
                        f"the {len(names)} columns; correct the row"
                    )
                rows.append((reader.line_num, row))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{manifest} cannot be read as CSV in UTF-8: {error}") from error
    if not rows:
        raise UserError(f"{manifest} lists no files; add a row for each file")
    return rows


def _refuse_names(manifest: Path, names: Sequence[str]) -> None:
    """Refuse a header that lacks a column or has one twice."""
    for column in COLUMNS:
        if column not in names:
            others = [name for name in names if name not in COLUMNS]
            raise UserError(
                f"{manifest} lacks the column {column!r}{nearest(column, others)}; the first line "
                f"must name the columns {_listed()}"
            )
        if names.count(column) > 1:
            raise UserError(f"{manifest} has the column {column!r} twice; remove one")


def _file(manifest: Path, line: int, row: dict[str, str]) -> AudioFile:
    """Check one row.

    Raises:
        UserError: names line and column.
    """
    values = {column: row[column].strip() for column in COLUMNS}
    for column, text in values.items():
        if not text and column not in MAY_BE_EMPTY:
            raise UserError(f"{manifest}, line {line}, column {column}: it is empty; fill it in")
        if not text.isprintable():
            raise UserError(
                f"{manifest}, line {line}, column {column}: '{one_line(text)}' has characters that "
                "cannot be printed; remove them"
            )
    given = values | {"steps": values["steps"] or None, "sha256": values["sha256"].lower()}
    try:
        return AudioFile.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0])
        raise UserError(
            f"{manifest}, line {line}, column {column}: {one_line(values[column])!r} cannot be "
            f"used: {first['msg']}"
        ) from error


def _refuse_repeated(manifest: Path, files: Sequence[AudioFile]) -> None:
    """Refuse two rows of one file, or of one clip and system of a set."""
    for path, count in Counter(one.file for one in files).items():
        if count > 1:
            raise UserError(f"{manifest}, column file: {path} is listed {count} times; keep one")
    for (of_set, clip, name), count in Counter((o.set, o.clip, o.name) for o in files).items():
        if count > 1:
            raise UserError(
                f"{manifest}, columns set, clip, system and steps: {count} rows are {name} of clip "
                f"{clip} of set {of_set}; keep one"
            )


def _verify(folder: Path, file: AudioFile) -> None:
    """Compare a file with its checksum.

    Raises:
        UserError: the file is missing, unreadable, or another one.
    """
    path = folder / file.file
    if not path.is_file():
        raise UserError(f"{path} is missing, and {MANIFEST} lists it in column file; fetch it")
    digest = sha256_of(path)
    if digest != file.sha256:
        raise UserError(
            f"{path} does not match column sha256 of {MANIFEST}: it has {digest}; fetch the file "
            f"again from {file.repository}, commit {file.commit}, path {file.path}"
        )
