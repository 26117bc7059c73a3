"""The page of score networks: gains have the right sign, and the page follows from the files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.cli.app import main
from benchmarks.report.pages.networks import check_networks, networks_page, write_networks
from benchmarks.results.store import read_results

RESULTS = Path(__file__).resolve().parents[3] / "results"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two networks of each track: the published results, and the ablation's as another's."""
    for track in ("images", "speech"):
        place = tmp_path / "networks" / f"{track}-other"
        place.mkdir(parents=True)
        for file in RESULTS.glob(f"{track}.*"):
            shutil.copy(file, tmp_path)
        for file in (RESULTS / "ablation").glob(f"{track}*"):
            shutil.copy(file, place)
    return tmp_path


def test_gains_are_positive_where_bddm_is_better(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["networks", str(folder)]) == 0
    page = capsys.readouterr().out
    # At 3 steps of the ablation's images FD is 33.26 for BDDM, 36.54 for DDPM, 24.32 for DDIM.
    assert "| images-other | +3.29 [+0.44, +6.38] **better** |" in page
    assert "| images-other | -8.93 [-11.55, -6.53] **worse** |" in page
    # PESQ is better where it is larger: 2.34 and 2.15.
    assert "| speech-other | +0.19 [" in page
    assert "published (images)" in page
    assert "FD-fmnist of 1000" not in page  # by which nothing is compared
    assert "`scaled`, gain over DDPM in PESQ-WB (LQO) ↑" in page
    assert "| images-other | `unet`: channels 64" in page
    rows = {line.split(" | ")[0]: line for line in reversed(page.splitlines())}
    assert "| 5000 images, 1 noise seed |" in rows["| published (images)"]
    assert "| 2500 images, 1 noise seed |" in rows["| images-other"]
    assert "| 20 clips, 6 noise seeds |" in rows["| published (speech)"]


def test_the_check_finds_another_page(folder: Path) -> None:
    page = write_networks(folder)
    assert "follows from 4 networks" in check_networks(folder)
    page.write_text(page.read_text().replace("**better**", "**worse**"))
    with pytest.raises(DamagedFileError, match="make it again with 'networks'"):
        check_networks(folder)


def test_a_network_without_bddm_gains_nothing() -> None:
    published = read_results(RESULTS / "images.json")
    rows = [row for row in published.rows if row.contestant != "bddm"]
    page = networks_page({"a": published, "b": published.model_copy(update={"rows": rows})})
    named = [line for line in page.splitlines() if line.startswith("| b |")]
    assert "| nothing |" in named[0]
    assert named[1:] == ["| b | — | — | — | — | — |"] * 2  # over DDPM, over DDIM


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="run networks-images-short"):
        write_networks(tmp_path)
