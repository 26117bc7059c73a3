"""Runs leave their tables in a local folder, and never replace another experiment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cli.app import main
from benchmarks.results.schema import RunResults
from benchmarks.runtime import room
from benchmarks.tracks.analytic.scores import AnalyticScores

TINY = Path(__file__).parents[1] / "tiny" / "exact.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the commands, with two experiments."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "other"):
        (tmp_path / f"{name}.yaml").write_text(TINY.read_text())
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder, with its content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_tables_stay_local_and_are_published_on_purpose(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "mine.yaml"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "written: results/local/mine, which git ignores; the same command with --publish" in said
    assert said.endswith("replaces the tables in published")
    assert not (here / "published").exists()
    first = RunResults.read(here / "results" / "local" / "mine" / "analytic.json")
    assert first.experiment_name == "mine"
    assert main(["check", "results/local/mine"]) == 0
    capsys.readouterr()

    assert main(["report", "mine.yaml", "--seed", "5", "--search.bins", "4"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "results/local/mine holds the tables of an earlier run of mine with other fields "
        "(search.bins 3, now 4, seed 2021, now 5); this run replaces them"
    )
    assert main(["check", "results/local/mine"]) == 0

    assert main(["run", "mine.yaml", "--publish"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "written: published"
    assert main(["check", "published"]) == 0
    again = RunResults.read(here / "published" / "analytic.json")
    assert again.experiment == first.experiment
    assert again.items_sha256 == first.items_sha256

    capsys.readouterr()
    before = contents(here / "published")
    for options in (["--publish"], ["--results", "published"]):
        assert main(["run", "other.yaml", "--workspace", "new", *options]) == 2
        said = capsys.readouterr().err
        assert said == (
            "error: published holds the tables of the experiment mine (analytic.json), and other "
            "would replace them; name another folder with --results, or move the older tables "
            "away\n"
        )
    assert not (here / "new").exists()  # refused before any stage
    assert contents(here / "published") == before


@pytest.mark.parametrize("option", ["--results", "--workspace"])
def test_a_file_in_place_of_a_folder_is_refused_before_any_stage(
    here: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (here / "file").write_text("x")
    assert main(["run", "mine.yaml", option, "file"]) == 2
    assert capsys.readouterr().err == (
        f"error: {option}: {here / 'file'} is a file, not a folder; name a folder\n"
    )
    assert not (here / "runs").exists()


def test_a_full_disk_is_refused_before_any_stage(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda place: 1000)
    assert main(["run", "mine.yaml"]) == 2
    assert "has 1000 bytes free; a run needs at least" in capsys.readouterr().err
    assert not (here / "runs").exists()


def test_names_that_are_too_long_are_refused_before_the_training(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AnalyticScores, "example_names", lambda scores: {f"{'x' * 250}.wav"})
    assert main(["run", "mine.yaml"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: a file called {'x' * 250}.wav would need 266 bytes for its ")
    assert said.endswith("give its recording, convention or row a shorter one")
    assert main(["data", "mine.yaml"]) == 0  # it writes no tables
    assert not (here / "runs" / "sample").exists()
