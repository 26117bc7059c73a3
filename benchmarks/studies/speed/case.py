"""One performance case, which times calls in turns within one process."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.results.speed import OURS
from metrics.timing import Clock, clock_for, peak_memory

if TYPE_CHECKING:  # pytest-benchmark is an extra that pages do not need
    from pytest_benchmark.fixture import BenchmarkFixture

Call = Callable[[], object]


class Case:
    """Timer of calls through pytest-benchmark; ``extra_info`` gets all data for the page.

    Args:
        benchmark: the fixture, which measures the case's own call.
        device: device of the calls.
        clock: a clock in place of the device's default.
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
        """Set the required ratios of other calls on a GPU; call this before ``compare``."""
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
        """Time a call and other calls in turns, each round in a new order.

        Args:
            title: title of the case, such as "DiffWave, one evaluation".
            ours: the case's own call.
            others: name to call for the comparison.
            rounds: number of timed rounds.
            warmup: number of rounds before the timed ones, which are dropped.
            bars: name to required ratio to our time, on a CPU.
            beside: name to call that is timed in the same rounds without comparison.

        Returns:
            Name to seconds of the timed rounds; the own call has the name ``OURS``.
        """
        calls = {**(others or {}), **(beside or {})}
        seconds: dict[str, list[float]] = {name: [] for name in (OURS, *calls)}
        shuffler = random.Random(0)
        after: list[str] = []  # calls whose turn in this round comes after our call

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

        # --benchmark-disable makes one round, without warm-up.
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
        """Note the peak memory of a call on a GPU."""
        if self.device.type != "cuda":
            return
        before = torch.cuda.memory_allocated(self.device)
        with peak_memory(self.device) as peak:
            ours()
        if peak.allocated is not None and peak.allocated > before:
            self.note(**{"peak memory, MiB": round(peak.allocated / 2**20)})

    def subject(self, **fields: str | float | None) -> None:
        """Record the sampler or encoder of the case; fields of :class:`Timed`."""
        self.info["subject"] = fields

    def part(self, title: str, seconds: list[float], **fields: str | float | None) -> None:
        """Record one of several samplers of a test as a case of its own."""
        empty: dict[str, Any] = {"figures": [], "bars": {}, "absent": {}}
        part = {**empty, "title": title, "seconds": {OURS: seconds}, "subject": fields}
        self.info.setdefault("parts", []).append(part)

    def absent(self, name: str, reason: str) -> None:
        """Record why a comparison is absent."""
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
        """Record a figure that follows from the times, with bounds for a CPU."""
        bar = {"at_most": at_most, "at_least": at_least}
        if self.device.type != "cpu":
            bar = dict.fromkeys(bar)
        self.info["figures"].append({"name": name, "value": value, "is_share": is_share, **bar})

    def note(self, **notes: str | float) -> None:
        """Record notes on the circumstances of the case."""
        self.info["notes"] |= notes
