"""Stage folders: skipped when finished, refused when damaged, never overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.core.identity import fingerprint
from benchmarks.runtime.code.closure import Code
from benchmarks.runtime.workspace import UnfinishedError, Workspace, write_json

CODE = Code({"bddm_ref.process.ddim_kernel": "1" * 64, "bddm_ref.sampling.sample": "2" * 64})
CHANGED = Code({"bddm_ref.process.ddim_kernel": "3" * 64, "bddm_ref.sampling.sample": "2" * 64})
MADE = {"commit": "0123456789abcdef", "tree": "clean"}


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


def test_other_code_opens_another_folder(tmp_path: Path) -> None:
    Workspace(tmp_path).stage("sample", {"seed": 1}, CODE).finish([], 1.0)
    assert Workspace(tmp_path).stage("sample", {"seed": 1}, CODE).is_finished()
    assert not Workspace(tmp_path).stage("sample", {"seed": 1}, CHANGED).is_finished()


def test_a_move_of_code_opens_the_same_folder(tmp_path: Path) -> None:
    moved = Code({f"elsewhere.{name}": digest for name, digest in CODE.parts.items()})
    Workspace(tmp_path).stage("sample", {}, CODE).finish([], 1.0)
    assert Workspace(tmp_path).stage("sample", {}, moved).is_finished()


def test_changed_code_is_named_with_the_commit_of_the_earlier_work(tmp_path: Path) -> None:
    said: list[str] = []
    Workspace(tmp_path, MADE).stage("sample", {"seed": 1}, CODE).finish([], 1.0)
    workspace = Workspace(tmp_path, MADE, say=said.append)
    workspace.stage("sample", {"seed": 2}, CHANGED)  # never made: nothing to say
    assert said == []
    workspace.stage("sample", {"seed": 1}, CHANGED)
    assert said == [
        "sample: made anew, since code has changed after commit 0123456789ab: "
        "bddm_ref.process.ddim_kernel"
    ]


def test_many_changes_of_code_are_counted_and_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    code = Code({f"bddm_ref.x{n}": f"{n}" * 64 for n in range(7)})
    for seed in (1, 2):
        Workspace(tmp_path, MADE).stage("sample", {"seed": seed}, code).finish([], 1.0)
    workspace = Workspace(tmp_path, MADE, say=said.append)
    for seed in (1, 2):
        workspace.stage("sample", {"seed": seed}, Code({"bddm_ref.y": "a" * 64}))
    assert len(said) == 1
    assert said[0].endswith("bddm_ref.y, bddm_ref.x0, bddm_ref.x1, bddm_ref.x2 and 4 more")


def test_work_that_is_taken_is_told_with_its_commit(tmp_path: Path) -> None:
    said: list[str] = []
    for seed, made in ((1, MADE), (2, MADE), (3, MADE | {"tree": "changed"})):
        Workspace(tmp_path, made).stage("sample", {"seed": seed}, CODE).finish([], 1.0)
    workspace = Workspace(tmp_path, MADE, say=said.append)
    for seed in (1, 2, 3, 4):
        workspace.stage("sample", {"seed": seed}, CODE)
    workspace.tell_taken()
    workspace.tell_taken()  # once only
    lines = [line.partition(" on ")[0] for line in said]
    assert lines == [
        f"sample: 2 of 4 taken from {tmp_path}, made by commit 0123456789ab",
        f"sample: 1 of 4 taken from {tmp_path}, made by commit 0123456789ab, tree changed",
    ]


def test_results_name_the_commit_and_the_code_of_all_work(tmp_path: Path) -> None:
    other = {"commit": "f" * 16, "tree": "changed"}
    Workspace(tmp_path, other).stage("search", {}, CODE).finish([], 1.0)
    workspace = Workspace(tmp_path, MADE)
    workspace.stage("search", {}, CODE)
    workspace.stage("sample", {}, CHANGED).finish([], 1.0)
    found = workspace.work()
    assert [(one["stage"], one["commit"], one["tree"]) for one in found] == [
        ("search", "f" * 16, "changed"),
        ("sample", "0123456789abcdef", "clean"),
    ]
    assert len({one["code"] for one in found}) == 2


def test_fresh_work_sets_the_earlier_work_aside(tmp_path: Path) -> None:
    for _ in range(2):
        workspace = Workspace(tmp_path, fresh=True)
        folder = workspace.stage("sample", {}, CODE)
        assert not folder.is_finished()
        output = folder.path / "out.txt"
        output.write_text("done")
        folder.finish([output], 1.0)
        assert workspace.stage("sample", {}, CODE).is_finished()  # of this run
    kept = sorted(path.name for path in (tmp_path / "set-aside" / "sample").iterdir())
    assert kept == [f"{folder.path.name}-1"]
    assert (tmp_path / "set-aside" / "sample" / kept[0] / "out.txt").read_text() == "done"


def test_temporaries_of_dead_processes_are_cleared_and_others_stay(tmp_path: Path) -> None:
    folder = Workspace(tmp_path).stage("sample", {})
    living, dead = os.getpid(), 2**22 + 1  # above the largest process number of Linux
    for name in (f".a.json.{living}", f".a.json.{dead}", ".hidden", "state.pt"):
        (folder.path / name).write_text("x")
    Workspace(tmp_path).stage("sample", {})
    left = sorted(path.name for path in folder.path.iterdir())
    assert left == sorted([f".a.json.{living}", ".hidden", "state.pt"])


def test_a_look_ahead_opens_finished_work_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    ahead = workspace.ahead()
    with pytest.raises(UnfinishedError, match="sample"):
        ahead.stage("sample", {"row": 1})
    assert list(tmp_path.iterdir()) == []  # nothing was made
    folder = workspace.stage("sample", {"row": 1})
    with pytest.raises(UnfinishedError):
        ahead.stage("sample", {"row": 1})
    folder.finish([], 1.0)
    assert ahead.stage("sample", {"row": 1}).path == folder.path
    with pytest.raises(UnfinishedError):  # it is to be made anew
        Workspace(tmp_path, fresh=True).ahead().stage("sample", {"row": 1})
