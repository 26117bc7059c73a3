"""Two results compared: what is paired, what got worse, which settings differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.cli.app import main
from benchmarks.core.errors import UserError
from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.compare import compare_page
from benchmarks.results import forms
from benchmarks.results.compare import Changes, compare_results, unpaired_difference
from benchmarks.results.items import write_items
from benchmarks.results.schema import Data
from benchmarks.results.verdicts import Interval, MetricInfo
from metrics.statistics import mean_interval
from synthetic.runs import DIGEST, PROVENANCE, row, run, write_run

ITEMS = [f"clip-{i}" for i in range(12)]
BASE = np.linspace(2.0, 3.0, len(ITEMS))
STOI = {"stoi": MetricInfo(title="STOI", digits=2, unit="", higher_is_better=True)}
JUDGE = {
    "name": "n",
    "distance": "FD",
    "dimensions": 64,
    "reference": "test",
    "reference_images": 9,
}
FD = {"fd": MetricInfo(title="FD", digits=2, unit="", higher_is_better=False)}


OTHER_SEEDS = "experiment.rows, seeds: 2021 in A, 7 in B"


def interval(values: Any) -> Interval:
    return Interval.of(mean_interval(values))


def data(digest: str = DIGEST, items: list[str] = ITEMS) -> Data:
    return Data(name="d", sha256=digest, splits={}, test_items=items)


def speech(folder: Path, by_row: Mapping[str, Any], seed: int = 2021, **changes: Any) -> Path:
    """Write results of clips whose scores are given by row, ``(items,)``.

    Args:
        folder: where they go.
        by_row: key to the scores.
        seed: of the only noise seed.
        changes: fields of the document, among them ``experiment``.
    """
    records = [
        {"row": key, "seed": seed, "item": item, "scores": {"stoi": value}, "failures": {}}
        for key, values in by_row.items()
        for item, value in zip(ITEMS, values, strict=True)
    ]
    rows = [row(key, {"stoi": interval(values)}) for key, values in by_row.items()]
    experiment = {"margins": {"stoi": 0.1}} | changes.pop("experiment", {})
    fields = {"data": data(), "clip_seconds": 1.0, "metrics": STOI} | changes
    return write_run(folder, run("speech", rows, experiment=experiment, **fields), records)


def images(folder: Path, fd: Interval) -> Path:
    """Write results of one row of images, whose distance is of a set."""
    records = [{"row": "plain/ddim-7", "seed": 2021, "images": fd.n}]
    experiment = {"margins": {"fd": 0.1}, "conventions": [{"name": "plain"}]}
    results = run(
        "images", [row("plain/ddim-7", {"fd": fd})], metrics=FD, experiment=experiment, judge=JUDGE
    )
    return write_run(folder, results, records)


def page_of(changes: Changes) -> str:
    return to_markdown(compare_page(changes))


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return tmp_path / "a", tmp_path / "b"


def test_items_are_paired_where_they_are_the_same(places: tuple[Path, Path]) -> None:
    shift = np.linspace(-0.26, -0.24, len(ITEMS))
    speech(places[0], {"raw/ddim-3": BASE, "raw/ddim-7": BASE})
    speech(places[1], {"raw/ddim-3": BASE + shift, "raw/ddim-7": BASE})
    changes = compare_results(*places)
    worse, same = changes.tracks[0].changes
    assert changes.tracks[0].unpaired is None
    assert worse.paired
    assert same.paired
    expected = mean_interval(shift)
    assert worse.difference is not None
    assert worse.difference.low == pytest.approx(expected.low)
    assert worse.difference.value == pytest.approx(-0.25)
    assert worse.p == pytest.approx(2 / 2**12)
    assert worse.margin == 0.1
    assert (worse.verdict, same.verdict) == ("worse", "as good")
    assert changes.worse == [worse]
    # Unpaired, the spread of the clips hides it.
    speech(places[1], {"raw/ddim-3": BASE + shift, "raw/ddim-7": BASE}, seed=7)
    found = compare_results(*places).tracks[0]
    assert [change.paired for change in found.changes] == [False, False]
    assert [change.verdict for change in found.changes] == ["undecided", "undecided"]
    assert [change.seeds for change in found.changes] == [OTHER_SEEDS] * 2
    page = page_of(Changes(tracks=[found], unmatched=[]))
    assert f"because the noise seeds differ ({OTHER_SEEDS})" in page


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"data": data("1" * 64)},
            "the data differ (data.sha256: 000000000000 in A, 111111111111 in B)",
        ),
        (
            {"data": data("1" * 64).model_copy(update={"name": "mine"})},
            "the data differ (data.name: d in A, mine in B)",
        ),
        (
            {"data": data("1" * 64), "experiment": {"data": "mine"}},
            "the data differ (experiment.data: festvox-ru in A, mine in B)",
        ),
        (
            {"data": data(items=[*ITEMS[:-1], "other"])},
            "the test items differ (data.test_items: 12 in A, 12 in B, 11 of them in both)",
        ),
        (
            {"clip_seconds": 2.0},
            "the test clips differ in length (clip_seconds: 1.0 s in A, 2.0 s in B)",
        ),
    ],
)
def test_other_items_are_not_paired(
    places: tuple[Path, Path], changes: dict[str, Any], reason: str
) -> None:
    speech(places[0], {"raw/ddim-3": BASE})
    speech(places[1], {"raw/ddim-3": BASE - 2.0}, **changes)
    found = compare_results(*places)
    assert found.tracks[0].unpaired == reason
    (change,) = found.tracks[0].changes
    assert (change.paired, change.p, change.verdict) == (False, None, "worse")
    assert f"Unpaired, because {reason}" in page_of(found)


def test_images_are_compared_by_their_estimates(places: tuple[Path, Path]) -> None:
    images(places[0], Interval(value=10.0, low=9.0, high=11.0, n=500))
    images(places[1], Interval(value=20.0, low=19.0, high=21.0, n=500))
    found = compare_results(*places)
    (change,) = found.tracks[0].changes
    assert found.tracks[0].unpaired == (
        "the images track scores sets, and stores no scores of single items"
    )
    assert change.margin == pytest.approx(1.0)  # a tenth of A's distance
    assert change.verdict == "worse"
    better = compare_results(places[1], places[0])
    assert better.tracks[0].changes[0].verdict == "better"
    # The distance of a smaller set is another quantity.
    images(places[1], Interval(value=20.0, low=19.0, high=21.0, n=400))
    found = compare_results(*places)
    (change,) = found.tracks[0].changes
    assert (change.difference, change.verdict) == (None, None)
    page = page_of(found)
    assert "Not compared, of 500 and 400 items: `plain/ddim-7 fd`." in page
    assert "| `plain/ddim-7` | 10.00 | 20.00 | — | — | — | — |\n" in page
    assert "Nothing is judged" in page


def test_an_unpaired_interval_adds_variances() -> None:
    first = Interval(value=5.0, low=4.7, high=5.6, n=9)
    second = Interval(value=3.0, low=2.2, high=3.4, n=7)
    found = unpaired_difference(first, second)
    assert (found.value, found.n) == (2.0, 7)
    assert found.low == pytest.approx(2.0 - 0.5)  # hypot(0.3, 0.4)
    assert found.high == pytest.approx(2.0 + 1.0)  # hypot(0.6, 0.8)
    exact = Interval(value=3.0, low=3.0, high=3.0, n=7)
    only = unpaired_difference(first, exact)
    assert (only.low, only.high) == pytest.approx((1.7, 2.6))
    unknown = unpaired_difference(first, Interval(value=3.0, low=None, high=None, n=1))
    assert np.isnan([unknown.low, unknown.high]).all()


def test_settings_that_differ_are_listed_by_field(places: tuple[Path, Path]) -> None:
    rows = [{"contestant": "ddim", "steps": [3]}, {"contestant": "ddpm", "steps": [1000]}]
    speech(places[0], {"raw/ddim-3": BASE}, experiment={"rows": rows})
    more = [rows[0], {"contestant": "bddm", "steps": [3]}, rows[1] | {"steps": [100]}]
    speech(
        places[1],
        {"raw/ddim-3": BASE},
        experiment={"rows": more, "search": {"bins": 5}},
        provenance=PROVENANCE.model_copy(update={"packages": {"torch": "2.15"}}),
        weights={"score_net": "1" * 64},
    )
    found = {one.field: (one.a, one.b) for one in compare_results(*places).tracks[0].settings}
    added = found.pop("experiment.rows.bddm")
    assert added[0] is None
    assert found == {
        "experiment.rows.ddpm.steps.0": (1000, 100),
        "experiment.search.bins": (9, 5),
        "provenance.packages.torch": ("2.14.1", "2.15"),
        "weights.score_net": (DIGEST, "1" * 64),
    }


def test_fields_that_are_newer_than_a_document_have_their_default(
    places: tuple[Path, Path],
) -> None:
    speech(places[0], {"raw/ddim-3": BASE})
    speech(places[1], {"raw/ddim-3": BASE}, experiment={"compile": "no", "gone": 7})
    assert compare_results(*places).tracks[0].settings == []


def test_rows_and_scores_that_only_one_has(places: tuple[Path, Path]) -> None:
    nothing = Interval(value=None, low=None, high=None, n=0)
    skipped = row("raw/ddim-9", {}, skipped="too long")
    for place, key in zip(places, ("raw/ddim-3", "raw/ddim-4"), strict=True):
        rows = [row(key, {}), row("raw/ddim-7", {"stoi": nothing}), skipped]
        write_run(place, run("speech", rows, metrics=STOI, clip_seconds=1.0), [])
    (found,) = compare_results(*places).tracks
    assert (found.only_in_a, found.only_in_b) == (["raw/ddim-3"], ["raw/ddim-4"])
    (change,) = found.changes
    assert change.reason == "nothing could be scored"
    page = page_of(Changes(tracks=[found], unmatched=[]))
    assert "Sampled in A only: `raw/ddim-3`." in page
    assert "Not compared, nothing could be scored: `raw/ddim-7 stoi`." in page


def test_status_tells_whether_something_got_worse(
    places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a = speech(places[0], {"raw/ddim-3": BASE})
    b = speech(places[1], {"raw/ddim-3": BASE - 0.25}, meaningless=True)
    assert main(["compare", str(a), str(b)]) == 1
    said = capsys.readouterr().out
    assert "STOI ↑, margin 0.1:" in said
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "raw/ddim-3 2.50 2.25 -0.250 12 pairs 0.00049 worse" in lines
    assert "Worse than A by more than the margin: raw/ddim-3 stoi." in said
    assert "A smoke run" in said
    assert main(["compare", str(a), str(b), "--markdown"]) == 1
    said = capsys.readouterr().out
    assert "| `raw/ddim-3` | 2.50 | 2.25 | -0.250 | 12 pairs | 0.00049 | **worse** |" in said
    assert "Worse than A by more than the margin: `raw/ddim-3 stoi`." in said
    assert main(["compare", str(a), str(b), "--markdown", "--json"]) == 2
    assert "give --json or --markdown, not both" in capsys.readouterr().err
    assert main(["compare", str(places[1]), str(a)]) == 0
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "raw/ddim-3 2.25 2.50 +0.250 12 pairs 0.00049 better" in lines
    assert "Nothing is worse than A by more than its margin." in said
    assert main(["compare", str(a), str(places[1]), "--json"]) == 1
    assert Changes.model_validate_json(capsys.readouterr().out).worse[0].row == "raw/ddim-3"


def test_folders_are_compared_track_by_track(places: tuple[Path, Path]) -> None:
    for place in places:
        speech(place, {"raw/ddim-3": BASE})
    extra = images(places[1], Interval(value=1.0, low=0.9, high=1.1, n=5))
    found = compare_results(*places)
    assert [track.track for track in found.tracks] == ["speech"]
    assert found.unmatched == [str(extra)]
    assert f"In one folder only: `{extra}`." in page_of(found)


def test_compressed_results_are_compared_by_name(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = places
    plain = speech(a, {"raw/ddim-3": BASE})
    monkeypatch.setattr(forms, "COMPRESSED_FROM", 1)
    packed = speech(b, {"raw/ddim-3": BASE + 0.25})
    assert (plain.name, packed.name) == ("speech.json", "speech.json.gz")
    for left in (a, plain, a / "speech.json.gz"):
        for right in (b, packed, b / "speech.json"):
            found = compare_results(left, right)
            assert found.unmatched == []
            assert (found.tracks[0].a, found.tracks[0].b) == (str(plain), str(packed))
            assert found.tracks[0].changes[0].verdict == "better"


def test_bad_input(places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    a = speech(places[0], {"raw/ddim-3": BASE})
    with pytest.raises(UserError, match=r"nowhere does not exist; give a results folder"):
        compare_results(a, places[1] / "nowhere")
    with pytest.raises(UserError, match=r"hold no results of one track"):
        compare_results(*places)
    b = images(places[1], Interval(value=1.0, low=0.9, high=1.1, n=5))
    with pytest.raises(UserError, match=r"is of the track speech and .*images"):
        compare_results(a, b)
    assert main(["compare", str(a), str(b)]) == 2
    assert "give results of one track" in capsys.readouterr().err
    write_items(a, "")
    said = r"items\.jsonl\.gz is not the one that speech\.json"
    with pytest.raises(DamagedFileError, match=said):
        compare_results(a, a)


def test_rows_with_other_noise_seeds_are_named(places: tuple[Path, Path]) -> None:
    """One row has another number of noise seeds; the other row is paired all the same."""
    for place, seeds in zip(places, ([2021], [2021, 2022]), strict=True):
        keys = {"raw/ddim-3": [2021], "raw/ddim-7": seeds}
        records = [
            {"row": key, "seed": seed, "item": item, "scores": {"stoi": value}, "failures": {}}
            for key, of_row in keys.items()
            for seed in of_row
            for item, value in zip(ITEMS, BASE, strict=True)
        ]
        rows = [
            row(key, {"stoi": interval(BASE)}, n_total=len(ITEMS) * len(of_row))
            for key, of_row in keys.items()
        ]
        fields = {"data": data(), "clip_seconds": 1.0, "metrics": STOI}
        write_run(place, run("speech", rows, **fields), records)
    found = compare_results(*places)
    assert [change.paired for change in found.tracks[0].changes] == [True, False]
    told = "(experiment.rows, seeds: 2021 in A, 2021 to 2022 in B: `raw/ddim-7`)"
    assert told in page_of(found)
    assert "without a margin and so without verdicts" not in page_of(found)


def test_long_settings_are_cut_where_they_differ(places: tuple[Path, Path]) -> None:
    for place, name in zip(places, ("first", "second"), strict=True):
        speech(
            place,
            {"raw/ddim-3": BASE},
            experiment={"publish": f"results/networks/somewhere/{name}"},
        )
    page = page_of(compare_results(*places))
    assert "| `experiment.publish` | …works/somewhere/first | …orks/somewhere/second |" in page
    assert "`--json` prints them whole" in page


def test_another_seed_of_the_experiment_is_named(places: tuple[Path, Path]) -> None:
    for place, seed in zip(places, (2021, 7), strict=True):
        speech(place, {"raw/ddim-3": BASE}, seed=seed, experiment={"seed": seed})
    (change,) = compare_results(*places).tracks[0].changes
    assert change.seeds == "experiment.seed: 2021 in A, 7 in B"
    assert not change.paired
