"""The command ``list``: the shipped experiments, one line each."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

from benchmarks.cli.base import PROGRAM, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.report.page import Page
    from benchmarks.results.listing import ListedExperiment

EARLIER = "*"  # behind a duration that was measured with other fields
ESTIMATED = "~"  # before a duration that an experiment's comment gives


@dataclass(frozen=True, kw_only=True)
class List(Command):
    """List the shipped experiments: what they are, how long they take, where tables go."""

    json: bool = False  # print a JSON list

    def run(self) -> int:
        """Print one line for each experiment."""
        from benchmarks.report.terminal import to_terminal
        from benchmarks.results.listing import listed

        found = listed()
        if self.json:
            sys.stdout.write(json.dumps([one.model_dump() for one in found], indent=1) + "\n")
        else:
            sys.stdout.write(to_terminal(list_page(found)))
        return 0


def list_page(found: Sequence[ListedExperiment]) -> Page:
    """The table of experiments, and what its signs mean.

    A duration that was measured with other fields stands only where nothing is estimated.
    """
    from benchmarks.report.inline import plain
    from benchmarks.report.page import NOTHING, Bullets, Page, table

    shown = [one for one in found if one.same_fields or one.estimate is None]
    machines = list(dict.fromkeys(one.machine for one in shown if one.machine is not None))
    letters = dict(zip(machines, ascii_uppercase, strict=False))
    lines = []
    for one in found:
        takes = NOTHING if one.estimate is None else f"{ESTIMATED} {one.estimate}"
        if one.minutes is not None and one.machine is not None and one in shown:
            sign = "" if one.same_fields else EARLIER
            takes = f"{one.minutes:.0f} min {letters[one.machine]}{sign}"
        folder = (one.folder or NOTHING).removeprefix("results/")
        lines.append([one.name, plain(one.what), plain(takes), plain(folder)])
    notes = [f"{letter}: measured on {plain(machine)}" for machine, letter in letters.items()]
    if any(one.same_fields is False for one in shown):
        notes.append(f"{plain(EARLIER)}: measured with other fields than the experiment has now")
    notes += [
        f"{plain(ESTIMATED)}: an estimate, of the comment in the experiment's file",
        f"tables go to results/local/NAME; `{PROGRAM} run NAME --publish` replaces the published "
        "ones, in the folder below results/ that the table names",
    ]
    heads = ["Experiment", "What it is", "Takes", "Published in"]
    return Page((table(heads, lines), Bullets(tuple(notes))))
