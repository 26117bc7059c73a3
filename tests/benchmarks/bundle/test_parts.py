"""Stage folders are packed in parts below a size, and checked as they are taken in."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.bundle.parts import bytes_of, experiments_of, merge, note_asked, write_parts
from benchmarks.bundle.wheels import Target, canonical, closure, lacking, unknown_packages
from benchmarks.core.experiment import Experiment, ScoreNetConfig
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import from_content
from benchmarks.runtime.workspace import StageFolder, Workspace

MADE = {"commit": "abc", "device": "a GPU"}


def manifest(**experiments: dict[str, object]) -> str:
    content = experiments or {"a": {"data": "voice"}}
    return json.dumps({"origin": {}, "experiments": content, "python": "3.12"})


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
    (there / "bundle.json").write_text(manifest())
    parts = write_parts(there, tmp_path / "back", 120_000)
    assert len(parts) > 2
    assert all(part.stat().st_size <= 120_000 for part in parts)
    merged = merge(tmp_path / "back", home)
    assert len(merged.taken) == 7
    assert all(folder.is_finished() for folder in merged.taken)
    assert {folder.origin["device"] for folder in merged.taken} == {"a GPU"}
    assert merged.experiments == {"a": {"data": "voice"}}
    assert merged.lacking == []
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
        ("altered", r"out\.bin is missing or altered; copy the file again"),
        ("missing", r"out\.bin is missing or altered; copy the file again"),
        ("renamed", "does not match the inputs in its finished.json"),
        ("inputs", "does not match the inputs in its finished.json"),
        ("record", r"finished\.json is damaged \(Invalid JSON.*copy the file again"),
        ("outside", "is missing or altered; copy the file again"),
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
    with pytest.raises(DamagedFileError, match="does not exist; give the returned folder"):
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
    with pytest.raises(Exception, match="is no size: write a size as 60MB"):
        bytes_of(text)


def test_options_given_away_from_home_come_back(tmp_path: Path) -> None:
    there, home = tmp_path / "there", tmp_path / "home"
    stage(there, 1)
    packed = as_dict(Experiment(data="voice", train_items=5))
    (there / "bundle.json").write_text(manifest(a=packed))
    asked = Experiment(data="data/a", device="cuda", compile="reduce-overhead", train_items=5)
    asked = dataclasses.replace(asked, score_net=ScoreNetConfig(batch_size=4, compile=True))
    note_asked(there, "a", as_dict(asked))
    note_asked(there, "b", {})
    write_parts(there, tmp_path / "back", 10**6)
    (found,) = merge(tmp_path / "back", home).experiments.values()
    assert from_content(found, "a") == dataclasses.replace(
        asked, data="voice", device="cpu", compile="no", score_net=ScoreNetConfig(batch_size=4)
    )
    assert experiments_of(tmp_path) == {}
    (there / "bundle.json").write_text(manifest(a={"track": "speech"}))  # of older code
    assert experiments_of(there)["a"]["train_items"] == 5


def test_a_missing_part_is_named_and_nothing_is_taken(tmp_path: Path) -> None:
    for seed in range(5):
        stage(tmp_path / "there", seed, 40_000)
    parts = write_parts(tmp_path / "there", tmp_path / "back", 60_000)
    assert len(parts) == 5
    aside = tmp_path / "aside.tar"
    parts[3].rename(aside)
    with pytest.raises(
        DamagedFileError, match=r"back lacks part-4\.tar; copy the missing parts from the"
    ):
        merge(tmp_path / "back", tmp_path / "home")
    assert not (tmp_path / "home").exists()
    for part in (parts[0], parts[1], parts[2], parts[4]):
        merged = merge(part, tmp_path / "home")  # one by one
    assert len(merged.lacking) == 1
    assert merge(aside, tmp_path / "home").lacking == []


def test_parts_of_two_bundles_lie_side_by_side(tmp_path: Path) -> None:
    for name, seed in (("x", 1), ("y", 2)):
        stage(tmp_path / name, seed)
        content = {"data": "voice", "seed": seed}
        (tmp_path / name / "bundle.json").write_text(manifest(a=content))
        write_parts(tmp_path / name, tmp_path / "back" / name, 10**6)
    merged = merge(tmp_path / "back", tmp_path / "home")
    assert len(merged.taken) == 2
    assert [one["seed"] for one in merged.experiments.values()] == [1, 2]
    assert [*merged.experiments] == ["a", "a-2"]


@pytest.mark.parametrize(
    "content",
    ["{", "{}", '{"inputs": {}}', '{"inputs": 1, "outputs": {}, "seconds": 1}',
     '{"inputs": {}, "outputs": {"a": 1}, "seconds": 1}',
     '{"inputs": {}, "outputs": {"a": "b"}, "seconds": "x"}',
     '{"inputs": {}, "outputs": {"a": "b"}, "seconds": 1, "made": null}'],
)  # fmt: skip
@pytest.mark.parametrize("side", ["there", "home"])
def test_damaged_records_of_either_side_are_named(tmp_path: Path, content: str, side: str) -> None:
    for place in ("there", "home"):
        folder = stage(tmp_path / place, 1)
    (tmp_path / side / "sample" / folder.path.name / "finished.json").write_text(content)
    with pytest.raises(
        DamagedFileError, match=r"finished\.json is damaged \(.*; copy the file again"
    ):
        merge(tmp_path / "there", tmp_path / "home")


def test_a_record_without_files_is_refused(tmp_path: Path) -> None:
    Workspace(tmp_path / "there").stage("sample", {}).finish([], 1.0)
    with pytest.raises(DamagedFileError, match="lists no files"):
        merge(tmp_path / "there", tmp_path / "home")


@pytest.mark.parametrize("name", ["bundle.json", "asked.json"])
def test_a_damaged_manifest_is_named(tmp_path: Path, name: str) -> None:
    stage(tmp_path / "there", 1)
    (tmp_path / "there" / "bundle.json").write_text(manifest())
    (tmp_path / "there" / name).write_text("{}")
    with pytest.raises(DamagedFileError, match=rf"{name} is damaged \(.*Field required"):
        merge(tmp_path / "there", tmp_path / "home")


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other" / "code" / "benchmarks").mkdir(parents=True)
    with pytest.raises(DamagedFileError, match="other holds no stages; give back/"):
        merge(tmp_path / "other", tmp_path / "home")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(
        DamagedFileError, match=r"a\.txt cannot be unpacked \([^\n]*\); copy the part"
    ):
        merge(tmp_path / "a.txt", tmp_path / "home")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(DamagedFileError, match=r"empty\.tar is not a part that run\.sh packed"):
        merge(tmp_path / "empty.tar", tmp_path / "home")
    stage(tmp_path / "home", 1)
    with pytest.raises(DamagedFileError, match="home is the workspace itself"):
        merge(tmp_path / "home", tmp_path / "home")


def test_packages_that_are_not_here() -> None:
    assert unknown_packages(["numpy", "numpi", "PyYAML"]) == ["numpi"]
