"""The papers' search beside the frugal one, where a run made both."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.results import forms
from benchmarks.results.schema import RunResults
from benchmarks.results.search_pairs import SearchPair, search_pairs
from benchmarks.results.verdicts import Interval
from synthetic.runs import images, write_run
from synthetic.searches import with_both_searches


def test_both_searches_of_a_run_are_compared_by_length(tmp_path: Path) -> None:
    write_run(tmp_path / "networks" / "other", with_both_searches())
    (pair,) = search_pairs(tmp_path)
    assert pair.source == "networks/other/images.json"
    assert (pair.convention, pair.info.title) == ("plain", "FD-fmnist")
    assert pair.nfe == {"bddm": 5000, "bddm-frugal": 400}
    assert pair.seconds == {"bddm": 50.0, "bddm-frugal": 4.0}
    # The frugal search less the papers', though the document has it the other way round.
    assert pair.differences[3] == Interval(value=6.0, low=5.0, high=7.0, n=500)
    assert pair.verdicts == {3: "worse", 7: "as good", 16: "undecided"}
    assert pair.behind == {3, 7, 16}
    assert pair.p == {3: 0.001, 7: 0.001, 16: 0.001}


def test_a_frugal_schedule_that_is_as_good_may_not_be_behind(tmp_path: Path) -> None:
    write_run(tmp_path, with_both_searches({3: 30.0, 7: 20.0, 16: 6.0}))
    (pair,) = search_pairs(tmp_path)
    assert pair.verdicts == {3: "as good", 7: "as good", 16: "better"}
    assert pair.behind == frozenset()


@pytest.mark.parametrize("place", [".", "contestants", "search", "ablation", "gpu"])
def test_runs_below_a_results_folder_are_found(tmp_path: Path, place: str) -> None:
    write_run(tmp_path / place, with_both_searches())
    found: list[SearchPair] = search_pairs(tmp_path)
    assert [pair.source for pair in found] == [str(Path(place) / "images.json")]


@pytest.mark.parametrize(
    "results",
    [images(), with_both_searches().model_copy(update={"comparisons": []})],
    ids=["one search", "not compared"],
)
def test_other_runs_have_no_pair(tmp_path: Path, results: RunResults) -> None:
    write_run(tmp_path, results)
    assert search_pairs(tmp_path) == []


def test_a_compressed_run_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    assert write_run(tmp_path / "search", with_both_searches()).name == "images.json.gz"
    assert [pair.source for pair in search_pairs(tmp_path)] == ["search/images.json"]
