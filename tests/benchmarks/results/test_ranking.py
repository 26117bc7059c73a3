"""The ranking of several runs: joined documents, machines, missing rows, preparation."""

from __future__ import annotations

from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.results.ranking import Part, ranked_tracks, ranking_of
from benchmarks.results.ranking_schema import RankedConvention, RankedTrack
from benchmarks.results.schema import RowResult, RunResults
from synthetic.runs import (
    BDDM_COST,
    CONSTANTS_COST,
    FD,
    PROVENANCE,
    Table,
    analytic,
    images,
    speech,
    write_run,
)

FEW: Table = {name: {3: values[3]} for name, values in FD.items()}
MANY: Table = {
    name: {steps: value for steps, value in values.items() if steps != 3}
    for name, values in FD.items()
}
ELSEWHERE = PROVENANCE.model_copy(update={"processor": "another"})


def few() -> RunResults:
    """A run of three steps alone, with a reference of its own."""
    return images(FEW, reference="ddpm-3")


def tracks_of(*documents: RunResults) -> list[RankedTrack]:
    parts = [Part(results, f"contestants/{i}.md") for i, results in enumerate(documents)]
    return ranked_tracks(parts)


def convention_of(*documents: RunResults) -> RankedConvention:
    """The only convention of the only track."""
    (track,) = tracks_of(*documents)
    (convention,) = track.conventions
    return convention


def test_a_track_in_two_documents_is_one_table() -> None:
    whole, parted = convention_of(images()), convention_of(images(MANY), few())
    assert parted.rankings == whole.rankings
    assert parted.missing == {}
    (track,) = tracks_of(images(MANY), few())
    assert [source.page for source in track.sources] == ["contestants/1.md", "contestants/0.md"]


def test_the_searches_of_two_documents_cost_both_and_their_network_once() -> None:
    bddm, constants = convention_of(few(), images(MANY)).preparation
    assert (bddm.title, bddm.search_nfe, bddm.schedule_net_seconds) == ("BDDM", 2 * BDDM_COST, 90)
    assert (constants.title, constants.search_nfe) == ("Two constants", 2 * CONSTANTS_COST)
    assert constants.schedule_net_steps is None


def test_times_of_another_machine_are_left_out() -> None:
    elsewhere = images(MANY, provenance=ELSEWHERE)
    (track,) = tracks_of(few(), elsewhere)
    assert track.machines == 2
    places = track.conventions[0].rankings[0].lines["bddm"].places
    assert places[3].seconds == 0.003
    assert places[7].seconds is None
    assert places[7].score.value == FD["bddm"][7]
    (alike,) = tracks_of(few(), images(MANY))
    assert alike.machines == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experiment": {"test_items": 7}}, "differ in their test_items, .* run both"),
        ({"experiment": {"seed": 7}}, "differ in their seed"),
        ({"experiment": {"headline": []}}, "differ in their headline metrics"),
        ({"weights": {"score_net": "1" * 64}}, "differ in their networks"),
    ],
)
def test_documents_of_different_contests_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(DamagedFileError, match=said):
        tracks_of(few(), images(MANY, **changes))


def test_documents_with_a_column_in_common_are_refused() -> None:
    with pytest.raises(DamagedFileError, match="a column of 7 evaluations"):
        tracks_of(images(MANY), images())


def test_cells_without_a_value_or_a_row_have_a_reason() -> None:
    def changed(row: RowResult) -> RowResult:
        if row.key == "plain/bddm-7":
            return row.model_copy(update={"metrics": {}, "skipped": "diverged"})
        none = row.metrics["fd"].model_copy(update={"value": None})
        unscored = {"fd": none} if row.key == "plain/ddim-7" else row.metrics
        return row.model_copy(update={"metrics": unscored})

    results = images()
    rows = [changed(row) for row in results.rows if row.key != "plain/ddpm-3"]
    found = convention_of(results.model_copy(update={"rows": rows}))
    assert found.missing == {
        "diverged": ["bddm-7"],
        "FD-fmnist: it has no value": ["ddim-7"],
        "not asked of it in that run": ["ddpm-3"],
    }


def test_a_divergence_without_a_value_has_a_reason_of_its_own() -> None:
    results = analytic()
    rows = [
        row.model_copy(update={"metrics": {"energy": row.metrics["energy"]}})
        if row.contestant == "ddim"
        else row
        for row in results.rows
    ]
    found = convention_of(results.model_copy(update={"rows": rows}))
    (reason,) = found.missing
    assert reason.startswith("KL(data ‖ sampler): its samples are no affine function")
    assert found.missing[reason] == ["ddim-3", "ddim-7", "ddim-16"]


def test_a_source_says_how_much_was_sampled_and_timed() -> None:
    results = images()
    assert results.rows[0].time is not None
    unstable = results.rows[0].time.model_copy(update={"stable": False})
    rows = [results.rows[0].model_copy(update={"time": unstable}), *results.rows[1:-1]]
    rows.append(results.rows[-1].model_copy(update={"time": None}))
    (track,) = tracks_of(results.model_copy(update={"rows": rows}))
    (source,) = track.sources
    assert (source.times, source.unstable_times) == (len(rows) - 1, 1)
    assert (source.items, source.seeds) == (500, (1, 1))
    assert source.search.bins == 9


def test_the_runs_of_a_folder_are_ranked_by_track(tmp_path: Path) -> None:
    for results in (speech(), few()):
        write_run(tmp_path / "contestants", results)
    write_run(tmp_path / "contestants" / "long", images(MANY))
    found = ranking_of(tmp_path)
    assert [(track.track, len(track.sources)) for track in found] == [("images", 2), ("speech", 1)]
    assert found[0].sources[1].page == "contestants/long/images.md"
    assert [one.name for one in found[1].conventions] == ["scaled", "raw"]


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="run contestants-analytic"):
        ranking_of(tmp_path)
