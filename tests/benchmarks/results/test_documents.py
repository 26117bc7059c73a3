"""Documents of a results folder: how files are recognised, read and written."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError, sha256_of, verify_checksum, write_with_checksum
from benchmarks.results.documents import Document, kind_of
from benchmarks.results.schema import RunResults
from benchmarks.results.store import run_files
from synthetic.runs import analytic, images, speech
from synthetic.studies import network_theory, speed, theory


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"kind": "run", "rows": []}', "run"),
        ('{"kind": "recipe"}', "recipe"),
        ('{"rows": []}', None),
        ('["run"]', None),
        ("7", None),
        ("{", None),
        (b"\xff\xfe", None),
    ],
)
def test_a_file_states_its_kind(tmp_path: Path, content: str | bytes, kind: str | None) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    "document",
    [speech(), images(), analytic(), speed(), theory(), network_theory()],
    ids=lambda one: one.kind,
)
def test_a_document_is_read_as_it_was_written(tmp_path: Path, document: Document) -> None:
    path = tmp_path / "x.json"
    document.write(path)
    verify_checksum(path)
    found = type(document).read(path)
    assert found == document
    assert found.text == path.read_text()
    assert kind_of(path) == document.kind


def rewritten(path: Path, **changes: object) -> None:
    """Change fields of a document, with a checksum that agrees."""
    content = json.loads(path.read_text()) | changes
    write_with_checksum(path, partial(Path.write_text, data=json.dumps(content)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema_version": 1}, "schema_version"),
        ({"kind": "speed"}, "kind"),
        ({"extra": 1}, "extra"),
        ({"clip_seconds": "long"}, "clip_seconds"),
    ],
)
def test_a_document_that_breaks_its_schema_names_the_field(
    tmp_path: Path, changes: dict[str, object], field: str
) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    rewritten(path, **changes)
    with pytest.raises(
        DamagedFileError, match=rf"breaks its schema at {field}: .*again with 'run'"
    ):
        RunResults.read(path)


@pytest.mark.parametrize(
    "name", ["../../../up", "..", "a/b", "", "con", "a\u0430", "x" * 61, "a b", "<b>"], ids=ascii
)
@pytest.mark.parametrize("field", ["convention", "contestant"])
def test_names_of_a_foreign_document_cannot_leave_its_folder(
    tmp_path: Path, field: str, name: str
) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    rows = json.loads(path.read_text())["rows"]
    rows[1][field] = name
    rewritten(path, rows=rows)
    with pytest.raises(DamagedFileError, match=rf"schema at rows\.1\.{field}: .*it must be a name"):
        RunResults.read(path)


def test_earlier_names_with_capitals_are_read(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    path.write_text(path.read_text().replace("plain", "Plain"))
    rewritten(path)
    assert RunResults.read(path).convention_names() == ["Plain"]


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "a\u202eb", "\x00", "\u2028"], ids=ascii)
@pytest.mark.parametrize("escaped", [True, False])
def test_texts_that_cannot_be_printed_are_refused(tmp_path: Path, text: str, escaped: bool) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    content = json.loads(path.read_text())
    content["rows"][2]["title"] = text
    data = json.dumps(content, ensure_ascii=escaped)
    write_with_checksum(path, partial(Path.write_text, data=data, encoding="utf-8"))
    with pytest.raises(
        DamagedFileError, match=r"cannot be printed at rows\.2\.title; make it again"
    ):
        RunResults.read(path)
    content["rows"][2]["title"] = "fine"
    rewritten(path, **(content | {"weights": {text: "0" * 64}}))
    with pytest.raises(DamagedFileError, match="cannot be printed at a key of weights"):
        RunResults.read(path)


def test_printable_texts_of_any_script_are_read(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    content = json.loads(path.read_text())
    content["rows"][2]["title"] = 'α κ é 漢 "quoted" \\ <b> |'
    rewritten(path, rows=content["rows"])
    assert RunResults.read(path).rows[2].title == 'α κ é 漢 "quoted" \\ <b> |'


def test_an_altered_document_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    images().write(path)
    before = sha256_of(path)
    path.write_text(path.read_text().replace("30.0", "31.0"))
    assert sha256_of(path) != before
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        RunResults.read(path)


def test_only_runs_are_taken_for_runs(tmp_path: Path) -> None:
    images().write(tmp_path / "images.json")
    speed().write(tmp_path / "speed.json")
    (tmp_path / "notes.json").write_text("{}")
    assert run_files(tmp_path) == [tmp_path / "images.json"]
