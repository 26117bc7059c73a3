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


@pytest.mark.parametrize(
    "line",
    [
        "| Are 3 steps as good as 1000? | Speech PESQ-WB 2.50 against 3.20; STOI 0.950 against "
        "0.964. Images FD-fmnist 30.00 against 1.00. Claim 1b: **open** |",
        "| Are 16? | Speech PESQ-WB 3.10 against 3.20; STOI 0.962 against 0.964. Images",
        "| 7 steps of BDDM, DDPM, DDIM: speech PESQ-WB 2.90, 2.00, 2.00; images FD 20.00, 16.00, "
        "8.00 (lower is better). Claim 6: **open**, claim 7a: **open** |",
        "BDDM's rank at 7 evaluations: 1 of 3 on gaussian-16, 3 of 4 on images, 1 of 4 on speech |",
        "62 times [59, 66] at 16 steps, 143 times [136, 150] at 7 steps. Claim 3: **open** |",
        "| Claim 10: **open** (not made: closed form, constants) |",
        "| Of 18, each in its primary setting: 18 open |",
    ],
)
def test_answers_follow_from_the_documents(whole_folder: Path, line: str) -> None:
    assert line in (whole_folder.parent / "README.md").read_text()


def test_the_readme_of_results_has_the_tables_of_pages(whole_folder: Path) -> None:
    text = (whole_folder / "README.md").read_text()
    assert "| `raw` | BDDM | 2.50 [2.40, 2.60] |" in text
    assert "| `plain` | DDIM, linear sub-sequence | 24.00 [23.00, 25.00] |" in text
    (head,) = re.findall(r"^\|  \| Claim .*$", text, re.MULTILINE)
    assert head in (whole_folder / "claims.md").read_text()
    picture = (whole_folder / "overview.svg").read_text()
    for label in ("Speech, raw amplitude", "Images", "DDPM, 1000 steps"):
        assert f">{label}<" in picture


def test_it_is_one_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1000


@pytest.mark.slow
def test_its_code_runs_and_comes_near_the_exact_value() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 14
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    variances = [float(line.split()[1]) for line in done.stdout.splitlines()]
    errors = [abs(one - 0.25) for one in variances]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01
