"""Pages as Markdown: every block, and every attribute of a cell."""

from __future__ import annotations

import pytest

from benchmarks.report.markdown import block_text, cell_text, to_markdown
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
    Cell,
    Figure,
    Heading,
    Origin,
    Page,
    Prose,
    estimate,
    estimated,
    table,
)
from benchmarks.results.verdicts import Interval
from synthetic.runs import around


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Heading("Title", 1), "# Title\n"),
        (Heading("Part"), "## Part\n"),
        (Prose("One.\nTwo."), "One.\nTwo.\n"),
        (Bullets(("a", "b")), "- a\n- b\n"),
        (Bullets(("a",), "*"), "* a\n"),
        (Figure("a.svg", "A picture"), "![A picture](a.svg)\n"),
        (Origin(("commit", "data")), "## Origin\n\n- commit\n- data\n"),
        (table(["a", "b"], [["1", Cell("2")]]), "| a | b |\n| --- | --- |\n| 1 | 2 |\n"),
        (table(["a"], [], "Above:"), "Above:\n\n| a |\n| --- |\n"),
    ],
)
def test_blocks(block: Block, text: str) -> None:
    assert block_text(block) == text


def test_blocks_are_apart_by_one_empty_line() -> None:
    assert to_markdown(Page((Heading("Title", 1), Prose("Text.")))) == "# Title\n\nText.\n"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("plain", "plain"),
        (Cell("1"), "1"),
        (Cell("1", bold=True), "**1**"),
        (Cell("1").marked("▲"), "1 ▲"),
        (Cell("1", bold=True, link="a.md").marked("="), "[**1**](a.md) ="),
    ],
)
def test_cells(cell: Cell | str, text: str) -> None:
    assert cell_text(cell) == text


def test_an_estimate_has_its_interval_unless_it_is_exact() -> None:
    assert estimate(around(1.5, 0.25), 2) == "1.50 [1.25, 1.75]"
    assert estimate(around(-1.5, 0.5), 1, "+") == "-1.5 [-2.0, -1.0]"
    assert estimate(around(1.5, 0.0), 1, "+") == "+1.5"
    assert estimate(Interval(value=1.5, low=None, high=None, n=1), 1) == "1.5"
    nothing = Interval(value=None, low=None, high=None, n=0)
    assert estimate(nothing, 1) == estimate(None, 1) == NOTHING


def test_a_cell_of_an_estimate_keeps_its_numbers() -> None:
    assert estimated(around(1.5, 0.25), 2) == Cell("1.50 [1.25, 1.75]", 1.5, (1.25, 1.75))
    assert estimated(Interval(value=1.5, low=None, high=None, n=1), 1) == Cell("1.5", 1.5)
    assert estimated(None, 1) == Cell(NOTHING)
