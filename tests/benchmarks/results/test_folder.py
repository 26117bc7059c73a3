"""A results folder as claims read it: what is consulted, and why a result is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.results import forms
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.schema import RunResults
from synthetic.runs import CREATED, speech
from synthetic.studies import speed, theory


def folder_of(path: Path, *documents: RunResults) -> ResultsFolder:
    for one in documents:
        one.write(path / f"{one.track}.json")
    return ResultsFolder(path)


def test_rows_and_comparisons_are_found_by_their_keys(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, speech())
    assert folder.row("speech", "raw/bddm-3").metrics["pesq_wb_lqo"].value == 2.5
    found = folder.comparison("speech", "raw/bddm-3", "raw/ddim-3", "stoi")
    assert (found.against, found.metric) == ("raw/ddim-3", "stoi")
    assert folder.made == {"speech.json": CREATED}


def test_missing_results_are_reasons(tmp_path: Path) -> None:
    rows = [
        row.model_copy(update={"skipped": "it diverged"}) if row.key == "raw/bddm-7" else row
        for row in speech().rows
    ]
    folder = folder_of(tmp_path, speech().model_copy(update={"rows": rows}))
    with pytest.raises(MissingResultError, match=r"images\.json is not published"):
        folder.row("images", "plain/bddm-3")
    with pytest.raises(MissingResultError, match=r"speech\.json has no row raw/bddm-4"):
        folder.row("speech", "raw/bddm-4")
    with pytest.raises(MissingResultError, match=r"raw/bddm-7: it diverged"):
        folder.row("speech", "raw/bddm-7")
    with pytest.raises(MissingResultError, match=r"does not compare raw/ddpm-3 with raw/ddim-3"):
        folder.comparison("speech", "raw/ddpm-3", "raw/ddim-3", "stoi")
    with pytest.raises(MissingResultError, match=r"theory\.json is not published"):
        _ = folder.theory
    with pytest.raises(MissingResultError, match=r"theory/speech\.json is not published"):
        folder.network_theory("speech", "raw")
    with pytest.raises(MissingResultError, match=r"speed-cuda\.json is not published"):
        folder.speed("speed-cuda")
    with pytest.raises(MissingResultError, match=r"weights/x\.json is not there"):
        folder.network_cost("x")


def test_a_smoke_run_decides_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, speech(meaningless=True))
    with pytest.raises(MissingResultError, match=r"speech\.json is of a smoke run"):
        folder.row("speech", "raw/bddm-3")
    assert folder.made == {}


def test_searched_rows_need_three_trainings_and_searches(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, speech())
    said = "1 trainings and searches, of 3 that a verdict needs"
    assert folder.lacks_repeats("speech", "raw/bddm-3", "raw/ddpm-3") == said
    assert folder.lacks_repeats("speech", "raw/ddpm-3", "raw/ddim-3") is None
    rows = [row.model_copy(update={"repeats": 3}) for row in speech().rows]
    enough = folder_of(tmp_path, speech().model_copy(update={"rows": rows}))
    assert enough.lacks_repeats("speech", "raw/bddm-3") is None


def test_views_share_documents_and_note_their_own_consultations(tmp_path: Path) -> None:
    speed().write(tmp_path / "speed.json")
    theory().write(tmp_path / "theory" / "theory.json")
    folder = ResultsFolder(tmp_path)
    first, second = folder.view(), folder.view()
    assert first.speed("speed") is second.speed("speed")  # read once
    assert first.theory.bounds[0].data == "x"
    assert list(first.made) == ["speed.json", "theory/theory.json"]
    assert list(second.made) == ["speed.json"]


def test_a_damaged_document_is_no_missing_one(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, speech())
    path = tmp_path / "speech.json"
    path.write_text(path.read_text().replace("2.5", "2.6"))
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        folder.run("speech")


def test_compressed_documents_keep_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    folder = folder_of(tmp_path, speech())
    assert (tmp_path / "speech.json.gz").is_file()
    assert folder.row("speech", "raw/bddm-3").metrics["pesq_wb_lqo"].value == 2.5
    assert folder.made == {"speech.json": CREATED}
