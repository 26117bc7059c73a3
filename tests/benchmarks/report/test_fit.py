"""Wide tables: what is split, what becomes a note, and that nothing is lost."""

from __future__ import annotations

import itertools

import pytest
from pages import wide_rows

from benchmarks.report.fit import CHARACTERS, COLUMNS, Line, fitted, row_text
from benchmarks.report.markdown import table_text
from benchmarks.report.page import table


def lines(columns: int, width: int, rows: int = 2) -> list[Line]:
    """Heads and rows of cells that are all different."""
    return [
        tuple(f"{row}.{column}".ljust(width, "x") for column in range(columns))
        for row in range(rows + 1)
    ]


def test_a_narrow_table_stays_as_it_is() -> None:
    found = fitted(lines(9, 20))
    assert found.parts == [lines(9, 20)]
    assert found.notes == []


def test_columns_are_shared_out_evenly_and_keys_repeated() -> None:
    wide = lines(12, 4)
    found = fitted(wide, keys=2)
    assert [len(part[0]) for part in found.parts] == [7, 7]
    assert all(part[1][:2] == wide[1][:2] for part in found.parts)
    assert [cell for part in found.parts for cell in part[2][2:]] == list(wide[2][2:])


def test_long_cells_of_a_table_of_few_columns_become_notes() -> None:
    found = fitted([("a", "b", "c"), ("1", "y" * 150, "z" * 100), ("2", "short", "z" * 100)])
    assert found.parts == [[("a", "b", "c"), ("1", "note 1", "z" * 100), ("2", "short", "z" * 100)]]
    assert found.notes == ["y" * 150]


def test_notes_are_numbered_as_they_are_read_and_keys_stay() -> None:
    rows = [("k" * 150, "x" * 70, "1"), ("k" * 160, "y" * 90, "2")]
    found = fitted([("a", "b", "c"), *rows])
    assert found.parts == [[("a", "b", "c"), rows[0], (rows[1][0], "note 1", "2")]]
    longer = [("k" * 170, "x" * 82, "1"), ("k" * 160, "y" * 90, "2")]
    found = fitted([("a", "b", "c"), *longer])
    assert [line[1] for line in found.parts[0]] == ["b", "note 1", "note 2"]
    assert found.notes == ["x" * 82, "y" * 90]


def test_equal_cells_share_a_note() -> None:
    row = ("1", "y" * 250, "z")
    found = fitted([("a", "b", "c"), row, row])
    assert [line[1] for line in found.parts[0]] == ["b", "note 1", "note 1"]
    assert found.notes == ["y" * 250]


@pytest.mark.parametrize(
    ("columns", "width", "keys"),
    [*itertools.product((1, 2, 5, 9, 10, 23), (1, 40, 79, 119, 400), (1, 2, 3))],
)
def test_every_table_fits_and_keeps_its_texts(columns: int, width: int, keys: int) -> None:
    keys = min(keys, columns)
    wide = lines(columns, width)
    found = fitted(wide, keys)
    shown = {cell for part in found.parts for line in part for cell in line}
    for part in found.parts:
        assert len(part[0]) <= COLUMNS
        assert {len(line) for line in part} == {len(part[0])}
        assert max(len(row_text(line)) for line in part) <= CHARACTERS
    assert {cell for line in wide for cell in line} <= shown | set(found.notes)


def test_a_wide_table_as_markdown() -> None:
    heads, row = lines(11, 3, rows=1)
    text = table_text(table([*heads, "words"], [[*row, "w" * 300]], "Above:"))
    assert text.startswith("Above:\n\n| 0.0 | 0.1 |")
    assert text.count("\n| --- |") == 2
    assert f"| note 1 |\n\n- note 1: {'w' * 300}\n" in text
    assert wide_rows(text) == []
    assert wide_rows(row_text(heads)) == [row_text(heads)]
