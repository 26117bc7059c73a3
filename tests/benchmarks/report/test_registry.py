"""Publishing and checking: every kind of document, and every way in which a folder is wrong."""

from __future__ import annotations

import gzip
import json
import re
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from bddm_ref.files import DamagedFileError, write_listed, write_with_checksum
from benchmarks.cli.app import main
from benchmarks.report.readme import write_overview
from benchmarks.report.registry import (
    DOCUMENTS,
    checked,
    publish,
    write_networks,
    write_ranking,
    write_speed_pages,
)
from benchmarks.results import forms
from benchmarks.results.documents import Document, Measurement, kind_of
from benchmarks.results.forms import compressed
from benchmarks.results.items import items_file, write_items
from benchmarks.results.owned import run_files_of
from synthetic.folder import copied
from synthetic.runs import images, speech, write_run
from synthetic.studies import network_theory, speed


def kinds_below(base: type[Document]) -> dict[str, type[Document]]:
    """Every class of document by the kind that it states."""
    found: dict[str, type[Document]] = {}
    for one in base.__subclasses__():
        if one.__module__.startswith("benchmarks."):
            own = get_args(one.model_fields["kind"].annotation)
            found |= dict.fromkeys(own, one) | kinds_below(one)
    return found


def test_every_class_of_document_has_an_entry() -> None:
    found = kinds_below(Document)
    assert Measurement not in found.values()  # it is a base, and states no kind
    assert {name: kind.schema for name, kind in DOCUMENTS.items()} == found


def test_a_whole_folder_passes(results_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(results_folder)]) == 0
    said = capsys.readouterr().out.replace(f"{results_folder}/", "")
    agree = "checksum, schema and page agree"
    for line in (
        f"images.json: 16 rows, {agree}",
        f"contestants/speech.json: 13 rows, {agree}",
        f"networks/images-other/images.json: 10 rows, {agree}",
        "contestants.md: follows from 3 runs, plots agree",
        f"speed.json: 2 cases, {agree}",
        f"authors-audio.json: 6 samples, {agree}",
        f"theory/theory.json: bounds of 1 distributions, {agree}",
        f"theory/images.json: networks of 1 conventions, {agree}",
        "networks.md: follows from 2 networks",
    ):
        assert f"{line}\n" in said
    assert "claims follow from the results" in said
    assert said.count("README.md: its figures are those of") == 2
    for plot in ("theory/bounds.svg", "theory/images.svg", "contestants/pareto-speech-raw.svg"):
        assert (results_folder / plot).is_file()


@pytest.fixture
def small(whole_folder: Path, tmp_path: Path) -> Path:
    """A folder of one run, to be spoilt."""
    return copied(whole_folder, tmp_path, "analytic*")


@pytest.mark.parametrize(
    ("page", "document", "command"),
    [
        ("analytic.md", "analytic.json", "run"),
        ("claims.md", "claims.json", "claims"),
        ("speed.md", "speed.json", "speed"),
        ("authors-audio.md", "authors-audio.json", "authors-audio"),
        ("theory/theory.md", "theory.json", "theory analytic"),
        ("theory/images.md", "images.json", "theory"),
    ],
)
def test_an_altered_or_lost_page_is_found(
    whole_folder: Path, small: Path, page: str, document: str, command: str
) -> None:
    path = copied(whole_folder, small, f"{page.removesuffix('md')}*") / page
    assert checked(small)
    said = f"{path.name} is not the page of {document}; make it again with '{command}'"
    path.write_text(f"{path.read_text()}more\n")
    with pytest.raises(DamagedFileError, match=said):
        checked(small)
    path.unlink()
    with pytest.raises(DamagedFileError, match=said):
        checked(small)


def test_an_altered_page_of_networks_is_found(whole_folder: Path, tmp_path: Path) -> None:
    folder = copied(whole_folder, tmp_path, "images*", "networks.md", "networks/*/*")
    assert checked(folder)
    page = folder / "networks.md"
    text = page.read_text()
    page.write_text(text.replace("**better**", "**worse**"))
    with pytest.raises(DamagedFileError, match="make it again with 'networks'"):
        checked(folder)
    assert main(["networks", str(folder)]) == 0
    assert page.read_text() == text


def test_an_altered_document_is_found(small: Path) -> None:
    path = small / "analytic.json"
    path.write_text(path.read_text().replace('"tree": "clean"', '"tree": "changed"'))
    with pytest.raises(DamagedFileError, match=r"analytic\.json does not match its checksum"):
        checked(small)


def test_an_altered_file_that_only_has_a_checksum_is_found(small: Path) -> None:
    path = small / "README.md"
    write_with_checksum(path, partial(Path.write_text, data="words"))
    assert checked(small)
    path.write_text("other words")
    with pytest.raises(DamagedFileError, match=r"README\.md does not match its checksum"):
        checked(small)


@pytest.mark.parametrize(
    "name",
    [
        "wav/gone-ddpm-3.wav",
        "clips/raw/ddpm-3/gone.flac",
        "grids/plain-ddpm-3.png",
        "schedules/raw-3.json",
        "schedules/raw-3.ns",
        "weights/old-score.safetensors",
        "contestants/pareto-speech-raw.svg",
        "bounds.svg",
        "networks.md",
        "contestants.md",
        "speech-items.jsonl.gz",
        "theory/theory.md",
        "analytic.md.sha256",
        ".analytic.md.12345",
    ],
)
def test_files_without_a_document_are_named(small: Path, name: str) -> None:
    assert checked(small)
    if name.endswith(".sha256"):
        write_with_checksum(small / "old.md", partial(Path.write_text, data="x"))
        (small / "old.md").rename(small / "analytic2.svg")
        (small / "old.md.sha256").rename(small / "analytic2.svg.sha256")
        name = "analytic2.svg, analytic2.svg.sha256"
    else:
        write_listed(small / name, partial(Path.write_text, data="x"))
    (small / "notes.txt").write_text("a user's own")
    said = f"has files that belong to none of its documents: {re.escape(name)}; publish their run"
    with pytest.raises(DamagedFileError, match=said):
        checked(small)


def test_weights_that_a_run_has_used_are_no_orphans(tmp_path: Path) -> None:
    named = {"score_net": {"weights": "results/weights/a.safetensors"}}
    write_run(tmp_path, images(experiment=named))
    for name in ("a.safetensors", "a.json"):
        write_listed(tmp_path / "weights" / name, partial(Path.write_text, data="{}"))
    assert checked(tmp_path)
    write_listed(tmp_path / "weights" / "b.json", partial(Path.write_text, data="{}"))
    with pytest.raises(DamagedFileError, match=r"of its documents: weights/b\.json;"):
        checked(tmp_path)


def test_examples_of_earlier_versions_follow_from_their_experiment() -> None:
    results = speech(experiment={"wav_items": 2, "publish_weights": True})
    data = results.data.model_copy(update={"test_items": ["one", "two", "three"]})
    found = run_files_of(results.model_copy(update={"data": data}), "speech")
    assert {"speech.md", "speech-items.jsonl.gz", "weights/speech-score.json"} <= found
    assert {"wav/one-recording.wav", "wav/two-ddpm-1000.wav"} <= found
    assert "wav/three-recording.wav" not in found  # only two clips are kept
    found = run_files_of(images(experiment={"grid_items": 4}), "images")
    assert {"grids/test-images.png", "grids/plain-ddpm-3.png"} <= found
    assert run_files_of(images(experiment={"grid_items": 0}), "images") == {
        "images.md",
        "images-items.jsonl.gz",
    }
    listed = images(experiment={"grid_items": 4}, files={"grids/a.png": "0" * 64})
    assert run_files_of(listed, "images") - {"grids/a.png"} == {
        "images.md",
        "images-items.jsonl.gz",
    }


def test_altered_items_are_found(small: Path) -> None:
    items = items_file(small / "analytic.json")
    text = gzip.decompress(items.read_bytes()).decode()
    items.write_bytes(gzip.compress(text.replace("2021", "2022").encode()))
    said = r"-items\.jsonl\.gz is not the one that analytic\.json was made from"
    with pytest.raises(DamagedFileError, match=said):
        checked(small)
    write_items(small / "analytic.json", text.replace("2021", "2022"))
    with pytest.raises(DamagedFileError, match=said):
        checked(small)
    items.unlink()
    with pytest.raises(DamagedFileError, match="does not exist"):
        checked(small)


def test_missing_items_are_counted(tmp_path: Path) -> None:
    results = images()
    records = [{"row": row.key, "images": row.n_total} for row in results.rows]
    write_run(tmp_path, results, [*records[:-1], {"row": "plain/ddim-16", "images": 499}])
    with pytest.raises(DamagedFileError, match="has 499 items of plain/ddim-16, not 500"):
        checked(tmp_path)


def test_a_ranking_that_the_runs_do_not_say_is_found(results_folder: Path) -> None:
    (results_folder / "contestants.md").write_text("another page")
    said = r"contestants\.md is not what the runs say; make it again with 'ranking'"
    with pytest.raises(DamagedFileError, match=said):
        checked(results_folder)


def test_an_altered_or_lost_plot_is_found_and_made_again(
    whole_folder: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(whole_folder, small, "contestants/images*")
    write_ranking(folder)
    assert checked(folder)
    plot, page = folder / "contestants" / "pareto-images-plain.svg", folder / "contestants.md"
    first, text = plot.read_bytes(), page.read_text()
    said = r"pareto-images-plain\.svg (does not match its checksum|is missing, and)"
    plot.write_bytes(first.replace(b"BDDM", b"DDIM"))
    with pytest.raises(DamagedFileError, match=said):
        checked(folder)
    plot.unlink()
    with pytest.raises(DamagedFileError, match=said):
        checked(folder)
    assert main(["ranking", str(folder)]) == 0
    assert plot.read_bytes() == first
    assert capsys.readouterr().out == page.read_text() == text


@pytest.mark.parametrize("content", [{"kind": "recipe"}, {"rows": []}, []])
def test_a_json_file_of_no_known_kind_is_refused(
    small: Path, content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "extra.json").write_text(json.dumps(content))
    assert main(["check", str(small)]) == 2
    assert "extra.json is no document of this version; make it again, or move it" in (
        capsys.readouterr().err
    )


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    publish(tmp_path / "speed.json", speed())
    with pytest.raises(DamagedFileError, match="holds no results"):
        checked(tmp_path)


@pytest.fixture
def compressed_folder(results_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The whole folder, with each document compressed and all else as it was."""
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    for path in [*results_folder.rglob("*.json")]:
        assert DOCUMENTS[kind_of(path) or ""].schema.read(path).write(path) != path
    return results_folder


def test_pages_do_not_depend_on_the_form_of_documents(
    compressed_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(compressed_folder)]) == 0
    said = capsys.readouterr().out.replace(f"{compressed_folder}/", "")
    agree = "checksum, schema and page agree"
    for line in (
        f"images.json.gz: 16 rows, {agree}",
        f"contestants/speech.json.gz: 13 rows, {agree}",
        f"theory/theory.json.gz: bounds of 1 distributions, {agree}",
        "networks.md: follows from 2 networks",
    ):
        assert f"{line}\n" in said
    assert "claims.json.gz: 18 claims follow from the results" in said
    texts = {page: page.read_text() for page in compressed_folder.parent.rglob("*.md")}
    for write in (write_ranking, write_networks, write_speed_pages, write_overview):
        write(compressed_folder)
    assert {page: page.read_text() for page in compressed_folder.parent.rglob("*.md")} == texts


def test_a_large_document_has_its_page_and_plots_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    assert publish(tmp_path / "images.json", network_theory()) == tmp_path / "images.md"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"SHA256SUMS", "images.json.gz", "images.md", "images.svg"}


@pytest.mark.parametrize("name", ["analytic", "claims", "speed", "contestants/images"])
def test_two_forms_of_one_document_are_refused(
    results_folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = results_folder / f"{name}.json"
    data = compressed(plain.read_text())
    write_listed(plain.with_name(f"{plain.name}.gz"), partial(Path.write_bytes, data=data))
    assert main(["check", str(results_folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {plain} and {plain.name}.gz are two forms of one document; ")
    assert said.count("\n") == 1


def test_a_damaged_gzip_file_is_found(
    compressed_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = compressed_folder / "speech.json.gz"
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["check", str(compressed_folder)]) == 2
    said = capsys.readouterr().err
    assert said == f"error: {path} is no gzip file, or a damaged one; restore it\n"
