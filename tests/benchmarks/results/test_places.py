"""Places of contestants: ranks, ties, columns, and who is efficient."""

from __future__ import annotations

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.results.places import efficient, headline, joined, ranked
from benchmarks.results.ranking_schema import Ranking
from benchmarks.results.schema import RunResults
from synthetic.runs import FD, images, speech

SPOILT = {"metrics": {}, "nfe": 0, "skipped": "no schedule found"}


def with_direction(results: RunResults, higher: bool) -> RunResults:
    info = results.metrics["fd"].model_copy(update={"higher_is_better": higher})
    return results.model_copy(update={"metrics": {"fd": info}})


def with_row(results: RunResults, key: str, **changes: object) -> RunResults:
    """The results with changes to one row."""
    assert key in {row.key for row in results.rows}
    rows = [row.model_copy(update=changes) if row.key == key else row for row in results.rows]
    return results.model_copy(update={"rows": rows})


def of_steps(reference: str, *steps: int) -> Ranking:
    """The ranking of a run whose rows have some numbers of steps."""
    table = {name: {n: values[n] for n in steps if n in values} for name, values in FD.items()}
    return ranked(images(table, reference=reference), "plain", "fd")


@pytest.mark.parametrize(
    ("higher", "ranks"),
    [
        (False, {"bddm": 2, "ddpm": 1, "ddim": 2, "constants": 4}),
        (True, {"bddm": 2, "ddpm": 4, "ddim": 2, "constants": 1}),
    ],
)
def test_ranks_share_ties_and_heed_the_direction(higher: bool, ranks: dict[str, int]) -> None:
    table = {"bddm": {3: 2.0}, "ddpm": {3: 1.0}, "ddim": {3: 2.0}, "constants": {3: 5.0}}
    found = ranked(with_direction(images(table), higher), "plain", "fd")
    assert found.columns == [3]
    assert {name: line.places[3].rank for name, line in found.lines.items()} == ranks
    assert found.winner(3) == min(ranks, key=lambda name: ranks[name])
    assert len(found.column(3)) == 4


def test_bddm_wins_what_it_shares() -> None:
    found = ranked(images({"ddim": {3: 2.0}, "bddm": {3: 2.0}, "ddpm": {3: 3.0}}), "plain", "fd")
    assert found.winner(3) == "bddm"


def test_rows_stand_under_their_evaluations_not_their_steps() -> None:
    found = ranked(images(), "plain", "fd")
    assert found.columns == [3, 7, 16]
    assert "bddm-own" not in found.lines  # 5, 13 and 31 evaluations
    assert found.lines["bddm"].places[7].against is None
    assert found.reference_score is not None
    assert found.reference_score.value == FD["ddpm"][1000]


def test_a_contestant_is_compared_with_bddm_from_both_sides() -> None:
    against = ranked(images(), "plain", "fd").lines["ddim"].places[7].against
    assert against is not None
    assert (against.bddm, against.contestant) == ("worse", "better")
    assert against.difference.value == FD["ddim"][7] - FD["bddm"][7]
    assert against.firm  # sets of images are compared, not noise seeds


def test_a_row_whose_evaluations_are_a_column_stands_there() -> None:
    found = ranked(with_row(images(), "plain/bddm-own-3", nfe=7), "plain", "fd")
    assert list(found.lines["bddm-own"].places) == [7]
    assert found.lines["bddm-own"].places[7].against is None  # compared at equal steps only


def test_few_noise_seeds_are_indications() -> None:
    results = speech()
    few = [
        one.model_copy(update={"seeds": 2 if one.against == "scaled/constants-7" else 6})
        for one in results.comparisons
    ]
    found = ranked(results.model_copy(update={"comparisons": few}), "scaled", "pesq_wb_lqo")
    open_to_chance = {
        (name, nfe)
        for name, line in found.lines.items()
        for nfe, place in line.places.items()
        if place.against is not None and not place.against.firm
    }
    assert open_to_chance == {("constants", 7)}
    counted = {(title, nfe) for title, nfe, _ in found.comparisons()}
    assert ("Two constants", 3) in counted
    assert ("Two constants", 7) not in counted


def test_a_column_that_bddm_does_not_reach_stays() -> None:
    found = ranked(with_row(images(), "plain/bddm-16", **SPOILT), "plain", "fd")
    assert found.columns == [3, 7, 16]
    assert "bddm" not in found.column(16)
    assert "ddpm" in found.column(16)


def test_times_can_be_left_out() -> None:
    found = ranked(images(), "plain", "fd")
    assert found.lines["bddm"].places[7].seconds == 0.007
    place = found.without_times().lines["bddm"].places[7]
    assert (place.seconds, place.stable) == (None, None)
    assert place.score == found.lines["bddm"].places[7].score


def test_headline_metrics_are_those_that_a_row_has() -> None:
    assert headline(images(), "plain") == ["fd"]
    assert headline(images(), "no such convention") == []


def test_parts_of_a_track_are_joined_by_column() -> None:
    few, many = of_steps("ddpm-3", 3), of_steps("ddpm-1000", 7, 16, 1000)
    found = joined([few, many])
    assert found.columns == [3, 7, 16]
    assert found.reference == "ddpm-1000"  # of the most steps
    assert found.lines == ranked(images(), "plain", "fd").lines
    with pytest.raises(DamagedFileError, match="a column of 7 evaluations"):
        joined([many, of_steps("ddpm-7", 7)])


def test_efficient_points() -> None:
    points = [(1.0, 5.0), (2.0, 3.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0), (4.0, 1.0)]
    assert efficient(points, higher_is_better=False) == {0, 1, 4, 5}
    assert efficient(points, higher_is_better=True) == {0}
