"""The two forms of a document: which one is written, found and read, and which are refused."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path

import pytest

from bddm_ref.files import SUMS, DamagedFileError, listed_in, verify_checksum, write_listed
from benchmarks.results import forms
from benchmarks.results.documents import Document, kind_of
from benchmarks.results.forms import (
    beside,
    compressed,
    document_file,
    document_files,
    read_text,
    write_text,
)
from benchmarks.results.schema import RunResults
from benchmarks.results.store import run_files
from synthetic.runs import analytic, images, speech
from synthetic.studies import network_theory, speed, theory

LIMIT = 100  # bytes, in place of the megabyte
SMALL, LARGE = "é" * 50, "é" * 50 + "\n"


@pytest.fixture(autouse=True)
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", LIMIT)


def files(folder: Path) -> list[str]:
    """Names of all files of a folder, where its list of checksums names them all but itself."""
    found = sorted(path.name for path in folder.iterdir())
    assert found == [SUMS, *(name for _, name in listed_in(folder / SUMS))]
    return found[1:]


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_the_size_of_the_text_decides_the_form(tmp_path: Path, name: str) -> None:
    assert write_text(tmp_path / name, SMALL) == tmp_path / "a.json"
    assert files(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == SMALL == read_text(tmp_path / "a.json")
    packed = write_text(tmp_path / name, LARGE)
    assert packed == tmp_path / "a.json.gz"
    assert files(tmp_path) == ["a.json.gz"]
    assert gzip.decompress(packed.read_bytes()).decode() == LARGE == read_text(packed)
    verify_checksum(packed)
    write_text(tmp_path / name, SMALL)
    assert files(tmp_path) == ["a.json"]


def test_other_documents_stay_when_a_form_is_removed(tmp_path: Path) -> None:
    for name in ("a.json", "b.json", "aa.json"):
        write_text(tmp_path / name, SMALL)
    write_text(tmp_path / "a.json", LARGE)
    assert files(tmp_path) == ["a.json.gz", "aa.json", "b.json"]


def test_equal_texts_are_equal_files(tmp_path: Path) -> None:
    one, other = (write_text(tmp_path / name, LARGE) for name in ("a.json", "b.json"))
    assert one.read_bytes() == other.read_bytes() == compressed(LARGE)


def test_an_interrupted_exchange_is_refused_until_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.json"
    write_text(path, SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(forms, "remove_listed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_text(path, LARGE)
    assert files(tmp_path) == ["a.json", "a.json.gz"]
    for name in ("a.json", "a.json.gz"):
        with pytest.raises(DamagedFileError, match=r"a\.json and a\.json\.gz are two forms of one"):
            document_file(tmp_path, name)
    with pytest.raises(DamagedFileError, match="two forms of one document"):
        document_files(tmp_path)
    write_text(path, LARGE)
    assert files(tmp_path) == ["a.json.gz"]


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_a_document_is_found_in_the_form_that_is_there(tmp_path: Path, name: str) -> None:
    assert document_file(tmp_path, name) == tmp_path / "a.json"
    for text in (SMALL, LARGE):
        written = write_text(tmp_path / "a.json", text)
        assert document_file(tmp_path, name) == written


def test_items_and_files_below_are_no_documents(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "below/c.json"):
        write_text(tmp_path / name, LARGE if name == "a.json" else SMALL)
    (tmp_path / "a-items.jsonl.gz").write_bytes(compressed(LARGE))
    assert document_files(tmp_path) == [tmp_path / "a.json.gz", tmp_path / "b.json"]


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_files_beside_a_document_have_its_name(name: str) -> None:
    document = Path("results/theory") / name
    assert beside(document, ".md") == Path("results/theory/x.md")
    assert beside(document, "-items.jsonl.gz") == Path("results/theory/x-items.jsonl.gz")


@pytest.mark.parametrize(
    "document",
    [speech(), images(), analytic(), speed(), theory(), network_theory()],
    ids=lambda one: one.kind,
)
def test_a_large_document_is_read_by_either_name(tmp_path: Path, document: Document) -> None:
    file = document.write(tmp_path / "x.json")
    assert file == tmp_path / "x.json.gz"
    assert kind_of(file) == document.kind
    for path in (tmp_path / "x.json", file):
        assert type(document).read(path) == document
    assert read_text(file) == document.text


def test_runs_are_found_in_both_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = [images().write(tmp_path / "images.json"), speed().write(tmp_path / "speed.json")]
    monkeypatch.undo()
    plain = speech().write(tmp_path / "speech.json")
    assert run_files(tmp_path) == [packed[0], plain]


CONTENT = compressed(LARGE)
DAMAGES = [CONTENT[:-9], CONTENT[:-6] + b"\0" * 6, LARGE.encode(), gzip.compress(b"\xff")]


@pytest.mark.parametrize("content", DAMAGES, ids=["cut", "wrong sum", "text", "no text"])
def test_a_damaged_gzip_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json.gz"
    write_listed(path, partial(Path.write_bytes, data=content))
    for read in (kind_of, RunResults.read):
        with pytest.raises(DamagedFileError) as refused:
            read(path)
        assert str(refused.value) == f"{path} is no gzip file, or a damaged one; restore it"


def test_an_altered_gzip_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = images().write(tmp_path / "images.json")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DamagedFileError, match=r"images\.json\.gz does not match its checksum"):
        RunResults.read(tmp_path / "images.json")


def test_a_compressed_document_that_breaks_its_schema_names_the_field(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", images().text.replace('"meaningless": false', '"x": 1'))
    with pytest.raises(DamagedFileError, match=r"x\.json\.gz breaks its schema at meaningless"):
        RunResults.read(tmp_path / "x.json")
