"""The page of contestants: ranks, marks, efficient points, and that tampering is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bddm_ref.checkpoint import DamagedFileError
from benchmarks.__main__ import main
from benchmarks.report.check import read_results
from benchmarks.report.contestants import (
    check_contestants,
    contestants_page,
    write_contestants,
)
from benchmarks.report.schema import Results
from benchmarks.report.standings import efficient, headline, standings

ABLATION = Path(__file__).resolve().parents[2] / "results" / "ablation"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder whose contestants are those of the ablation."""
    (tmp_path / "contestants").mkdir()
    for file in ABLATION.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / "contestants")
    return tmp_path


@pytest.fixture
def images() -> Results:
    return read_results(ABLATION / "images.json")


def with_values(results: Results, values: dict[str, float | None]) -> Results:
    """The rows of 3 steps with these distances, all others without samples."""
    rows = []
    for row in results.rows:
        value = values.get(row.contestant) if row.steps == 3 else None
        if value is None:
            rows.append(row.model_copy(update={"metrics": {}, "skipped": "diverged"}))
        else:
            score = row.metrics["fd"].model_copy(update={"value": value})
            rows.append(row.model_copy(update={"metrics": {"fd": score}}))
    return results.model_copy(update={"rows": rows})


@pytest.mark.parametrize(
    ("higher", "ranks"),
    [
        (False, {"bddm": 2, "ddpm": 1, "ddim": 2, "constants": 4}),
        (True, {"bddm": 2, "ddpm": 4, "ddim": 2, "constants": 1}),
    ],
)
def test_ranks_share_ties_and_heed_the_direction(
    images: Results, higher: bool, ranks: dict[str, int]
) -> None:
    values = {"bddm": 2.0, "ddpm": 1.0, "ddim": 2.0, "constants": 5.0}
    faked = with_values(images, dict(values))
    info = faked.metrics["fd"].model_copy(update={"higher_is_better": higher})
    faked = faked.model_copy(update={"metrics": {"fd": info}})
    found = standings(faked, "plain", "fd")
    assert found.columns == [3]
    assert {name: places[3].rank for name, places in found.places.items()} == ranks
    assert found.winner(3).row.contestant == min(ranks, key=lambda name: ranks[name])
    assert found.entrants(3) == 4


def test_rows_stand_under_their_evaluations_not_their_steps(images: Results) -> None:
    found = standings(images, "plain", "fd")
    assert found.columns == [3, 7, 16]
    assert "bddm-own" not in found.places  # 5, 13 and 31 evaluations
    assert found.places["ddim"][7].bddm is not None
    assert found.places["ddim"][7].bddm.verdict == "worse"
    assert found.places["bddm"][7].bddm is None
    assert headline(images, "plain") == ["fd"]
    assert headline(images, "no such convention") == []


def test_efficient_points() -> None:
    points = [(1.0, 5.0), (2.0, 3.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0), (4.0, 1.0)]
    assert efficient(points, higher_is_better=False) == {0, 1, 4, 5}
    assert efficient(points, higher_is_better=True) == {0}


def test_the_page_and_its_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contestants", str(folder)]) == 0
    page = capsys.readouterr().out
    assert page == (folder / "contestants.md").read_text()
    assert "**24.32 [22.34, 26.57] · 1** ▲" in page  # DDIM at 3, whom BDDM is worse than
    assert "DDIM, linear sub-sequence -8.93 [-11.55, -6.53]; BDDM 4 of 8" in page
    assert main(["check", str(folder / "contestants")]) == 0
    assert "follows from 2 results" in check_contestants(folder)
    (folder / "contestants.md").write_text(page.replace("24.32", "14.32"))
    with pytest.raises(DamagedFileError, match="make it again with 'contestants'"):
        check_contestants(folder)


def test_reasons_of_empty_cells_are_told(images: Results) -> None:
    page = contestants_page([with_values(images, {"bddm": 1.0, "ddpm": 2.0})])
    assert "- diverged: bddm-7, bddm-16, " in page


def test_plots_are_the_same_again_and_needed(folder: Path) -> None:
    write_contestants(folder)
    plot = folder / "contestants" / "pareto-images-plain.svg"
    first = plot.read_bytes()
    write_contestants(folder)
    assert plot.read_bytes() == first
    assert b"efficient" in first
    plot.unlink()
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg is missing"):
        check_contestants(folder)


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="run contestants-analytic"):
        write_contestants(tmp_path)
