"""Stage folders: skipped when finished, refused when damaged, never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.core.identity import fingerprint
from benchmarks.runtime.workspace import Workspace, write_json


def test_fingerprint_depends_on_values_alone() -> None:
    assert fingerprint({"a": 1, "b": [2.5]}) == fingerprint({"b": [2.5], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_stage_is_finished_once_recorded(tmp_path: Path) -> None:
    folder = Workspace(tmp_path).stage("sample", {"seed": 1})
    assert not folder.is_finished()
    output = folder.path / "out.txt"
    output.write_text("done")
    folder.finish([output], 1.5)
    assert Workspace(tmp_path).stage("sample", {"seed": 1}).is_finished()
    assert not Workspace(tmp_path).stage("sample", {"seed": 2}).is_finished()


def test_seconds_are_those_of_the_work_whenever_it_was_done(tmp_path: Path) -> None:
    for seed, seconds in ((1, 1.5), (2, 2.0)):
        Workspace(tmp_path).stage("sample", {"seed": seed}).finish([], seconds)
    workspace = Workspace(tmp_path)
    for seed in (1, 2, 2, 3):  # the third is not finished
        workspace.stage("sample", {"seed": seed})
    assert workspace.seconds() == {"sample": 3.5}


@pytest.mark.parametrize("damage", ["altered", None])
def test_a_damaged_output_is_refused_and_left(tmp_path: Path, damage: str | None) -> None:
    folder = Workspace(tmp_path).stage("sample", {"seed": 1})
    output = folder.path / "out.txt"
    output.write_text("done")
    folder.finish([output], 1.5)
    if damage is None:
        output.unlink()
    else:
        output.write_text(damage)
    with pytest.raises(DamagedFileError, match=r"out\.txt is missing or altered; remove"):
        folder.is_finished()
    assert damage is None or output.read_text() == damage


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    folder = Workspace(tmp_path).stage("sample", {})
    (folder.path / "finished.json").write_text("{")
    with pytest.raises(DamagedFileError, match="is damaged"):
        folder.is_finished()


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_fingerprint_does_not_see_the_last_digits_of_a_float() -> None:
    assert fingerprint({"betas": [0.1 + 0.2]}) == fingerprint({"betas": [0.3]})
    assert fingerprint({"betas": (1 / 3,)}) == fingerprint({"betas": [1 / 3 + 1e-16]})
    assert fingerprint({"betas": [0.3]}) != fingerprint({"betas": [0.3 + 1e-10]})
    assert fingerprint({"seed": 1}) != fingerprint({"seed": 1.0})  # an integer is none


def test_what_made_the_work_is_recorded_and_told(tmp_path: Path) -> None:
    here, there = {"commit": "b", "device": "cpu"}, {"commit": "b", "device": "a GPU"}
    for seed, made in ((1, here), (2, there), (3, there)):
        folder = Workspace(tmp_path, made).stage("sample", {"seed": seed})
        folder.finish([], 2.0)
        assert folder.origin == made
    workspace = Workspace(tmp_path, here)
    for seed in (1, 2, 3, 4):  # the last is not finished
        workspace.stage("sample", {"seed": seed})
    assert workspace.made_otherwise() == [
        {"stage": "sample", "folders": 2, "seconds": 4.0, **there}
    ]
    assert workspace.seconds() == {"sample": 6.0}


def test_work_without_a_word_of_its_origin_is_not_said_to_be_from_elsewhere(
    tmp_path: Path,
) -> None:
    Workspace(tmp_path).stage("sample", {}).finish([], 1.0)
    workspace = Workspace(tmp_path, {"commit": "b"})
    assert workspace.stage("sample", {}).origin == {}
    assert workspace.made_otherwise() == []
