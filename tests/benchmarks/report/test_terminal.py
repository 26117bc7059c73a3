"""Pages as text for a terminal of 100 columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from benchmarks.report.inline import code, plain, shown
from benchmarks.report.page import Bullets, Cell, Figure, Heading, Origin, Page, Prose, table
from benchmarks.report.pages.compare import compare_page
from benchmarks.report.pages.ending import MOST_ROWS, ending_page
from benchmarks.report.pages.track import track_page
from benchmarks.report.terminal import WIDTH, to_terminal
from benchmarks.results.compare import compare_results
from benchmarks.results.schema import RunResults
from synthetic.runs import analytic, images, speech, write_run


def widest(text: str) -> int:
    return max(map(cell_len, text.splitlines()))


def test_every_block_has_its_text() -> None:
    page = Page(
        (
            Heading("A *title*", 1),
            Heading("Part `x`"),
            Heading("Small", 3),
            Prose("One **bold** [link](a.md).\n\nTwo."),
            Bullets(("first", "second")),
            Figure("a.svg", "A picture"),
            Origin(("here",)),
            table(["Row", "↑"], [["a", Cell("1.0", bold=True)], ["longer", "2"]], "Above:"),
        )
    )
    assert to_terminal(page) == (
        "A title\n=======\n\nPart x\n------\n\nSmall\n\nOne bold link.\n\nTwo.\n\n"
        "- first\n- second\n\nA picture: a.svg\n\n- here\n\n"
        "Above:\n\nRow     ↑\n------  ---\na       1.0\nlonger  2\n"
    )


@pytest.mark.parametrize("text", ["a*b", "x_y_z", "`c` | d", "<b>", "[a](b)", "&lt;", "**", "a\\b"])
def test_texts_of_users_show_as_they_were_written(text: str) -> None:
    assert shown(plain(text)) == text
    assert shown(code(text)) == text


def test_long_texts_are_wrapped_and_wide_tables_split() -> None:
    heads = [f"head {i}" for i in range(14)]
    page = Page((Prose("word " * 60), table(heads, [["cell" * 3] * 14]), Bullets(("x " * 90,))))
    text = to_terminal(page)
    assert widest(text) <= WIDTH
    for head in heads:
        assert head in text


@pytest.mark.parametrize("results", [speech(), images(), analytic()], ids=lambda one: one.track)
def test_pages_of_runs_fit(results: RunResults, tmp_path: Path) -> None:
    assert widest(to_terminal(ending_page(results))) <= WIDTH
    assert widest(to_terminal(track_page(results))) <= WIDTH
    for name in ("a", "b"):
        write_run(tmp_path / name, results)
    changes = compare_results(tmp_path / "a", tmp_path / "b")
    assert widest(to_terminal(compare_page(changes))) <= WIDTH + len(str(tmp_path)) + 9  # paths


def test_the_end_of_a_run_has_rows_times_and_verdicts() -> None:
    text = to_terminal(ending_page(speech(experiment_name="cpu")))
    assert text.startswith("Results of cpu\n--------------\n")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Row NFE PESQ-WB (LQO) ↑ STOI ↑ Time" in lines
    assert "raw/bddm-3 3 2.50 [2.40, 2.60] * 0.950 [0.948, 0.952] * 3 ms" in lines
    assert "raw/ddpm-3 3 1.80 [1.70, 1.90] 0.936 [0.934, 0.938] 3 ms" in lines
    assert "raw/ddpm-1000 1000 3.20 [3.10, 3.30] 0.964 [0.962, 0.966] 1 s" in lines
    assert (
        "- raw/bddm-7, STOI: better than constants-7, ddpm-7, ddim-7; as good as ddpm-1000"
    ) in lines
    assert "smoke" not in text
    assert "Without samples" not in text


def test_lower_is_better_for_distances_and_sets_of_one_size_are_compared() -> None:
    lines = [" ".join(line.split()) for line in to_terminal(ending_page(images())).splitlines()]
    assert "plain/ddim-3 3 24.00 [23.00, 25.00] * 3 ms" in lines
    assert "plain/bddm-3 3 30.00 [29.00, 31.00] 3 ms" in lines


def test_skipped_rows_and_smoke_runs_are_told() -> None:
    results = images(meaningless=True)
    skipped = [row.model_copy(update={"skipped": "why"}) for row in results.rows[:2]]
    few = results.model_copy(update={"rows": [*skipped, *results.rows[2:]]})
    text = to_terminal(ending_page(few))
    assert "figures mean nothing" in text
    assert "Without samples, for reasons on the page: plain/bddm-3, plain/bddm-7." in text
    every = [row.model_copy(update={"skipped": "why"}) for row in results.rows]
    told = to_terminal(ending_page(results.model_copy(update={"rows": every})))
    assert f"for reasons on the page: {len(every)} rows." in told


def test_of_many_rows_the_best_are_shown() -> None:
    results = images()
    more = [
        row.model_copy(update={"key": f"{row.key}{i}", "contestant": f"{row.contestant}-{i}"})
        for i in range(MOST_ROWS)
        for row in results.rows
        if row.contestant == "ddpm" and row.steps == 3
    ]
    big = results.model_copy(update={"rows": [*results.rows, *more]})
    text = to_terminal(ending_page(big))
    assert "more rows are on the page" in text
    assert "plain/ddim-3 " in text
    assert "plain/bddm-3 " in text
    assert "plain/ddpm-3" not in text.partition("BDDM against")[0]


def test_a_verdict_of_many_rows_takes_one_line() -> None:
    results = images()
    one = results.comparisons[0]
    long = [
        one.model_copy(update={"against": f"plain/a-very-long-name-of-a-sampler-{i}-3"})
        for i in range(9)
    ]
    lines = to_terminal(ending_page(results.model_copy(update={"comparisons": long}))).splitlines()
    assert f"- plain/bddm-3, FD-fmnist: {PHRASES_OF[one.verdict]} 9 rows" in lines


PHRASES_OF = {"better": "better than", "worse": "worse than", "as good": "as good as"}
