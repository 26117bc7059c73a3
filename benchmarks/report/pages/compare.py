"""The page of ``compare``: what changed between two results of a track."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import JsonValue

from benchmarks.report.inline import code, plain
from benchmarks.report.page import NOTHING, Block, Heading, Page, Prose, Table, named, table
from benchmarks.report.page import estimate as interval_text
from benchmarks.results.compare import Changes, MetricChange, Setting, TrackChanges
from benchmarks.results.verdicts import Interval, Verdict

LONGEST = 22  # characters of a setting's value
DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # a commit, or SHA-256
DIGITS = 12  # of a digest that is shown
CUT = "Values with … are cut; `--json` prints them whole."


def compare_page(changes: Changes) -> Page:
    """The whole page: all tracks, with the conclusion at the end."""
    blocks = [block for track in changes.tracks for block in _track(track)]
    if changes.unmatched:
        blocks.append(Prose(f"In one folder only: {_listed(changes.unmatched)}."))
    return Page((*blocks, *conclusion(changes)))


def short_page(changes: Changes) -> Page:
    """The conclusion with the rows that got worse, for the summary of a job."""
    blocks: list[Block] = []
    for track in changes.tracks:
        blocks.append(Heading(f"Comparison: {track.track} track"))
        blocks.append(Prose(f"A: {code(track.a)}\n\nB: {code(track.b)}"))
        worse = [change for change in track.changes if change.verdict == "worse"]
        fewer = track.model_copy(update={"changes": worse})
        blocks += [_table(fewer, name) for name in dict.fromkeys(one.metric for one in worse)]
    return Page((*blocks, *conclusion(changes)))


def _track(found: TrackChanges) -> Iterator[Block]:
    yield Heading(f"Comparison: {found.track} track", 1)
    yield Prose(f"A: {code(found.a)}\n\nB: {code(found.b)}")
    if found.meaningless:
        yield Prose("**A smoke run: budgets are tiny, and these figures mean nothing.**")
    yield Heading("Settings that differ")
    yield from _settings(found.settings)
    yield Heading("Scores")
    yield Prose(_pairing(found))
    for metric in dict.fromkeys(change.metric for change in found.changes):
        yield _table(found, metric)
    yield from _not_compared(found)
    for side, rows in (("A", found.only_in_a), ("B", found.only_in_b)):
        if rows:
            yield Prose(f"Sampled in {side} only: {_listed(rows)}.")


def _settings(settings: Sequence[Setting]) -> Iterator[Block]:
    if not settings:
        yield Prose("None.")
        return
    lines = [[code(one.field), *_values(one)] for one in settings]
    yield table(["Setting", "A", "B"], lines)
    if any("…" in text for _, *texts in lines for text in texts):
        yield Prose(CUT)


def _pairing(found: TrackChanges) -> str:
    brackets = "Brackets: 95 % intervals of the difference; `--json` has those of A and B."
    if found.unpaired is not None:
        return (
            f"Unpaired, because {plain(found.unpaired)}: differences follow from the two stored "
            f"estimates as if these were independent. {brackets}"
        )
    seeds: dict[str, list[str]] = {}
    for change in found.changes:
        if change.seeds is not None and change.row not in seeds.setdefault(change.seeds, []):
            seeds[change.seeds].append(change.row)
    if not seeds:
        return f"Paired: both have the same data, test items and noise seeds. {brackets}"
    stored = "follow from the two stored estimates as if these were independent"
    if {change.row for change in found.changes} == {row for rows in seeds.values() for row in rows}:
        told = "; ".join(seeds)
        return (
            f"Unpaired, because the noise seeds differ ({told}): differences {stored}. {brackets}"
        )
    told = "; ".join(f"{field}: {_listed(rows)}" for field, rows in seeds.items())
    return (
        f"Paired by test item, but for rows with other noise seeds, whose differences {stored} "
        f"({told}). {brackets}"
    )


def _table(found: TrackChanges, metric: str) -> Table:
    """One metric: a line for each row that both have."""
    changes = [change for change in found.changes if change.metric == metric]
    info = found.metrics[metric]
    margins = {change.margin for change in changes if change.difference is not None}
    told = [NOTHING if one is None else f"{one:.3g}" for one in margins]
    caption = f"{named(info)}:" if len(told) != 1 else f"{named(info)}, margin {told[0]}:"
    if told == [NOTHING]:
        caption = f"{named(info)}, without a margin and so without verdicts:"
    heads = ["Row", "A", "B", "B − A", "Items", "p"]
    heads += ["Margin"] if len(told) > 1 else []
    heads += [] if told == [NOTHING] else ["Verdict on B"]
    lines = [_line(change, info.digits) for change in changes]
    return table(heads, [[line[head] for head in heads] for line in lines], caption)


def _line(change: MetricChange, digits: int) -> dict[str, str]:
    """A row's cells by the head of their column."""
    cells = {
        "Row": code(change.row),
        "A": _number(change.a, digits),
        "B": _number(change.b, digits),
    }
    if change.difference is None:
        return cells | dict.fromkeys(("B − A", "Items", "p", "Margin", "Verdict on B"), NOTHING)
    verdict = change.verdict or NOTHING
    return cells | {
        "B − A": interval_text(change.difference, digits + 1, sign="+"),
        "Items": f"{change.difference.n} {'pairs' if change.paired else 'unpaired'}",
        "p": NOTHING if change.p is None else f"{change.p:.2g}",
        "Margin": NOTHING if change.margin is None else f"{change.margin:.3g}",
        "Verdict on B": f"**{verdict}**" if verdict in ("better", "worse") else verdict,
    }


def _number(one: Interval, digits: int) -> str:
    return NOTHING if one.value is None else f"{one.value:.{digits}f}"


def _not_compared(found: TrackChanges) -> Iterator[Block]:
    """Say why rows have no difference."""
    reasons: dict[str, list[str]] = {}
    for change in found.changes:
        if change.reason is not None:
            reasons.setdefault(change.reason, []).append(f"{change.row} {change.metric}")
    for reason, names in reasons.items():
        yield Prose(f"Not compared, {plain(reason)}: {_listed(names)}.")


def conclusion(changes: Changes) -> list[Block]:
    """The number of comparisons with each verdict, and the rows that got worse."""
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


def _values(one: Setting) -> tuple[str, str]:
    """Both values of a setting, cut where they are long; equal beginnings are cut, not ends."""
    whole = [_text(value) for value in (one.a, one.b)]
    cut = [text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…" for text in whole]
    if cut[0] == cut[1]:
        cut = [text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}" for text in whole]
    return plain(cut[0]), plain(cut[1])


def _text(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if DIGEST.fullmatch(text):
        return text[:DIGITS]
    return NOTHING if value is None else text
