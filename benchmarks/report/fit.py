"""Fit tables into the width of Markdown pages: wide ones are split, and long cells become notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

COLUMNS, CHARACTERS = 9, 240  # most of a table's row, as Markdown
LONG = 80  # characters of a cell that may become a note before a table is split
SHORTEST_NOTE = 12  # characters of a cell that is never a note

Line = tuple[str, ...]


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


def fitted(lines: Sequence[Line], keys: int = 1) -> Fitted:
    """Split a table into tables of at most 9 columns and 240 characters a row.

    A table of few columns keeps them together, if notes for some long cells make its rows fit.
    Otherwise columns are shared out evenly among several tables.

    Args:
        lines: heads, then rows, all of one length.
        keys: first columns, which every part repeats.
    """
    if _fits(lines):
        return Fitted([list(lines)])
    if len(lines[0]) <= COLUMNS:
        whole = _noted(lines, (), lambda cell: len(cell) > LONG)
        if _fits(whole.parts[0]):
            return whole
    others = range(keys, len(lines[0]))
    narrow = _narrowed(lines, keys)
    parts = _shared_out(narrow.parts[0], keys, list(others))
    return Fitted(parts, narrow.notes)


def _fits(lines: Sequence[Line]) -> bool:
    short = all(len(row_text(line)) <= CHARACTERS for line in lines)
    return short and len(lines[0]) <= COLUMNS


def _narrowed(lines: Sequence[Line], keys: int) -> Fitted:
    """Replace cells by notes until the keys fit beside any other column."""
    columns = range(keys, len(lines[0])) or range(0)
    choices = [(*range(keys), column) for column in columns] or [tuple(range(keys))]
    return _noted(lines, choices, lambda cell: len(cell) > SHORTEST_NOTE)


def _noted(
    lines: Sequence[Line], choices: Sequence[tuple[int, ...]], may: Callable[[str], bool]
) -> Fitted:
    """Replace the longest cells of rows that are too long by notes.

    Args:
        lines: heads, then rows.
        choices: columns that must fit together; none: all columns.
        may: tells which cells may become notes.
    """
    numbers: dict[str, int] = {}
    made = []
    for line in lines:
        cells = list(line)
        for columns in choices or [tuple(range(len(line)))]:
            while len(row_text([cells[i] for i in columns])) > CHARACTERS:
                long = [i for i in columns if may(cells[i])]
                if not long:
                    break
                longest = max(reversed(long), key=lambda i: len(cells[i]))
                number = numbers.setdefault(cells[longest], len(numbers) + 1)
                cells[longest] = f"note {number}"
        made.append(tuple(cells))
    return Fitted([made], list(numbers))


def _shared_out(lines: Sequence[Line], keys: int, others: list[int]) -> list[list[Line]]:
    """Share columns out among as few tables as fit, evenly where that fits too."""
    greedy: list[list[int]] = [[]]
    for column in others:
        if greedy[-1] and not _fits(_chosen(lines, keys, [*greedy[-1], column])):
            greedy.append([])
        greedy[-1].append(column)
    size = -(-len(others) // len(greedy))
    even = [others[i : i + size] for i in range(0, len(others), size)]
    fit = all(_fits(_chosen(lines, keys, columns)) for columns in even)
    return [_chosen(lines, keys, columns) for columns in (even if fit else greedy)]


def _chosen(lines: Sequence[Line], keys: int, columns: Sequence[int]) -> list[Line]:
    return [(*line[:keys], *(line[column] for column in columns)) for line in lines]
