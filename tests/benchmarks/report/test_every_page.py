"""Rules for the pages of every kind of document."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import dead_links, has_contents, wide_rows

from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.compare import compare_page
from benchmarks.report.pages.ranking import ranking_page
from benchmarks.report.pages.track import track_page
from benchmarks.report.registry import DOCUMENTS
from benchmarks.results.compare import compare_results
from benchmarks.results.documents import kind_of
from benchmarks.results.forms import beside, document_files
from benchmarks.results.ranking import Part, ranked_tracks
from benchmarks.results.schema import RunResults
from synthetic.runs import analytic, around, images, speech, write_run

WORDY = 9  # repeats of a title


def grown(results: RunResults) -> RunResults:
    """The run with many metrics, long titles, and a reason of many words."""
    more = {f"more-{i}": next(iter(results.metrics.values())) for i in range(14)}
    rows = [
        row.model_copy(
            update={
                "title": f"{row.title} and so on" * WORDY,
                "metrics": row.metrics | {name: around(1.0, 0.5) for name in more},
                "skipped": "for reasons " * 40 if row.steps == 7 else None,
            }
        )
        for row in results.rows
    ]
    return results.model_copy(update={"rows": rows, "metrics": results.metrics | more})


def test_every_kind_of_page_is_narrow_and_its_links_hit(whole_folder: Path) -> None:
    places = [whole_folder, *(path for path in whole_folder.rglob("*") if path.is_dir())]
    documents = [path for place in places for path in document_files(place)]
    assert {kind_of(path) for path in documents} == set(DOCUMENTS)
    pages = [beside(path, ".md") for path in documents]
    pages += [whole_folder / "contestants.md", whole_folder / "networks.md"]
    for page in pages:
        text = page.read_text()
        assert wide_rows(text) == [], page
        assert dead_links(text) == [], page
    with_contents = {page.name for page in pages if has_contents(page.read_text())}
    runs = {f"{track}.md" for track in ("speech", "images", "analytic")}
    assert with_contents == runs | {"theory.md", "contestants.md", "networks.md"}


@pytest.mark.parametrize("results", [speech(), images(), analytic()], ids=lambda one: one.track)
def test_pages_of_a_run_with_many_metrics_and_long_texts_are_narrow(results: RunResults) -> None:
    big = grown(results)
    assert wide_rows(to_markdown(track_page(big))) == []
    assert (
        wide_rows(to_markdown(ranking_page(ranked_tracks([Part(big, "contestants/big.md")])))) == []
    )


def test_a_comparison_of_long_settings_is_narrow(tmp_path: Path) -> None:
    write_run(tmp_path / "a", grown(speech()))
    write_run(tmp_path / "b", grown(speech(experiment={"seed": 7})))
    page = to_markdown(compare_page(compare_results(tmp_path / "a", tmp_path / "b")))
    assert wide_rows(page) == []
