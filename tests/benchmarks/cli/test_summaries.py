"""The summary of a job: ``run``, ``claims`` and ``compare`` append short Markdown to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import wide_rows

from benchmarks.cli.app import main
from benchmarks.cli.summaries import VARIABLE, append_summary
from benchmarks.report.page import Heading, Page, Prose
from synthetic.runs import FD, images, speech, write_run


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "summary.md"
    monkeypatch.setenv(VARIABLE, str(file))
    return file


def test_pages_are_appended_in_a_job_alone(summary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_summary(Page((Heading("One"), Prose("A text."))))
    append_summary(Page((Heading("Two"),)))
    assert summary.read_text() == "## One\n\nA text.\n\n## Two\n\n"
    monkeypatch.delenv(VARIABLE)
    append_summary(Page((Heading("Three"),)))
    assert "Three" not in summary.read_text()


def test_a_file_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, speech())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere" / "summary.md"))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert str(tmp_path / "nowhere" / "summary.md") in capsys.readouterr().err


def test_claims_append_the_table_of_verdicts(
    results_folder: Path, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", str(results_folder)]) == 0
    text = summary.read_text()
    assert text.startswith("## Claims\n\n|  | Claim | Papers |")
    assert text.count("\n| ") == 2 + 18
    assert wide_rows(text) == []
    assert "Primary setting:" not in text
    assert "Primary setting:" in capsys.readouterr().out


def test_compare_appends_its_conclusion(tmp_path: Path, summary: Path) -> None:
    worse = {who: {n: 3 * value for n, value in scores.items()} for who, scores in FD.items()}
    write_run(tmp_path / "a", images())
    write_run(tmp_path / "b", images(worse))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    text = summary.read_text()
    assert "## Conclusion" in text
    assert "Worse than A by more than the margin: `plain/bddm-3 fd`" in text
    assert "**worse**" in text
    assert wide_rows(text) == []
