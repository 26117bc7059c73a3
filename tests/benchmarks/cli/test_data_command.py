"""The command ``data``: it finds at once what would fail after the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cli.app import main
from benchmarks.cli.experiments import foreign_networks, resolved
from synthetic.recordings import write_voices

ENOUGH = ["--search.finalist-items", "1", "--test-items", "2", "--clip-frames", "31"]
ENOUGH += ["--search.clip-frames", "31"]


def said_by(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, str]:
    place = folder.parent
    options = ("--data", str(folder), "--workspace", str(place / "work"), *options)
    status = main(["data", "cpu", *options])
    return status, capsys.readouterr().err


def test_what_is_taken_and_whose_networks_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "voices"
    write_voices(folder, 20)
    status, said = said_by(capsys, folder, *ENOUGH)
    assert status == 0, said
    assert "data: 20 recordings taken\n" in said
    assert "data: voices, 2 test, 2 valid, 16 train\n" in said
    assert (
        "networks: score_net.weights, schedule_net.weights of cpu were trained on festvox-ru, not "
        f"on {folder}; --from-scratch trains all networks on {folder}\n"
    ) in said
    assert "crop_frames" not in said  # nothing is trained


def test_counts_that_the_folder_cannot_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_voices(tmp_path / "voices", 20)
    status, said = said_by(capsys, tmp_path / "voices")
    assert status == 2
    error = said.splitlines()[-1]
    assert "11 clips are wanted of 1.28 s (search.clip_frames: 80), and in the 'valid' spl" in error
    assert "test_items: 20: 20 clips are wanted of 2.56 s (clip_frames: 160), and in the" in error
    assert "'test' split of voices 0 of 2 recordings have that length" in error


def test_crops_are_asked_for_where_networks_are_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_voices(tmp_path / "voices", 20)
    status, said = said_by(capsys, tmp_path / "voices", *ENOUGH, "--from-scratch")
    assert status == 2
    assert "networks:" not in said
    assert "score_net.crop_frames: 64: a recording is wanted of 1.02 s" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--test-items", "0"], "error: test_items: 0 is too few; give a number from 1"),
        (["--search.pass-items", "9"], "error: search.pass_items: 9 is more than the 2 clips of"),
    ],
)
def test_impossible_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], said: str
) -> None:
    write_voices(tmp_path / "voices", 20)
    status, told = said_by(capsys, tmp_path / "voices", *ENOUGH, *option)
    assert status == 2
    assert told.splitlines()[-1].startswith(said)


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("cpu", [], None),
        (
            "cpu",
            ["--data", "mine"],
            "score_net.weights, schedule_net.weights of cpu were trained o",
        ),
        (
            "cpu",
            ["--data", "mine", "--score-net.weights", "my.st"],
            "networks: schedule_net.weights",
        ),
        (
            "images-cpu",
            ["--data", "mine"],
            "schedule_net.weights, image.extractor_weights of image",
        ),
        ("images-folder", ["--data", "mine"], None),  # which trains all; Inception serves any
        ("smoke", ["--data", "mine"], None),
    ],
)
def test_networks_of_the_file_with_data_of_an_option(
    name: str, options: list[str], fields: str | None
) -> None:
    asked = resolved(name, options, ())
    told = foreign_networks(asked, name, from_scratch=False)
    assert (told is None) if fields is None else (fields in (told or ""))
    assert foreign_networks(asked, name, from_scratch=True) is None
