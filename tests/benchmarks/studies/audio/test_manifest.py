"""The manifest of published audio: what is read, and one sentence for everything that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.errors import UserError
from benchmarks.data.checked import UnusableFileError
from benchmarks.studies.audio.manifest import COLUMNS, read_folder
from synthetic.audio import Row, noisy, spoken, write_manifest, write_row

REFERENCE, SAMPLE = 0, 1  # rows of the folder below
Rows = list[Row]


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    wave = spoken("a-1", 22_050)
    return [
        write_row(tmp_path, "page/a-1__reference__.wav", wave),
        write_row(tmp_path, "page/a-1__net__8.wav", noisy(wave, 1e-3), subtype="FLOAT"),
    ]


def test_rows_are_read_in_any_order_of_columns_and_further_columns_are_ignored(
    tmp_path: Path, rows: Rows
) -> None:
    turned = [{"listened": "yes"} | dict(reversed(row.items())) for row in rows]
    turned[SAMPLE]["sha256"] = turned[SAMPLE]["sha256"].upper()
    write_manifest(tmp_path, turned)
    folder = read_folder(tmp_path)
    reference, sample = folder.files
    assert (sample.name, sample.clips, sample.steps, sample.samples) == ("net-8", "a-*", 8, 26_460)
    assert reference.is_reference
    assert folder.reference_of(sample) == reference
    found = folder.read(sample)
    assert (found.rate, found.subtype, found.waveform.shape) == (22_050, "FLOAT", (26_460,))


def drop(column: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            del row[column]

    return change


def put(column: str, value: str, row: int = SAMPLE) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = value

    return change


def rename(rows: Rows) -> None:
    for row in rows:
        row["step"] = row.pop("steps")


WRONG: dict[str, tuple[Callable[[Rows], None], str]] = {
    "column is missing": (drop("commit"), r"manifest\.csv lacks the column 'commit'; the first "),
    "column is misspelt": (rename, r"lacks the column 'steps' \(did you mean 'step'\?\)"),
    "cell is empty": (put("commit", " "), "line 3, column commit: it is empty; fill it in"),
    "cell is unprintable": (put("note", "a\x1bb"), r"line 3, column note: 'a\\x1bb' has char"),
    "number is none": (put("samples", "many"), "line 3, column samples: 'many' cannot be used"),
    "number is too small": (put("steps", "0"), "line 3, column steps: '0' cannot be used"),
    "checksum is none": (put("sha256", "abc"), "line 3, column sha256: 'abc' cannot be used"),
    "path leads out": (put("file", "../a.wav"), "line 3, column file: '../a.wav' cannot be used"),
    "path is absolute": (put("file", "/a.wav"), "column file: '/a.wav' cannot be used: .*below"),
    "reference has steps": (
        put("steps", "8", REFERENCE),
        "line 2, column steps: '8' cannot be used: .*a reference has no steps",
    ),
    "step is missing": (
        lambda rows: rows[SAMPLE].update(system="net-after-step", steps=""),
        "line 3, column steps: '' cannot be used: .*needs the step",
    ),
    "file is listed twice": (
        lambda rows: rows.append(rows[SAMPLE]),
        r"column file: page/a-1__net__8\.wav is listed 2 times; keep one",
    ),
    "two files are of one clip and system": (
        lambda rows: rows.append(rows[SAMPLE] | {"file": "page/b.wav"}),
        "columns set, clip, system and steps: 2 rows are net-8 of clip a-1 of set page; keep one",
    ),
    "file is missing": (
        put("file", "page/b.wav"),
        r"page/b\.wav is missing, and manifest\.csv lists it in column file; fetch it",
    ),
    "checksum is another": (
        put("sha256", "0" * 64),
        r"a-1__net__8\.wav does not match column sha256 of manifest\.csv: it has .*; fetch the "
        "file again from someone/a-page, commit c+, path wavs/",
    ),
    "reference is missing": (
        put("clip", "a-2"),
        r"column clip: page/a-1__net__8\.wav is of clip a-2, which has no reference; give the set "
        "page a row with system 'reference' for this clip",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_named_with_file_and_column(
    tmp_path: Path, rows: Rows, fault: str
) -> None:
    change, said = WRONG[fault]
    write_manifest(tmp_path, rows)
    assert len(read_folder(tmp_path).files) == 2
    change(rows)
    write_manifest(tmp_path, rows)
    with pytest.raises(UserError, match=said):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks the column 'file'"),
        (",".join(COLUMNS).encode(), "lists no files; add a row for each file"),
        (",".join((*COLUMNS, "file")).encode(), "has the column 'file' twice; remove one"),
        (f"{','.join(COLUMNS)}\na,b\n".encode(), "line 2: it has another number of fields"),
        (f"{','.join(COLUMNS)}\n{'a,' * 20}\n".encode(), "line 2: it has another number of field"),
        (",".join(COLUMNS).encode() + b"\n\xff", "cannot be read as CSV in UTF-8"),
        (f'{",".join(COLUMNS)}\n"a"b'.encode(), "cannot be read as CSV in UTF-8"),
    ],
    ids=["empty", "no rows", "column twice", "few fields", "many fields", "no UTF-8", "no CSV"],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"manifest\.csv,? {said}"):
        read_folder(tmp_path)


def test_a_missing_folder_or_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone is no folder; name a folder with a manifest\.csv"):
        read_folder(tmp_path / "gone")
    with pytest.raises(UserError, match=r"manifest\.csv is missing; it lists the files, with col"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("column", "stated", "real"),
    [("sample_rate", "16000", "22050"), ("subtype", "PCM_16", "FLOAT"), ("samples", "9", "26460")],
)
def test_a_file_that_is_not_as_its_row_says_is_refused(
    tmp_path: Path, rows: Rows, column: str, stated: str, real: str
) -> None:
    rows[SAMPLE][column] = stated
    write_manifest(tmp_path, rows)
    folder = read_folder(tmp_path)
    said = rf"column {column}: page/a-1__net__8\.wav is said to have {stated}, and has {real}; corr"
    with pytest.raises(UserError, match=said):
        folder.read(folder.files[SAMPLE])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, rows: Rows) -> None:
    path = tmp_path / rows[SAMPLE]["file"]
    path.write_bytes(b"no sound")
    rows[SAMPLE]["sha256"] = hashlib.sha256(b"no sound").hexdigest()
    write_manifest(tmp_path, rows)
    folder = read_folder(tmp_path)
    with pytest.raises(UnusableFileError, match=r"a-1__net__8\.wav is not readable audio"):
        folder.read(folder.files[SAMPLE])


def test_the_reference_of_the_own_set_comes_first_and_others_must_agree(
    tmp_path: Path, rows: Rows
) -> None:
    wave = spoken("a-1", 22_050)
    other = write_row(tmp_path, "other/a-1__reference__.wav", wave)
    lone = write_row(tmp_path, "lone/a-1__net__.wav", noisy(wave, 1e-3))
    write_manifest(tmp_path, [*rows, other, lone])
    folder = read_folder(tmp_path)
    assert folder.reference_of(folder.files[SAMPLE]).set == "page"
    assert folder.reference_of(folder.files[3]).set == "page"  # the same recording in both sets
    other = write_row(tmp_path, "other/a-1__reference__.wav", noisy(wave, 1e-3))
    write_manifest(tmp_path, [*rows, other, lone])
    with pytest.raises(UserError, match="clip a-1, which has several different references; give"):
        read_folder(tmp_path)
