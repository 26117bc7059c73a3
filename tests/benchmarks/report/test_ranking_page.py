"""The page of the ranking: marks, winners, tallies, the order of rows, and what is told below."""

from __future__ import annotations

import re

import pytest

from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.ranking import ranking_page, sign
from benchmarks.results.places import ranked
from benchmarks.results.ranking import Part, ranked_tracks
from benchmarks.results.schema import Comparison, RunResults
from benchmarks.results.verdicts import Interval
from synthetic.runs import FD, PROVENANCE, Table, analytic, images, speech, timed

FEW: Table = {name: {3: values[3]} for name, values in FD.items()}
MANY: Table = {
    name: {steps: value for steps, value in values.items() if steps != 3}
    for name, values in FD.items()
}


def page_of(*documents: RunResults) -> str:
    parts = [Part(results, f"contestants/{i}.md") for i, results in enumerate(documents)]
    tracks = ranked_tracks(parts)
    return to_markdown(ranking_page(tracks))


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def without(results: RunResults, *keys: str) -> RunResults:
    """The results without some rows."""
    rows = [row for row in results.rows if row.key not in keys]
    assert len(rows) == len(results.rows) - len(keys)
    return results.model_copy(update={"rows": rows})


def skipping(results: RunResults, *keys: str) -> RunResults:
    """The results with some rows, or all of them, skipped."""
    rows = [
        row.model_copy(update={"metrics": {}, "nfe": 0, "skipped": "diverged"})
        if row.key in keys or not keys
        else row
        for row in results.rows
    ]
    return results.model_copy(update={"rows": rows})


def test_a_cell_has_score_rank_and_mark_and_the_best_is_bold() -> None:
    table = section(page_of(images()), "Images, `plain`").split("| Beforehand")[0]
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in table.splitlines()}
    assert rows["| FD-fmnist ↓ at evaluations"] == ["3", "7", "16 |"]
    assert rows["| DDIM, linear sub-sequence"][0] == "**24.00 [23.00, 25.00] · 1** ▲"
    assert rows["| BDDM"][0] == "30.00 [29.00, 31.00] · 2"
    assert rows["| Two constants"][0] == "34.00 [33.00, 35.00] · 3 ▽"
    assert "| **0.04000 · 1** = |" in section(page_of(analytic()), "Analytic, `gaussian-16`")


@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize(
    ("verdict", "bounds", "p", "mark"),
    [
        ("better", (1.0, 2.0, 3.0), 0.01, "▽"),
        ("worse", (-3.0, -2.0, -1.0), 0.01, "▲"),
        # Within the margin, and yet better: as BDDM would be called.
        ("as good", (-3.0, -2.0, -1.0), 0.01, "▲"),
        ("as good", (-3.0, -2.0, -1.0), 0.2, "="),
        ("as good", (-1.0, 0.5, 2.0), 0.01, "="),
        ("undecided", (-3.0, -1.0, 1.0), 0.01, "?"),
        ("as good", (-1.0, -1.0, -1.0), None, "▲"),  # exact
        ("undecided", (-3.0, -2.0, -1.0), None, "?"),  # too little for a test
    ],
)
def test_marks_hold_the_contestant_to_the_rule_that_bddm_is_held_to(
    higher: bool, verdict: str, bounds: tuple[float, float, float], p: float | None, mark: str
) -> None:
    low, value, high = bounds if higher else tuple(-bound for bound in reversed(bounds))
    results = images()
    (one,) = [c for c in results.comparisons if (c.row, c.against) == PAIR]
    changes = {
        "difference": Interval(value=value, low=low, high=high, n=100),
        "p_sign_flip": p,
        "verdict": verdict,
    }
    info = results.metrics["fd"].model_copy(update={"higher_is_better": higher})
    update = {"metrics": {"fd": info}, "comparisons": [one.model_copy(update=changes)]}
    against = ranked(results.model_copy(update=update), "plain", "fd").lines["ddim"].places[3]
    assert against.against is not None
    assert sign(against.against) == mark
    assert against.against.difference.value == -value


PAIR = ("plain/bddm-3", "plain/ddim-3")


def test_few_noise_seeds_stand_in_parentheses() -> None:
    results = speech()

    def with_seeds(one: Comparison) -> Comparison:
        few = one.against == "scaled/constants-7"
        return one.model_copy(update={"seeds": 2 if few else 6})

    comparisons = [with_seeds(one) for one in results.comparisons]
    page = page_of(results.model_copy(update={"comparisons": comparisons}))
    table = section(page, "Speech, `scaled`")
    found = re.search(r"^\| Two constants \| ([^|]*) \| ([^|]*) \|", table, re.MULTILINE)
    assert found is not None
    assert found[1] == "**2.40 [2.30, 2.50] · 1** ▲"
    assert found[2] == "**2.85 [2.75, 2.95] · 1** (▲)"


def test_winners_have_their_lead_and_bddms_rank() -> None:
    winners = section(page_of(images(), speech()), "Winners")
    of_images = winners.partition("Images, `plain`, FD-fmnist ↓:")[2]
    assert "| 3 | DDIM, linear sub-sequence | -6.00 [-7.00, -5.00] ▲ | 2 of 4 |" in of_images
    of_speech = winners.partition("Speech, `raw`, PESQ-WB (LQO) ↑:")[2]
    assert "| 3 | **BDDM** | — | **1 of 4** |" in of_speech
    assert "| Two constants | +0.10 [+0.05, +0.15] ▲ | 2 of 4 |" in winners


def test_tallies_count_by_the_first_metric() -> None:
    tally = section(page_of(images(), speech()), "BDDM against each")
    # DDPM is behind on images and in both conventions of speech at 3 evaluations.
    assert "| DDPM, linear sub-sequence | 3▽ | 1▲ 2▽ | 1▲ 2▽ | 2▲ 7▽ |" in tally
    order = ["DDIM, linear", "DDPM, linear", "Two constants"]  # wins less losses, by contest
    tally = section(page_of(images()), "BDDM against each")
    places = [tally.index(name) for name in order]
    assert places == sorted(places)


def test_a_track_in_two_documents_is_one_table() -> None:
    few = images(FEW, reference="ddpm-3")
    whole, parted = page_of(images()), page_of(images(MANY), few)
    for title in ("Winners", "BDDM against each"):
        assert section(parted, title) == section(whole, title)
    title = "Images, `plain`"
    assert section(parted, title).startswith(section(whole, title).split("Beforehand")[0])
    assert "| Two constants | — | 6000 | 60 s |" in whole  # it trains no network
    assert "| Two constants | — | 12000 | 120 s |" in parted
    assert "| BDDM | 2000 steps, 90 s | 10000 | 100 s |" in parted
    assert "From [`contestants/1.md`]" in parted
    assert "From [`contestants/0.md`]" in parted
    assert "times of the first alone" not in parted
    elsewhere = PROVENANCE.model_copy(update={"processor": "another"})
    assert "times of the first alone" in page_of(few, images(MANY, provenance=elsewhere))


def test_reasons_of_empty_cells_are_told() -> None:
    page = page_of(skipping(without(images(), "plain/ddpm-3"), "plain/ddim-7", "plain/ddim-16"))
    assert "Not there:\n\n- diverged: ddim-7, ddim-16\n" in page
    assert "- not asked of it in that run: ddpm-3\n" in page
    assert "Not there:" not in page_of(images())


def test_rows_with_every_column_come_first() -> None:
    page = page_of(without(images(), "plain/ddim-7", "plain/ddim-16"))
    table = section(page, "Images, `plain`")
    # DDIM is the best at 3, which tells little of ranks in all columns.
    assert table.index("| DDPM") < table.index("| DDIM")
    whole = section(page_of(images()), "Images, `plain`")
    assert whole.index("| DDIM") < whole.index("| DDPM")


def test_a_column_that_bddm_does_not_reach_has_no_rank_of_it() -> None:
    winners = section(page_of(skipping(images(), "plain/bddm-16")), "Winners")
    assert "| 16 | DDIM, linear sub-sequence | — | no BDDM |" in winners


def test_a_track_without_any_score_has_a_page() -> None:
    page = page_of(skipping(images()))
    assert "- diverged: bddm-3, bddm-7, bddm-16, " in page
    assert ".svg" not in page


def test_the_page_says_how_much_was_sampled_and_searched() -> None:
    page = page_of(images())
    assert "500 images of each row from each of 1 noise seed; searches on grids of 9 × 9" in page
    assert "the best 8 of a length again by 10, with 10 refinements." in page
    assert "A distance of few images is larger" in page
    seeds = [row.model_copy(update={"seeds": 2}) for row in speech().rows[:1]]
    rows = [*seeds, *speech().rows[1:]]
    assert "each of 2 to 6 seeds;" in page_of(speech().model_copy(update={"rows": rows}))


def test_noise_estimators_are_trained_beforehand() -> None:
    page = page_of(images(wall_seconds={"noise_estimator": 61.7}))
    assert "Training the noise estimators took 62 s." in page
    assert "noise estimators" not in page_of(images())


def test_unstable_times_are_counted() -> None:
    rows = [
        row.model_copy(update={"time": timed(row.nfe, stable=i < 2)})
        for i, row in enumerate(images().rows)
    ]
    page = page_of(images().model_copy(update={"rows": rows}))
    assert f"Of its {len(rows)} times {len(rows) - 2} are unstable" in page


def test_a_contestant_keeps_the_title_it_was_published_with() -> None:
    rows = [
        row.model_copy(update={"contestant": "mine", "title": "My sampler"})
        if row.contestant == "constants"
        else row
        for row in images().rows
    ]
    assert "| My sampler | 34.00 [" in page_of(images().model_copy(update={"rows": rows}))
