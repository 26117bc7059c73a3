"""One performance case: a call beside those that it is compared with, in one process, in turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.results.speed import OURS
from metrics.timing import Clock, clock_for, peak_memory

if TYPE_CHECKING:  # an extra: pages are made without it
    from pytest_benchmark.fixture import BenchmarkFixture

Call = Callable[[], object]


class Case:
    """Times calls through pytest-benchmark, and leaves in its ``extra_info`` all that a page needs.

    Args:
        benchmark: the fixture; its own figures are those of the case's own call.
        device: whose clock is used.
        clock: another one.
    """

    def __init__(
        self, benchmark: BenchmarkFixture, device: torch.device, clock: Clock | None = None
    ) -> None:
        self.benchmark = benchmark
        self.device = device
        self.clock = clock or clock_for(device)
        self.info: dict[str, Any] = benchmark.extra_info
        self.info |= {"figures": [], "notes": {}, "bars": {}, "absent": {}}
        self._cuda_bars: dict[str, float] = {}

    def cuda_bars(self, bars: Mapping[str, float]) -> None:
        """How many times longer others have to take on a GPU; told before they are compared."""
        self._cuda_bars = dict(bars)

    def compare(
        self,
        title: str,
        ours: Call,
        others: Mapping[str, Call] | None = None,
        *,
        rounds: int = 7,
        warmup: int = 1,
        bars: Mapping[str, float] | None = None,
        beside: Mapping[str, Call] | None = None,
    ) -> dict[str, list[float]]:
        """Time a call and others in turns, each round in an order of its own.

        Args:
            title: of the case, as in "DiffWave, one evaluation".
            ours: the case's own call.
            others: what it is compared with, by name.
            rounds: timed.
            warmup: rounds before them that are not kept.
            bars: how many times longer others have to take; they are set for CPUs.
            beside: timed in the same rounds, but not compared with.

        Returns:
            Seconds of the timed rounds by name, the own call's under ``OURS``.
        """
        calls = {**(others or {}), **(beside or {})}
        seconds: dict[str, list[float]] = {name: [] for name in (OURS, *calls)}
        shuffler = random.Random(0)
        after: list[str] = []  # those whose turn in this round comes after ours

        def in_turn(names: list[str]) -> None:
            for name in names:
                seconds[name].append(self.clock.seconds(calls[name]))

        def before() -> None:
            in_turn(after)
            names = list(seconds)
            shuffler.shuffle(names)
            place = names.index(OURS)
            after[:] = names[place + 1 :]
            in_turn(names[:place])

        def own() -> None:
            seconds[OURS].append(self.clock.seconds(ours))

        # With --benchmark-disable there is one round, and no warm-up.
        self.benchmark.pedantic(own, setup=before, rounds=rounds, warmup_rounds=warmup)
        in_turn(after)
        kept = {name: values[-rounds:] for name, values in seconds.items()}
        compared = {name: kept[name] for name in (OURS, *(others or {}))}
        bars = dict(bars or {}) if self.device.type == "cpu" else self._cuda_bars
        bars = {name: bar for name, bar in bars.items() if name in compared}
        self.info |= {"title": title, "seconds": compared, "bars": bars}
        self._note_memory(ours)
        return kept

    def _note_memory(self, ours: Call) -> None:
        """What a call takes on a GPU, if it runs there."""
        if self.device.type != "cuda":
            return
        before = torch.cuda.memory_allocated(self.device)
        with peak_memory(self.device) as peak:
            ours()
        if peak.allocated is not None and peak.allocated > before:
            self.note(**{"peak memory, MiB": round(peak.allocated / 2**20)})

    def subject(self, **fields: str | float | None) -> None:
        """The sampler or encoder that the case times: :class:`Timed`."""
        self.info["subject"] = fields

    def part(self, title: str, seconds: list[float], **fields: str | float | None) -> None:
        """One of several samplers that one test timed in turns, as a case of its own."""
        empty: dict[str, Any] = {"figures": [], "bars": {}, "absent": {}}
        part = {**empty, "title": title, "seconds": {OURS: seconds}, "subject": fields}
        self.info.setdefault("parts", []).append(part)

    def absent(self, name: str, reason: str) -> None:
        """Say why something is not compared with."""
        self.info["absent"][name] = reason

    def figure(
        self,
        name: str,
        value: float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        is_share: bool = False,
    ) -> None:
        """A number that follows from the times, where it should lie on a CPU; a share is of 1."""
        bar = {"at_most": at_most, "at_least": at_least}
        if self.device.type != "cpu":
            bar = dict.fromkeys(bar)
        self.info["figures"].append({"name": name, "value": value, "is_share": is_share, **bar})

    def note(self, **notes: str | float) -> None:
        """What the case ran on."""
        self.info["notes"] |= notes
