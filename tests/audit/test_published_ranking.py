"""The check of a ranking, on published runs of one track."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from bddm_ref.files import SUMS, DamagedFileError, verify_checksum, write_listed
from benchmarks.report.registry import RANKING, checked, write_ranking
from benchmarks.results.forms import document_file
from benchmarks.results.items import items_file

pytestmark = pytest.mark.audit

RESULTS = Path(__file__).resolve().parents[2] / "results"
PLOT = "contestants/pareto-images-plain.svg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The published runs of images, own and of the contest, and the ranking made of them."""
    for run in ("images", "contestants/images", "contestants/long/images"):
        document = document_file(RESULTS, f"{run}.json")
        for file in (document, items_file(document)):
            write_listed(tmp_path / file.relative_to(RESULTS), partial(shutil.copyfile, file))
        (tmp_path / f"{run}.md").write_text((RESULTS / f"{run}.md").read_text())
    assert write_ranking(tmp_path) == tmp_path / RANKING
    return tmp_path


@pytest.mark.slow
def test_page_and_plots_follow_from_the_runs(folder: Path) -> None:
    assert f"{folder / RANKING}: follows from 2 runs, plots agree" in checked(folder)
    assert f"  {Path(PLOT).name}\n" in (folder / "contestants" / SUMS).read_text()
    own = (folder / RANKING).read_text()
    published = (RESULTS / RANKING).read_text()
    start = own.index("## Images, `plain`")
    assert own[start:].strip() in published


@pytest.mark.slow
def test_a_changed_or_missing_page_is_refused(folder: Path) -> None:
    page = folder / RANKING
    page.write_text(page.read_text().replace("BDDM", "BDDM!", 1))
    with pytest.raises(DamagedFileError, match=r"contestants\.md is not what the runs say"):
        checked(folder)
    page.unlink()
    with pytest.raises(DamagedFileError, match=r"contestants\.md is not what the runs say"):
        checked(folder)


@pytest.mark.slow
def test_a_changed_a_missing_and_an_unlisted_plot_are_refused(folder: Path) -> None:
    plot, sums = folder / PLOT, folder / "contestants" / SUMS
    content = plot.read_text()
    plot.write_text(content + "<!-- changed -->")
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg does not match"):
        checked(folder)
    plot.unlink()
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg is missing"):
        checked(folder)
    plot.write_text(content)
    verify_checksum(plot)
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if plot.name not in line))
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg has no checksum"):
        checked(folder)
