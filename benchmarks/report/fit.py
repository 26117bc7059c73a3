"""Fit tables into a width: wide ones are split, and long cells become notes below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

COLUMNS, CHARACTERS = 9, 240  # most of a table's row, as Markdown
LONG = 60  # characters of a cell that may become a note before a table is split
SHORTEST_NOTE = 12  # characters of a cell that is never a note

Line = tuple[str, ...]
Fits = Callable[[Sequence[Line]], bool]
"""A function that tells whether lines of a table fit, heads among them."""


@dataclass(frozen=True)
class Fitted:
    """A table as tables that fit, one below the other, and the notes of their long cells.

    Attributes:
        parts: each table's lines; the first line has the heads.
        notes: texts that stood in cells, by number from 1.
    """

    parts: list[list[Line]]
    notes: list[str] = field(default_factory=list)


def row_text(cells: Sequence[str]) -> str:
    """One row of a table as Markdown."""
    return f"| {' | '.join(cells)} |"


def fits_markdown(lines: Sequence[Line]) -> bool:
    """Tell whether a table has at most 9 columns and 240 characters a row, as Markdown."""
    short = all(len(row_text(line)) <= CHARACTERS for line in lines)
    return short and len(lines[0]) <= COLUMNS


def fitted(lines: Sequence[Line], keys: int = 1, fits: Fits = fits_markdown) -> Fitted:
    """Split a table into tables that fit.

    If notes for some long cells make all columns fit, the columns stay together. Otherwise they are
    shared out evenly among several tables.

    Args:
        lines: heads, then rows, all of one length.
        keys: first columns, which every part repeats.
        fits: tells whether a table fits.
    """
    if fits(lines):
        return Fitted([list(lines)])
    whole = _noted(lines, [tuple(range(len(lines[0])))], keys, LONG, fits)
    if fits(whole.parts[0]):
        return whole
    columns = range(keys, len(lines[0]))
    choices = [(*range(keys), column) for column in columns] or [tuple(range(keys))]
    narrow = _noted(lines, choices, keys, SHORTEST_NOTE, fits)
    return Fitted(_shared_out(narrow.parts[0], keys, list(columns), fits), narrow.notes)


def _noted(
    lines: Sequence[Line],
    choices: Sequence[tuple[int, ...]],
    keys: int,
    shortest: int,
    fits: Fits,
) -> Fitted:
    """Replace the longest cells by notes, until columns fit beside each other.

    Args:
        lines: heads, then rows.
        choices: columns that must fit together.
        keys: first columns, which stay as long as other cells can go.
        shortest: characters of a cell that stays.
        fits: tells whether a table fits.
    """
    made = [list(line) for line in lines]
    moved: set[tuple[int, int]] = set()
    for columns in choices:
        while not fits([tuple(cells[i] for i in columns) for cells in made]):
            wide = [
                n for n, cells in enumerate(made) if not fits([tuple(cells[i] for i in columns)])
            ]
            long = [
                (i >= keys, len(made[n][i]), i, n)
                for n in wide or range(len(made))
                for i in columns
                if len(made[n][i]) > shortest
            ]
            if not long:
                break
            _, _, column, row = max(long)
            moved.add((row, column))
            made[row][column] = "note 99"
    numbers: dict[str, int] = {}
    for row, column in sorted(moved):
        number = numbers.setdefault(lines[row][column], len(numbers) + 1)
        made[row][column] = f"note {number}"
    return Fitted([[tuple(cells) for cells in made]], list(numbers))


def _shared_out(
    lines: Sequence[Line], keys: int, others: list[int], fits: Fits
) -> list[list[Line]]:
    """Share columns out among as few tables as fit, evenly where that fits too."""
    greedy: list[list[int]] = [[]]
    for column in others:
        if greedy[-1] and not fits(_chosen(lines, keys, [*greedy[-1], column])):
            greedy.append([])
        greedy[-1].append(column)
    size = -(-len(others) // len(greedy))
    even = [others[i : i + size] for i in range(0, len(others), size)]
    fit = all(fits(_chosen(lines, keys, columns)) for columns in even)
    return [_chosen(lines, keys, columns) for columns in (even if fit else greedy)]


def _chosen(lines: Sequence[Line], keys: int, columns: Sequence[int]) -> list[Line]:
    return [(*line[:keys], *(line[column] for column in columns)) for line in lines]
