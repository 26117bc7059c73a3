"""Stage folders are packed in parts below a size, and checked as they are taken in."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from bddm_ref.checkpoint import DamagedFileError
from benchmarks.bundle.command import bytes_of
from benchmarks.bundle.parts import experiments_of, merge, note_asked, write_parts
from benchmarks.bundle.wheels import Target, canonical, closure, lacking
from benchmarks.experiment import Experiment, ScoreNetConfig, as_dict, from_content
from benchmarks.workspace import StageFolder, Workspace

MADE = {"commit": "abc", "device": "a GPU"}


def stage(root: Path, seed: int, size: int = 1_000) -> StageFolder:
    folder = Workspace(root, MADE).stage("sample", {"seed": seed, "betas": [0.1 + 0.2]})
    output = folder.path / "out.bin"
    output.write_bytes(bytes([seed]) * size)
    folder.finish([output], 1.5)
    return folder


def test_parts_are_below_the_limit_and_hold_everything(tmp_path: Path) -> None:
    there, home = tmp_path / "there", tmp_path / "home"
    for seed in range(7):
        stage(there, seed, 40_000)
    (there / "bundle.json").write_text("{}")
    parts = write_parts(there, tmp_path / "back", 120_000)
    assert len(parts) > 2
    assert all(part.stat().st_size <= 140_000 for part in parts)  # a tar pads what it holds
    merged = merge(tmp_path / "back", home)
    assert len(merged.taken) == 7
    assert all(folder.is_finished() for folder in merged.taken)
    assert {folder.origin["device"] for folder in merged.taken} == {"a GPU"}
    assert (home / "bundle.json").read_text() == "{}"
    assert write_parts(there, tmp_path / "back", 10**9) == [tmp_path / "back" / "part-1.tar"]
    assert len([*(tmp_path / "back").iterdir()]) == 1  # older parts are gone


def test_a_workspace_can_be_merged_as_it_is(tmp_path: Path) -> None:
    stage(tmp_path / "there", 1)
    assert len(merge(tmp_path / "there", tmp_path / "home").taken) == 1


def test_work_that_is_here_stays(tmp_path: Path) -> None:
    theirs, ours = stage(tmp_path / "there", 1), stage(tmp_path / "home", 1)
    assert theirs.path.name == ours.path.name
    assert merge(tmp_path / "there", tmp_path / "home").known == [ours.path]
    (ours.path / "out.bin").write_bytes(b"other")
    ours.finish([ours.path / "out.bin"], 1.0)
    assert merge(tmp_path / "there", tmp_path / "home").kept == [ours.path]
    assert (ours.path / "out.bin").read_bytes() == b"other"


def test_interrupted_work_is_named_and_left(tmp_path: Path) -> None:
    folder = Workspace(tmp_path / "there").stage("score_net", {})
    (folder.path / "state.pt").write_bytes(b"half")
    merged = merge(tmp_path / "there", tmp_path / "home")
    assert merged.unfinished == [folder.path]
    assert write_parts(tmp_path / "there", tmp_path / "back", 10**6) == []


def test_work_begun_here_gives_way_to_finished_work(tmp_path: Path) -> None:
    theirs = stage(tmp_path / "there", 1)
    begun = Workspace(tmp_path / "home").stage("sample", theirs.inputs)
    (begun.path / "half").write_text("half")
    assert len(merge(tmp_path / "there", tmp_path / "home").taken) == 1
    assert not (begun.path / "half").exists()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("altered", r"out\.bin is missing or altered; copy it again"),
        ("missing", r"out\.bin is missing or altered; copy it again"),
        ("renamed", "is not the folder of the inputs"),
        ("inputs", "is not the folder of the inputs"),
        ("record", r"finished\.json is damaged; copy it again"),
        ("outside", "is missing or altered; copy it again"),
    ],
)
def test_what_its_record_does_not_say_is_refused(tmp_path: Path, harm: str, message: str) -> None:
    folder = stage(tmp_path / "there", 1)
    record = folder.path / "finished.json"
    content = json.loads(record.read_text())
    if harm == "altered":
        (folder.path / "out.bin").write_bytes(b"x")
    elif harm == "missing":
        (folder.path / "out.bin").unlink()
    elif harm == "renamed":
        shutil.move(folder.path, folder.path.with_name("0" * 12))
    elif harm == "inputs":
        record.write_text(json.dumps(content | {"inputs": {"seed": 2}}))
    elif harm == "record":
        record.write_text("{")
    else:
        (tmp_path / "there" / "secret").write_text("x")
        digest = content["outputs"]["out.bin"]
        record.write_text(json.dumps(content | {"outputs": {"../../secret": digest}}))
    with pytest.raises(DamagedFileError, match=message):
        merge(tmp_path / "there", tmp_path / "home")
    assert not [*(tmp_path / "home").rglob("finished.json")]


def test_archives_cannot_leave_their_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "part-1.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with pytest.raises(DamagedFileError, match=r"part-1\.tar cannot be unpacked"):
        merge(tmp_path / "part-1.tar", tmp_path / "home")
    assert not (tmp_path / "outside").exists()
    with pytest.raises(DamagedFileError, match="does not exist; give the folder that came back"):
        merge(tmp_path / "none", tmp_path / "home")


def test_what_a_machine_lacks() -> None:
    target = Target("3.12")
    assert "markdown-it-py" in closure(["rich"], target)
    assert lacking(["rich", "pyyaml"], ["rich"], target) == ["pyyaml"]
    assert lacking(["rich"], ["Markdown_It.Py"], target) == ["pygments", "rich"]
    assert canonical(" Foo__bar.Baz") == "foo-bar-baz"


@pytest.mark.parametrize(
    ("text", "size"), [("60MB", 60_000_000), ("1.5gb", 1_500_000_000), ("2k", 2_000), ("7", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "MB", "60 apples", "-3MB", "6TB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(Exception, match="is no size: write it as 60MB"):
        bytes_of(text)


def test_options_given_away_from_home_come_back(tmp_path: Path) -> None:
    there, home = tmp_path / "there", tmp_path / "home"
    stage(there, 1)
    packed = as_dict(Experiment(data="voice", train_items=5))
    (there / "bundle.json").write_text(json.dumps({"experiments": {"a": packed}}))
    asked = Experiment(data="data/a", device="cuda", compile="reduce-overhead", train_items=5)
    asked = dataclasses.replace(asked, score_net=ScoreNetConfig(batch_size=4))
    note_asked(there, "a", as_dict(asked))
    note_asked(there, "b", {})
    write_parts(there, tmp_path / "back", 10**6)
    merge(tmp_path / "back", home)
    (found,) = experiments_of(home).values()
    assert from_content(found, "a") == dataclasses.replace(
        asked, data="voice", device="cpu", compile="no"
    )
    assert experiments_of(tmp_path) == {}
