"""READMEs: their blocks follow from results, and their code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.report import readme
from benchmarks.report.plots import overview
from benchmarks.report.readme import check_readmes, write_overview

README = Path(__file__).resolve().parents[3] / "README.md"
TEXT = """# A title
<!-- answers: {where} -->
old
<!-- end -->
prose <!-- answers: elsewhere -->
kept
<!-- end -->
<!-- unknown: {where} -->
kept too
<!-- end -->
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder between two READMEs, whose answers are its name."""
    monkeypatch.setitem(readme.BLOCKS, "answers", lambda folder: f"of {folder.name}\n")
    monkeypatch.setattr(
        overview, "plot_overview", lambda folder, path: path.write_text("a picture")
    )
    made = tmp_path / "results"
    made.mkdir()
    (tmp_path / "README.md").write_text(TEXT.format(where="results"))
    (made / "README.md").write_text(TEXT.format(where="."))
    return made


def test_blocks_of_the_folder_are_made_anew_and_nothing_else(folder: Path) -> None:
    assert write_overview(folder).read_text() == "a picture"
    for file, where in ((folder.parent / "README.md", "results"), (folder / "README.md", ".")):
        assert file.read_text() == TEXT.format(where=where).replace("old", "of results")
    assert len(check_readmes(folder)) == 2


@pytest.mark.parametrize("place", ["README.md", "results/README.md"])
def test_other_figures_are_refused(folder: Path, place: str) -> None:
    write_overview(folder)
    file = folder.parent / place
    file.write_text(file.read_text().replace("of results", "of another"))
    with pytest.raises(DamagedFileError, match=r"does not have the figures of .*overview"):
        check_readmes(folder)


def test_blocks_of_another_folder_are_no_matter(folder: Path) -> None:
    own = folder / "cpu"
    own.mkdir()
    assert check_readmes(own) == []
    before = (folder / "README.md").read_text()
    write_overview(own)
    assert (folder / "README.md").read_text() == before


def test_it_is_one_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1000


def test_its_code_runs_and_comes_near_the_exact_value() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 14
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    variances = [float(line.split()[1]) for line in done.stdout.splitlines()]
    errors = [abs(one - 0.25) for one in variances]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


def test_its_links_lead_somewhere() -> None:
    pages = ("CONTRIBUTING.md", "results/README.md", "README.md")
    files = [*(README.parent / "docs").glob("*.md"), *(README.parent / page for page in pages)]
    for file in files:
        for target in re.findall(r"\]\((?!http)([^)#\s]+)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
