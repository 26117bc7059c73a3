"""The page of contestants: ranks, outcomes, efficient points, and that tampering is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bddm_ref.files import DamagedFileError, write_with_checksum
from benchmarks.cli.app import main
from benchmarks.contestants import CONTESTANTS
from benchmarks.report.pages.ranking import (
    check_contestants,
    contestants_page,
    write_contestants,
)
from benchmarks.report.plots.pareto import plot_pareto
from benchmarks.results.ranking import Contest, Part, track_contests
from benchmarks.results.schema import Comparison, Results, RowResult
from benchmarks.results.standings import efficient, headline, joined, standings
from benchmarks.results.store import read_results
from benchmarks.results.verdicts import Interval

ABLATION = Path(__file__).resolve().parents[3] / "results" / "ablation"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder whose contestants are those of the ablation."""
    (tmp_path / "contestants").mkdir()
    for file in ABLATION.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / "contestants")
    return tmp_path


@pytest.fixture
def images() -> Results:
    return read_results(ABLATION / "images.json")


@pytest.fixture
def speech() -> Results:
    return read_results(ABLATION / "speech.json")


def with_values(results: Results, values: dict[str, float]) -> Results:
    """The rows of 3 steps with these distances, all others without samples."""
    rows = []
    for row in results.rows:
        value = values.get(row.contestant) if row.steps == 3 else None
        if value is None:
            rows.append(row.model_copy(update={"metrics": {}, "skipped": "diverged"}))
        else:
            score = row.metrics["fd"].model_copy(update={"value": value})
            rows.append(row.model_copy(update={"metrics": {"fd": score}}))
    return results.model_copy(update={"rows": rows})


def with_direction(results: Results, higher: bool) -> Results:
    info = results.metrics["fd"].model_copy(update={"higher_is_better": higher})
    return results.model_copy(update={"metrics": {"fd": info}})


def with_comparison(results: Results, **changes: Any) -> Results:
    """Of BDDM with DDIM at 3 steps, nothing else compared."""
    pair = ("plain/bddm-3", "plain/ddim-3", "fd")
    (one,) = [c for c in results.comparisons if (c.row, c.against, c.metric) == pair]
    return results.model_copy(update={"comparisons": [one.model_copy(update=changes)]})


def page_of(*documents: Results) -> str:
    parts = [Part(results, "0" * 64, f"contestants/{i}.md") for i, results in enumerate(documents)]
    return contestants_page(Contest(schema_version=1, tracks=track_contests(parts), plots={}))


def in_two(results: Results) -> tuple[Results, Results]:
    """Rows of 3 steps in one document, all others in another."""
    few = [row for row in results.rows if row.steps == 3]
    many = [row for row in results.rows if row.steps != 3]
    return (
        results.model_copy(update={"rows": few, "reference": "ddpm-3"}),
        results.model_copy(update={"rows": many}),
    )


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("higher", "ranks"),
    [
        (False, {"bddm": 2, "ddpm": 1, "ddim": 2, "constants": 4}),
        (True, {"bddm": 2, "ddpm": 4, "ddim": 2, "constants": 1}),
    ],
)
def test_ranks_share_ties_and_heed_the_direction(
    images: Results, higher: bool, ranks: dict[str, int]
) -> None:
    values = {"bddm": 2.0, "ddpm": 1.0, "ddim": 2.0, "constants": 5.0}
    found = standings(with_direction(with_values(images, values), higher), "plain", "fd")
    assert found.columns == [3]
    assert {name: line.places[3].rank for name, line in found.lines.items()} == ranks
    assert found.winner(3) == min(ranks, key=lambda name: ranks[name])
    assert len(found.column(3)) == 4


def test_bddm_wins_what_it_shares(images: Results) -> None:
    faked = with_values(images, {"ddim": 2.0, "bddm": 2.0, "ddpm": 3.0})
    assert standings(faked, "plain", "fd").winner(3) == "bddm"
    assert "**BDDM 1 of 3**" in section(page_of(faked), "Winners")


def test_rows_stand_under_their_evaluations_not_their_steps(images: Results) -> None:
    found = standings(images, "plain", "fd")
    assert found.columns == [3, 7, 16]
    assert "bddm-own" not in found.lines  # 5, 13 and 31 evaluations
    against = found.lines["ddim"].places[7].bddm
    assert against is not None
    assert against.outcome == "ahead"
    assert against.difference.value == pytest.approx(
        (found.lines["ddim"].places[7].score.value or 0.0)
        - (found.lines["bddm"].places[7].score.value or 0.0)
    )
    assert found.lines["bddm"].places[7].bddm is None
    assert headline(images, "plain") == ["fd"]
    assert headline(images, "no such convention") == []


def test_a_row_whose_evaluations_are_a_column_stands_there(images: Results) -> None:
    def moved(row: RowResult) -> RowResult:
        return row.model_copy(update={"nfe": 7}) if row.key == "plain/bddm-own-3" else row

    faked = images.model_copy(update={"rows": [moved(row) for row in images.rows]})
    found = standings(faked, "plain", "fd")
    assert list(found.lines["bddm-own"].places) == [7]
    assert found.lines["bddm-own"].places[7].bddm is None  # compared at equal steps only


@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize(
    ("verdict", "bounds", "p", "outcome"),
    [
        ("better", (1.0, 2.0, 3.0), 0.01, "behind"),
        ("worse", (-3.0, -2.0, -1.0), 0.01, "ahead"),
        # Within the margin, and yet better: as BDDM would be called.
        ("as good", (-3.0, -2.0, -1.0), 0.01, "ahead"),
        ("as good", (-3.0, -2.0, -1.0), 0.2, "level"),
        ("as good", (-1.0, 0.5, 2.0), 0.01, "level"),
        ("undecided", (-3.0, -1.0, 1.0), 0.01, "undecided"),
        ("as good", (-1.0, -1.0, -1.0), None, "ahead"),  # exact
        ("undecided", (-3.0, -2.0, -1.0), None, "undecided"),  # too little for a test
    ],
)
def test_outcomes_hold_the_contestant_to_the_rule_that_bddm_is_held_to(
    images: Results,
    higher: bool,
    verdict: str,
    bounds: tuple[float, float, float],
    p: float | None,
    outcome: str,
) -> None:
    low, value, high = bounds if higher else tuple(-bound for bound in reversed(bounds))
    difference = Interval(value=value, low=low, high=high, n=100)
    changes = {"difference": difference, "p_sign_flip": p, "verdict": verdict}
    faked = with_direction(with_comparison(images, **changes), higher)
    against = standings(faked, "plain", "fd").lines["ddim"].places[3].bddm
    assert against is not None
    assert against.outcome == outcome
    assert against.difference.value == -value


def test_few_noise_seeds_are_indications(speech: Results) -> None:
    def with_seeds(one: Comparison) -> Comparison:
        few = one.against == "scaled/constants-7"
        return one.model_copy(update={"seeds": 2 if few else 6})

    comparisons = [with_seeds(one) for one in speech.comparisons]
    faked = speech.model_copy(update={"comparisons": comparisons})
    table = standings(faked, "scaled", "pesq_wb_lqo")
    firm = {
        (title, nfe)
        for line in table.lines.values()
        for title, nfe in [(line.title, nfe) for nfe in line.places]
        if line.places[nfe].bddm is not None
    } - {(title, nfe) for title, nfe, _ in table.outcomes()}
    assert firm == {("Two constants", 7)}
    page = page_of(faked)
    assert re.search(r"^\| Two constants \| [^|]* \| [^|]* · 1\*\* \(▲\) \|", page, re.MULTILINE)


def test_tallies_count_by_the_first_metric(images: Results, speech: Results) -> None:
    tally = section(page_of(images, speech), "BDDM against each")
    # At 3 evaluations DDPM is behind in two conventions of speech and on images.
    assert re.search(r"^\| DDPM, linear sub-sequence \| 3▽ \| 1▲ 2▽ \| ", tally, re.MULTILINE)
    assert tally.index("DDIM, linear") < tally.index("Two constants") < tally.index("DDPM, linear")


def test_efficient_points() -> None:
    points = [(1.0, 5.0), (2.0, 3.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0), (4.0, 1.0)]
    assert efficient(points, higher_is_better=False) == {0, 1, 4, 5}
    assert efficient(points, higher_is_better=True) == {0}


def test_the_page_and_its_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contestants", str(folder)]) == 0
    page = capsys.readouterr().out
    assert page == (folder / "contestants.md").read_text()
    assert "**24.32 [22.34, 26.57] · 1** ▲" in page  # DDIM at 3, whom BDDM is worse than
    assert "DDIM, linear sub-sequence -8.93 [-11.55, -6.53] ▲; BDDM 4 of 8" in page
    assert "| Two constants | — | 12264 | 151 s |" in page  # it trains no network
    assert "| BDDM | 2000 steps, 85 s | 11637 | 133 s |" in page
    assert main(["check", str(folder / "contestants")]) == 0
    assert "follows from 2 results" in check_contestants(folder)
    (folder / "contestants.md").write_text(page.replace("24.32", "14.32"))
    with pytest.raises(DamagedFileError, match=r"contestants\.md is not .* with 'contestants'"):
        check_contestants(folder)


def test_the_check_finds_another_document(folder: Path) -> None:
    write_contestants(folder)
    path = folder / "contestants.json"
    text = path.read_text()
    other = text.replace('"rank": 4', '"rank": 1')
    path.write_text(other)
    with pytest.raises(DamagedFileError, match="does not match its checksum"):
        check_contestants(folder)
    write_with_checksum(path, lambda file: file.write_text(other))
    with pytest.raises(DamagedFileError, match="not what contestants/ says"):
        check_contestants(folder)
    other = text.replace('"schema_version": 1', '"schema_version": 2')
    write_with_checksum(path, lambda file: file.write_text(other))
    with pytest.raises(DamagedFileError, match="breaks its schema at schema_version"):
        check_contestants(folder)


def test_a_track_in_two_documents_is_one_table(images: Results) -> None:
    whole, parted = page_of(images), page_of(*reversed(in_two(images)))
    for title in ("Winners", "BDDM against each"):
        assert section(parted, title) == section(whole, title)
    title = "Images, `plain`"
    table = section(whole, title).split("Beforehand")[0]
    assert section(parted, title).startswith(table)
    search = re.search(r"Two constants \| — \| (\d+)", whole)
    assert search is not None
    assert f"| Two constants | — | {2 * int(search[1])} |" in parted  # what both cost
    assert "From [`contestants/1.md`]" in parted
    assert "From [`contestants/0.md`]" in parted


def test_of_two_documents_the_longest_reference_counts(images: Results) -> None:
    few, many = (standings(one, "plain", "fd") for one in in_two(images))
    assert few.reference == "ddpm-3"
    assert joined([few, many]).reference == images.reference
    assert joined([few, many]).columns == [3, 7, 16]


def test_times_of_another_machine_are_left_out(images: Results) -> None:
    few, many = in_two(images)
    elsewhere = many.model_copy(update={"provenance": many.provenance | {"processor": "another"}})
    parts = [Part(few, "0" * 64, "few.md"), Part(elsewhere, "0" * 64, "many.md")]
    (track,) = track_contests(parts)
    places = track.conventions[0].standings[0].lines["bddm"].places
    assert places[3].seconds is not None
    assert places[7].seconds is None
    assert places[7].score == images_score(images, "bddm", 7)
    page = contestants_page(Contest(schema_version=1, tracks=[track], plots={}))
    assert "times of the first alone" in page
    assert "times of the first alone" not in page_of(few, many)


def images_score(results: Results, contestant: str, steps: int) -> Interval:
    return next(row for row in results.rows if row.key == f"plain/{contestant}-{steps}").metrics[
        "fd"
    ]


def test_documents_of_different_contests_are_refused(images: Results) -> None:
    few, many = in_two(images)
    fewer = many.model_copy(update={"experiment": many.experiment | {"test_items": 7}})
    with pytest.raises(DamagedFileError, match=r"differ in their test_items.* run both"):
        page_of(few, fewer)
    with pytest.raises(DamagedFileError, match="a column of 7 evaluations"):
        page_of(many, images)


def test_reasons_of_empty_cells_are_told(images: Results) -> None:
    page = page_of(with_values(images, {"bddm": 1.0, "ddpm": 2.0}))
    assert "- diverged: bddm-7, bddm-16, " in page


def test_cells_without_a_value_or_a_row_have_a_reason(images: Results) -> None:
    def unscored(row: RowResult) -> RowResult:
        none = row.metrics["fd"].model_copy(update={"value": None})
        return row.model_copy(update={"metrics": {"fd": none}})

    rows = [
        unscored(row) if row.key == "plain/ddim-7" else row
        for row in images.rows
        if row.key != "plain/ddpm-3"
    ]
    page = page_of(images.model_copy(update={"rows": rows}))
    assert "- FD-fmnist: it has no value: ddim-7\n" in page
    assert "- not asked of it in that run: ddpm-3\n" in page


def test_rows_with_every_column_come_first(images: Results) -> None:
    rows = [row for row in images.rows if row.key not in ("plain/ddim-7", "plain/ddim-16")]
    table = section(page_of(images.model_copy(update={"rows": rows})), "Images, `plain`")
    first = [line for line in table.splitlines() if line.startswith("| ")][2]
    assert not first.startswith("| DDIM")  # though it is the best at 3
    assert table.index("| DDPM") < table.index("| DDIM")
    whole = section(page_of(images), "Images, `plain`")
    assert whole.index("| DDIM") < whole.index("| DDPM")


def test_the_page_says_how_much_was_sampled_and_searched(images: Results) -> None:
    page = page_of(images)
    items, search = images.experiment["test_items"], images.experiment["search"]
    assert (
        f"{items} images of each row from each of 1 noise seed; searches on grids of 9 × 9" in page
    )
    assert f"the best {search['finalists']} of a length again" in page
    assert "A distance of few images is larger" in page


def test_a_track_without_any_score_has_a_page(images: Results) -> None:
    page = page_of(with_values(images, {}))
    assert "- diverged: bddm-3, " in page
    assert ".svg" not in page


def test_plots_are_the_same_again_and_needed(folder: Path) -> None:
    write_contestants(folder)
    plot = folder / "contestants" / "pareto-images-plain.svg"
    first = plot.read_bytes()
    write_contestants(folder)
    assert plot.read_bytes() == first
    plot.write_bytes(first.replace(b"BDDM", b"DDIM"))
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg is missing or was"):
        check_contestants(folder)
    plot.unlink()
    with pytest.raises(DamagedFileError, match=r"pareto-images-plain\.svg is missing or was"):
        check_contestants(folder)


def drawn(results: Results, path: Path) -> str:
    plot_pareto(standings(results, "plain", "fd"), path)
    return path.read_text()


def test_plots_name_efficient_contestants_and_bddm(images: Results, tmp_path: Path) -> None:
    untimed = [row.model_copy(update={"time": None}) for row in images.rows]
    results = images.model_copy(update={"rows": untimed})
    text = drawn(results, tmp_path / "plot.svg")
    named = {row.title for row in images.rows if f">{row.title}<" in text}
    assert named == {"BDDM", "DDIM, linear sub-sequence"}  # DDIM is first at 3, 7 and 16
    assert ">others: 6<" in text


def test_unstable_times_are_hollow_in_plots(images: Results, tmp_path: Path) -> None:
    def told(stable: bool) -> str:
        rows = [
            row.model_copy(update={"time": row.time.model_copy(update={"stable": stable})})
            for row in images.rows
            if row.time is not None
        ]
        return drawn(images.model_copy(update={"rows": rows}), tmp_path / "plot.svg")

    assert ">hollow: unstable time<" in told(stable=False)
    assert ">hollow: unstable time<" not in told(stable=True)


@pytest.mark.parametrize("values", [(0.0, -0.1, 2.0), (1.0, 1.0, 1.0), (0.001, 5.0, 700.0)])
@pytest.mark.parametrize("higher", [False, True])
def test_plots_of_any_scores(
    images: Results, tmp_path: Path, values: tuple[float, ...], higher: bool
) -> None:
    faked = with_values(images, dict(zip(("bddm", "ddpm", "ddim"), values, strict=True)))
    assert ">BDDM<" in drawn(with_direction(faked, higher), tmp_path / "plot.svg")


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="run contestants-analytic"):
        write_contestants(tmp_path)


def test_titles_are_of_today_and_a_users_own_is_as_it_was(images: Results) -> None:
    changes = {
        "ddim": {"title": "DDIM, as it was called"},
        "constants": {"contestant": "mine", "title": "My sampler"},
    }
    rows = [row.model_copy(update=changes.get(row.contestant, {})) for row in images.rows]
    lines = standings(images.model_copy(update={"rows": rows}), "plain", "fd").lines
    assert lines["mine"].title == "My sampler"
    assert lines["ddim"].title == CONTESTANTS["ddim"].title


def test_a_column_that_bddm_does_not_reach_stays(images: Results) -> None:
    rows = [
        row.model_copy(update={"metrics": {}, "nfe": 0, "skipped": "no schedule found"})
        if (row.contestant, row.steps) == ("bddm", 16)
        else row
        for row in images.rows
    ]
    results = images.model_copy(update={"rows": rows})
    found = standings(results, "plain", "fd")
    assert found.columns == standings(images, "plain", "fd").columns
    assert "bddm" not in found.column(16)
    assert "ddpm" in found.column(16)
    assert "no BDDM" in page_of(results)


def test_unstable_times_are_counted(images: Results) -> None:
    rows = [
        row.model_copy(update={"time": row.time.model_copy(update={"stable": i < 2})})
        for i, row in enumerate(row for row in images.rows if row.time is not None)
        if row.time is not None
    ]
    page = page_of(images.model_copy(update={"rows": rows}))
    assert f"Of its {len(rows)} times {len(rows) - 2} are unstable" in page
