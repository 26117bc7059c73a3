"""The page of ``compare``: what changed between two results of a track."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from pydantic import JsonValue

from benchmarks.report.inline import code, plain
from benchmarks.report.page import NOTHING, Block, Heading, Page, Prose, estimate, named, table
from benchmarks.results.compare import Changes, MetricChange, TrackChanges
from benchmarks.results.verdicts import Verdict

LONGEST = 100  # characters of a setting's value


def compare_page(changes: Changes) -> Page:
    """The whole page: all tracks, with the conclusion at the end."""
    blocks = [block for track in changes.tracks for block in _track(track)]
    if changes.unmatched:
        blocks.append(Prose(f"In one folder only: {_listed(changes.unmatched)}."))
    return Page((*blocks, *_conclusion(changes)))


def _track(found: TrackChanges) -> Iterator[Block]:
    yield Heading(f"Comparison: {found.track} track", 1)
    yield Prose(f"A: {code(found.a)}\n\nB: {code(found.b)}")
    if found.meaningless:
        yield Prose("**A smoke run: budgets are tiny, and these figures mean nothing.**")
    yield Heading("Settings that differ")
    if found.settings:
        lines = [[code(one.field), _value(one.a), _value(one.b)] for one in found.settings]
        yield table(["Setting", "A", "B"], lines)
    else:
        yield Prose("None.")
    yield Heading("Scores")
    yield Prose(_pairing(found))
    if found.changes:
        heads = ["Row", "Metric", "A", "B", "B − A", "Items", "p", "Margin", "Verdict on B"]
        yield table(heads, [_line(found, change) for change in found.changes])
    for side, rows in (("A", found.only_in_a), ("B", found.only_in_b)):
        if rows:
            yield Prose(f"Sampled in {side} only: {_listed(rows)}.")


def _pairing(found: TrackChanges) -> str:
    intervals = "Intervals are of 95 %."
    if found.unpaired is not None:
        return (
            f"Unpaired, because {found.unpaired}: differences follow from the two stored estimates "
            f"as if these were independent. {intervals}"
        )
    rows = dict.fromkeys(change.row for change in found.changes if not change.paired)
    if not rows:
        return f"Paired: both have the same data, test items and noise seeds. {intervals}"
    return (
        "Paired by test item, but for rows with other noise seeds, whose differences follow from "
        f"the two stored estimates: {_listed(list(rows))}. {intervals}"
    )


def _line(found: TrackChanges, change: MetricChange) -> list[str]:
    info = found.metrics[change.metric]
    cells = [code(change.row), named(info)]
    cells += [estimate(one, info.digits) for one in (change.a, change.b)]
    if change.difference is None:
        reason = f"not compared: {plain(str(change.reason))}"
        return [*cells, reason, NOTHING, NOTHING, NOTHING, NOTHING]
    verdict = change.verdict or NOTHING
    return [
        *cells,
        estimate(change.difference, info.digits + 1, sign="+"),
        f"{change.difference.n} {'pairs' if change.paired else 'unpaired'}",
        NOTHING if change.p is None else f"{change.p:.2g}",
        NOTHING if change.margin is None else f"{change.margin:.3g}",
        f"**{verdict}**" if verdict in ("better", "worse") else verdict,
    ]


def _conclusion(changes: Changes) -> list[Block]:
    every = [change for track in changes.tracks for change in track.changes if change.verdict]
    if not every:
        told = ["Nothing is judged: no metric with a margin is compared."]
    else:
        counts = Counter(change.verdict for change in every)
        told = [", ".join(f"{counts[word]} {word}" for word in get_args(Verdict)) + "."]
        names = [f"{change.row} {change.metric}" for change in changes.worse]
        told.append(
            f"Worse than A by more than the margin: {_listed(names)}."
            if names
            else "Nothing is worse than A by more than its margin."
        )
    return [Heading("Conclusion"), *(Prose(text) for text in told)]


def _listed(names: list[str]) -> str:
    return ", ".join(code(name) for name in names)


def _value(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    shown = NOTHING if value is None else text
    return plain(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…")
